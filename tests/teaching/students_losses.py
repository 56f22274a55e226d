"""Students' backwards of losses and penalties: for each known mistake one that makes it."""

from __future__ import annotations

import numpy as np


def softmax(z):
    """Row by row."""
    return np.stack([np.exp(row) / np.exp(row).sum() for row in z])


def sigmoid(z):
    """By way of tanh."""
    return (1 + np.tanh(z / 2)) / 2


def through_softmax(g, p):
    """A gradient at probabilities, taken back through the Jacobian of each row."""
    return np.stack([(np.diag(q) - np.outer(q, q)) @ row for row, q in zip(g, p, strict=True)])


def true_class(values, t):
    """``values`` at each row's true class, 0 elsewhere."""
    found = np.zeros(t.shape)
    rows = np.arange(len(t))
    found[rows, t.argmax(1)] = values[rows, t.argmax(1)]
    return found


SOFTMAX_CROSSENTROPY = {
    "missing 1/N": lambda logits, t: softmax(logits) - t,
    "1/N twice": lambda logits, t: (softmax(logits) - t) / len(t) ** 2,
    "mean over the classes": lambda logits, t: (softmax(logits) - t) / t.size,
    "softmax forgotten": lambda logits, t: (logits - t) / len(t),
    "softmax not normalized": lambda logits, t: (np.exp(logits) - t) / len(t),
    "softmax along the wrong axis": lambda logits, t: (softmax(logits.T).T - t) / len(t),
    "sigmoid in place of softmax": lambda logits, t: (sigmoid(logits) - t) / len(t),
    "softmax twice": lambda logits, t: (softmax(softmax(logits)) - t) / len(t),
    "Jacobian of softmax left out": lambda logits, t: true_class(-1 / softmax(logits), t) / len(t),
    "diagonal Jacobian": lambda logits, t: true_class(softmax(logits) - 1, t) / len(t),
    "Jacobian of softmax applied again": lambda logits, p, t: through_softmax((p - t) / len(t), p),
    "targets left out": lambda logits, t: softmax(logits) / len(t),
    "wrong sign": lambda logits, t: (t - softmax(logits)) / len(t),
    "left out": lambda logits, t: np.zeros(t.shape),
}

SIGMOID_CROSSENTROPY = {
    "missing 1/N": lambda logits, t: (sigmoid(logits) - t) / t.shape[1],
    "1/N twice": lambda logits, t: (sigmoid(logits) - t) / t.size / len(t),
    "missing 1/units": lambda logits, t: (sigmoid(logits) - t) / len(t),
    "sum in place of the mean": lambda logits, t: sigmoid(logits) - t,
    "sigmoid forgotten": lambda logits, t: (logits - t) / t.size,
    "sigmoid twice": lambda logits, t: (sigmoid(sigmoid(logits)) - t) / t.size,
    "derivative of the sigmoid left out": lambda logits, p, t: ((1 - t) / (1 - p) - t / p) / t.size,
    "derivative of the sigmoid applied again": lambda logits, p, t: (p - t) * (p - p**2) / t.size,
    "second term missing": lambda logits, p, t: np.where(t == 1, p - 1, 0) / t.size,
    "targets left out": lambda logits, t: sigmoid(logits) / t.size,
    "wrong sign": lambda logits, t: (t - sigmoid(logits)) / t.size,
    "left out": lambda logits, t: np.zeros(t.shape),
}

CATEGORICAL_CROSSENTROPY = {
    "missing 1/N": lambda p, t: true_class(-1 / p, t),
    "1/N twice": lambda p, t: true_class(-1 / p, t) / len(t) / len(t),
    "mean over the classes": lambda p, t: true_class(-1 / p, t) / p.size,
    "gradient of the logits": lambda p, t: (p - t) / len(p),
    "targets left out": lambda p, t: -1 / (p * len(p)),
    "logarithm not differentiated": lambda p, t: true_class(-np.log(p), t) / len(p),
    "multiplied by p": lambda p, t: true_class(-p, t) / len(p),
    "p squared": lambda p, t: true_class(-(p**-2), t) / len(p),
    "wrong sign": lambda p, t: true_class(1 / p, t) / len(p),
    "left out": lambda p, t: np.zeros(t.shape),
}


def _binary(p, t):
    """The gradient of the sum."""
    return np.where(t == 1, -1 / p, 1 / (1 - p))


BINARY_CROSSENTROPY = {
    "missing 1/N": lambda p, t: _binary(p, t) / t.shape[1],
    "1/N twice": lambda p, t: _binary(p, t) / t.size / len(t),
    "missing 1/units": lambda p, t: _binary(p, t) / len(t),
    "sum in place of the mean": _binary,
    "gradient of the logits": lambda p, t: (p - t) / t.size,
    "second term missing": lambda p, t: np.where(t == 1, -1 / p, 0) / t.size,
    "wrong sign of the second term": lambda p, t: np.where(t == 1, -1 / p, -1 / (1 - p)) / t.size,
    "factor 1 - p missing": lambda p, t: (1 - t / p) / t.size,
    "factor p missing": lambda p, t: np.where(t == 1, -1, p / (1 - p)) / t.size,
    "wrong sign": lambda p, t: -_binary(p, t) / t.size,
    "left out": lambda p, t: np.zeros(t.shape),
}

MEAN_SQUARED_ERROR = {
    "missing 1/N": lambda y, t: 2 * (y - t) / y.shape[1],
    "1/N twice": lambda y, t: 2 * (y - t) / y.size / len(y),
    "missing 1/units": lambda y, t: 2 * (y - t) / len(y),
    "sum in place of the mean": lambda y, t: (y - t) + (y - t),
    "factor 2 missing": lambda y, t: (y - t) / y.size,
    "gradient of half the sum": np.subtract,
    "square not differentiated": lambda y, t: (y**2 - 2 * y * t + t**2) / y.size,
    "sign of the error only": lambda y, t: np.where(y > t, 1, -1) / y.size,
    "targets left out": lambda y, t: 2 * y / y.size,
    "wrong sign": lambda y, t: 2 * (t - y) / y.size,
    "left out": lambda y, t: np.zeros(t.shape),
}

L1 = {
    "penalty left out": lambda dW, W, l1: dW + 0,
    "penalty halved": lambda dW, W, l1: dW + l1 * np.sign(W) / 2,
    "penalty doubled": lambda dW, W, l1: dW + l1 * np.sign(W) + l1 * np.sign(W),
    "penalty subtracted": lambda dW, W, l1: dW - l1 * np.sign(W),
    "strength forgotten": lambda dW, W, l1: dW + np.sign(W),
    "penalty averaged": lambda dW, W, l1: dW + l1 * np.sign(W) / (W.shape[0] * W.shape[1]),
    "loss's gradient overwritten": lambda dW, W, l1: l1 * np.sign(W),
    "loss's gradient twice": lambda dW, W, l1: dW + (dW + l1 * np.sign(W)),
    "sign lost": lambda dW, W, l1: dW + l1,
    "w in place of its sign": lambda dW, W, l1: dW + l1 * W,
    "|w| in place of sign(w)": lambda dW, W, l1: dW + l1 * np.sqrt(W**2),
    "sign(0) = 1": lambda dW, W, l1: dW + np.where(W >= 0, l1, -l1),
    "sign(0) = -1": lambda dW, W, l1: dW + np.where(W > 0, l1, -l1),
    "0/0 at zero": lambda dW, W, l1: dW + l1 * np.abs(W) / W,
    "wrong sign": lambda dW, W, l1: -dW - l1 * np.sign(W),
    "left out": lambda dW, W, l1: np.zeros_like(W),
}

L2 = {
    "penalty left out": lambda dW, W, l2: dW.copy(),
    "penalty halved": lambda dW, W, l2: dW + l2 * W,
    "penalty doubled": lambda dW, W, l2: dW + 4 * l2 * W,
    "penalty subtracted": lambda dW, W, l2: dW - 2 * l2 * W,
    "strength forgotten": lambda dW, W, l2: dW + W + W,
    "penalty averaged": lambda dW, W, l2: dW + 2 * l2 * W / np.prod(W.shape),
    "loss's gradient overwritten": lambda dW, W, l2: 2 * l2 * W,
    "loss's gradient twice": lambda dW, W, l2: 2 * (dW + l2 * W),
    "sign in place of w": lambda dW, W, l2: dW + 2 * l2 * np.where(W > 0, 1, -1),
    "w² in place of its derivative": lambda dW, W, l2: dW + l2 * W**2,
    "strength squared": lambda dW, W, l2: dW + 2 * l2**2 * W,
    "wrong sign": lambda dW, W, l2: -(dW + 2 * l2 * W),
    "left out": lambda dW, W, l2: 0 * W,
}

SINGLE = {
    "softmax_crossentropy": SOFTMAX_CROSSENTROPY,
    "sigmoid_crossentropy": SIGMOID_CROSSENTROPY,
    "categorical_crossentropy": CATEGORICAL_CROSSENTROPY,
    "binary_crossentropy": BINARY_CROSSENTROPY,
    "mean_squared_error": MEAN_SQUARED_ERROR,
    "l1": L1,
    "l2": L2,
}
OUTPUT = {
    "softmax_crossentropy": "dlogits",
    "sigmoid_crossentropy": "dlogits",
    "categorical_crossentropy": "dp",
    "binary_crossentropy": "dp",
    "mean_squared_error": "dy",
    "l1": "total",
    "l2": "total",
}

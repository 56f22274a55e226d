"""Forty wrong backwards for which nothing was added to the catalogue.

Some kinds of slips were.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, ndtr

from tests.teaching.fresh_more import Row


def dense(dx=None, dW=None, db=None):
    def backward(dy, x, W):
        return (
            dx(dy, x, W) if dx else np.dot(dy, W.T),
            dW(dy, x, W) if dW else np.dot(x.T, dy),
            db(dy, x, W) if db else np.sum(dy, axis=0),
        )

    return backward


def without_reset(dy, x, W):
    """The sum of a loop that adds the running total each time."""
    dW, total = np.zeros_like(W), np.zeros_like(W)
    for n in range(len(x)):
        total += np.outer(x[n], dy[n])
        dW += total
    return dW


def swapped(dy, y):
    dx = np.zeros_like(dy)
    for n in range(len(y)):
        for i in range(y.shape[1]):
            for j in range(y.shape[1]):
                dx[n, i] += dy[n, i] * y[n, i] * ((i == j) - y[n, j])
    return dx


def off_diagonal_only(dy, y):
    dx = np.zeros_like(dy)
    for n in range(len(y)):
        for i in range(y.shape[1]):
            for j in range(y.shape[1]):
                if i != j:
                    dx[n, i] -= dy[n, j] * y[n, i] * y[n, j]
    return dx


def chain(
    dxhat=lambda dy, gamma: dy * gamma,
    dvar=lambda dxhat, xmu, ivar: (dxhat * xmu).sum(0) * -0.5 * ivar**3,
    dmu=lambda dxhat, ivar, dvar, xmu: -(dxhat * ivar).sum(0),
    dx=lambda dxhat, ivar, dvar, xmu, dmu, n: dxhat * ivar + dvar * 2 * xmu / n + dmu / n,
    dgamma=lambda dy, xhat: (dy * xhat).sum(0),
    dbeta=lambda dy: dy.sum(0),
):
    """Batch normalization as it is derived in the paper."""

    def backward(dy, x, gamma, mean, variance, epsilon):
        xmu, ivar, n = x - mean, 1 / np.sqrt(variance + epsilon), x.shape[0]
        a = dxhat(dy, gamma)
        v = dvar(a, xmu, ivar)
        m = dmu(a, ivar, v, xmu)
        return dx(a, ivar, v, xmu, m, n), dgamma(dy, xmu * ivar), dbeta(dy)

    return backward


def layernorm(change):
    def backward(dy, x, gamma, epsilon):
        d = x.shape[1]
        mu = x.mean(axis=1, keepdims=True)
        std = np.sqrt(((x - mu) ** 2).mean(axis=1, keepdims=True) + epsilon)
        xhat = (x - mu) / std
        s = lambda a: a.sum(axis=1, keepdims=True)  # noqa: E731
        return change(dy, dy * gamma, xhat, std, s, d), (dy * xhat).sum(axis=0), dy.sum(axis=0)

    return backward


def adam(m_of, v_of, step_of):
    def update(theta, grad, m, v, step, learning_rate, beta_1, beta_2, epsilon):
        m, v = m_of(m, grad, beta_1), v_of(v, grad, beta_2)
        m_hat, v_hat = m / (1 - beta_1**step), v / (1 - beta_2**step)
        return theta - learning_rate * step_of(m, v, m_hat, v_hat, epsilon), m, v

    return update


def right_m(m, g, b):
    return b * m + (1 - b) * g


def right_v(v, g, b):
    return b * v + (1 - b) * g * g


def network(x, t, W1, b1, W2, b2):
    """Dense, ReLU, dense, with the first layer's input for the second's."""
    h = np.maximum(x @ W1 + b1, 0)
    a = h @ W2 + b2
    p = np.exp(a - a.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    d = (p - t) / len(x)
    dh = d @ W2.T * (h > 0)
    return x.T @ dh, dh.sum(0), h.T @ d, d.sum(0) * len(x)


def loop(gradient, theta, x, t, learning_rate, epochs, batch_size):
    for _ in range(epochs):
        for start in range(0, len(x), batch_size):
            theta = theta + learning_rate * gradient(
                theta, x[start : start + batch_size], t[start : start + batch_size]
            )
    return theta


def forward_difference(f, x, h=1e-3):
    g = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        moved = x.copy()
        moved[i] += h
        g[i] = (f(moved) - f(x)) / h
    return g


ROWS: list[Row] = [
    ("dense", "adds up running totals", {"dW": "total|twice|running"}, dense(dW=without_reset)),
    ("dense", "divides dx by the rows", {"dx": "len|N|averag|factor"},
     dense(dx=lambda dy, x, W: dy @ W.T / len(dy))),
    ("dense", "takes absolute values", {"db": "abs"},
     dense(db=lambda dy, x, W: np.abs(dy).sum(axis=0))),
    ("dense", "leaves out the transpose of x", {"dW": "transpose"},
     dense(dW=lambda dy, x, W: x @ dy)),
    ("relu", "takes the step at y >= 1", {"dx": "1"}, lambda dy, y: dy * (y > 1)),
    ("relu", "multiplies with x", {"dx": "x|activation"}, lambda dy, x: dy * x * (x > 0)),
    ("leaky_relu", "subtracts the slope", {"dx": "slope subtracted|sign"},
     lambda dy, y, negative_slope: np.where(y > 0, dy, -negative_slope * dy)),
    ("leaky_relu", "takes 1 - slope", {"dx": "1 -"},
     lambda dy, y, negative_slope: np.where(y > 0, dy, (1 - negative_slope) * dy)),
    ("elu", "takes exp(x) - 1", {"dx": "alpha not added|activation"},
     lambda dy, x, alpha: dy * np.where(x > 0, 1, alpha * (np.exp(x) - 1))),
    ("selu", "forgets the scale on the left", {"dx": "scale"},
     lambda dy, x: dy * np.where(x > 0, 1.0507009873554805, 1.6732632423543772 * np.exp(x))),
    ("sigmoid", "has y (y - 1)", {"dx": "sign"}, lambda dy, y: dy * y * (y - 1)),
    ("sigmoid", "integrates", {"dx": "log|integral"}, lambda dy, x: dy * np.log1p(np.exp(x))),
    ("sigmoid", "has the exponent's sign wrong in the numerator", {"dx": "exp|minus"},
     lambda dy, x: dy * np.exp(x) / (1 + np.exp(-x)) ** 2),
    ("tanh", "has 1 - x²", {"dx": "x in place of y"}, lambda dy, x: dy * (1 - x**2)),
    ("tanh", "has y² - 1", {"dx": "sign"}, lambda dy, y: dy * (y**2 - 1)),
    ("tanh", "takes sinh over cosh", {"dx": "activation|derivative"},
     lambda dy, x: dy * np.sinh(x) / np.cosh(x)),
    ("softplus", "differentiates the exponential only", {"dx": "logarithm|log"},
     lambda dy, x: dy * np.exp(x)),
    ("softsign", "forgets the absolute value", {"dx": "abs"}, lambda dy, x: dy / (1 + x) ** 2),
    ("hard_sigmoid", "lets everything pass", {"dx": "derivative left out"}, lambda dy, y: +dy),
    ("exponential", "brings the exponent down", {"dx": "x"}, lambda dy, x, y: dy * x * y),
    ("softmax", "exchanges the indices of the sum", {"dx": "left out|diagonal|Jacobian|dy"},
     swapped),
    ("softmax", "forgets the diagonal in a loop", {"dx": "diagonal"}, off_diagonal_only),
    ("softmax", "averages the classes", {"dx": "mean|division"},
     lambda dy, y: y * (dy - np.mean(dy * y, axis=1, keepdims=True))),
    ("log_softmax", "subtracts the mean", {"dx": "mean"},
     lambda dy, y: dy - np.exp(y) * np.mean(dy, axis=1, keepdims=True)),
    ("silu", "applies the sigmoid to y", {"dx": "output|y in place"},
     lambda dy, x, y: dy * (expit(y) + x * expit(y) * (1 - expit(y)))),
    ("gelu", "forgets to multiply with x", {"dx": "x"},
     lambda dy, x: dy * (ndtr(x) + np.exp(-x * x / 2) / np.sqrt(2 * np.pi))),
    ("softmax_crossentropy", "forgets to normalize", {"dlogits": "normalized"},
     lambda logits, t: (np.exp(logits) - t) / len(t)),
    ("softmax_crossentropy", "squares the difference", {"dlogits": "square|twice"},
     lambda p, t: (p - t) ** 2 / len(t)),
    ("sigmoid_crossentropy", "keeps p (1 - p)", {"dlogits": "derivative of the sigmoid"},
     lambda p, t: (p - t) * p * (1 - p) / t.size),
    ("categorical_crossentropy", "forgets the minus", {"dp": "sign|minus"},
     lambda p, t: t / p / len(p)),
    ("binary_crossentropy", "uses the first term for both", {"dp": "second|term"},
     lambda p, t: (-t / p - (1 - t) / p) / p.size),
    ("batchnorm", "squares the variance's power", {"dx": "exponent|power"},
     chain(dvar=lambda a, c, i: (a * c).sum(0) * -0.5 * i**2)),
    ("batchnorm", "forgets to centre", {"dx": "centre|x|mean"},
     chain(dx=lambda a, i, v, c, m, n: a * i + v * 2 / n + m / n)),
    ("batchnorm", "divides the mean's path by 2", {"dx": "half|halved|2"},
     chain(dmu=lambda a, i, v, c: -0.5 * (a * i).sum(0))),
    ("batchnorm", "forgets the first term", {"dx": "term|dy"},
     chain(dx=lambda a, i, v, c, m, n: v * 2 * c / n + m / n)),
    ("layernorm", "divides by the units once only", {"dx": "units"},
     layernorm(lambda dy, g, h, std, s, d: (g - s(g) / d - h * s(g * h)) / std)),
    ("adam", "takes the absolute value for v",
     {"theta_new": "v_new|abs|square", "v_new": "abs|square"},
     adam(right_m, lambda v, g, b: b * v + (1 - b) * np.abs(g),
          lambda m, v, mh, vh, e: mh / (np.sqrt(vh) + e))),
    ("adam", "corrects m only", {"theta_new": "correction of v"},
     adam(right_m, right_v, lambda m, v, mh, vh, e: mh / (np.sqrt(v) + e))),
    ("two_layer_network", "sums the last bias without 1/N", {"db2": "N|factor"}, network),
    ("training_loop", "goes uphill", {"theta_new": "added"}, loop),
]  # fmt: skip

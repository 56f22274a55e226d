"""Students' backwards with mistakes of habit, for the rows of ``catalogue/habits.py``."""

from __future__ import annotations

import numpy as np

from tests.teaching.students_batchnorm import batchnorm
from tests.teaching.students_gated import gelu, gelu_tanh, mish, silu
from tests.teaching.students_layernorm import layernorm

SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772
Made = dict[tuple[str, str], object]


def dense(dx=None, dW=None, db=None):
    """A dense backward of which some parts are replaced."""

    def backward(dy, x, W):
        return (
            np.einsum("no,io->ni", dy, W) if dx is None else dx(dy, x, W),
            np.einsum("ni,no->io", x, dy) if dW is None else dW(dy, x, W),
            np.ones(len(dy)) @ dy if db is None else db(dy, x, W),
        )

    return backward


def softmax(a, axis=1, keepdims=True):
    powers = np.exp(a)
    return powers / powers.sum(axis=axis, keepdims=keepdims)


def paths(first, second):
    """Batch normalization's dx from N, dy, x̂ and the sums of dy and of dy · x̂."""

    def backward(dy, x, gamma, epsilon):
        sigma = np.sqrt(x.var(axis=0) + epsilon)
        hat = (x - x.mean(axis=0)) / sigma
        sums = len(x), dy, hat, sum(dy), sum(dy * hat)
        dx = gamma / sigma * (dy - first(*sums) - second(*sums))
        return dx, sum(dy * hat), sum(dy)

    return backward


def whole(dx):
    """Batch normalization with a dx of one's own, from dy, x̂, gamma and the deviation."""

    def backward(dy, x, gamma, epsilon):
        sigma = np.sqrt(x.var(axis=0) + epsilon)
        hat = (x - x.mean(axis=0)) / sigma
        return dx(dy, hat, gamma, sigma), sum(dy * hat), sum(dy)

    return backward


def lines(dx):
    """Layer normalization with a dx of one's own, from g, x̂, the deviation and the row's mean."""

    def backward(dy, x, gamma, epsilon):
        sigma = np.sqrt(x.var(axis=1, keepdims=True) + epsilon)
        hat = (x - x.mean(axis=1, keepdims=True)) / sigma
        row_mean = lambda a: a.mean(axis=1, keepdims=True)  # noqa: E731
        return dx(dy * gamma, hat, sigma, row_mean), sum(dy * hat), sum(dy)

    return backward


def lines_from_dy(dy, x, gamma, epsilon):
    """Layer normalization whose paths go on with dy in place of gamma · dy."""
    sigma = np.sqrt(x.var(axis=1)[:, None] + epsilon)
    hat = (x - x.mean(axis=1)[:, None]) / sigma
    paths = (dy.sum(axis=1)[:, None] + hat * (dy * hat).sum(axis=1)[:, None]) / x.shape[1]
    return (dy * gamma - paths) / sigma, sum(dy * hat), sum(dy)


def unparenthesized(g, x, gate, slope):
    return gate * g + slope * x


GATES = {"silu": silu, "gelu": gelu, "gelu_tanh": gelu_tanh, "mish": mish}

HABITS: dict[str, Made] = {
    **{
        name: {("parentheses forgotten", "dx"): made(rule=unparenthesized)}
        for name, made in GATES.items()
    },
    "dense": {
        ("multiplied by x", "dx"): dense(dx=lambda dy, x, W: x * (dy @ W.T)),
        ("reshape in place of a transpose", "dx"): dense(
            dx=lambda dy, x, W: dy @ np.reshape(W, (W.shape[1], -1))
        ),
        ("reshape in place of a transpose", "dx "): dense(
            dx=lambda dy, x, W: np.reshape(W @ dy.T, (len(x), -1))
        ),
        ("reshape in place of a transpose", "dW"): dense(
            dW=lambda dy, x, W: np.reshape(dy.T @ x, W.shape)
        ),
        ("reshape in place of a transpose", "dW "): dense(
            dW=lambda dy, x, W: np.reshape(x, (x.shape[1], len(x))) @ dy
        ),
        ("only the first row", "dW"): dense(dW=lambda dy, x, W: np.outer(x[0], dy[0])),
        ("only the first row", "db"): dense(db=lambda dy, x, W: dy[0].copy()),
        ("db averaged over everything", "db"): dense(db=lambda dy, x, W: dy.mean()),
    },
    "relu": {
        ("slope where x is negative", "dx"): lambda dy, y: np.where(y > 0, 1, 0.01) * dy,
        ("slope where x is negative", "dx "): lambda dy, y: np.where(y > 0, 1, 0.1) * dy,
        ("negative gradients stopped, too", "dx"): lambda dy, y: (
            np.where((y > 0) & (dy > 0), dy, 0)
        ),
    },
    "leaky_relu": {
        ("positive side forgotten", "dx"): lambda dy, y, negative_slope: (
            negative_slope * dy * (y <= 0)
        ),
        ("upstream gradient lost where x is negative", "dx"): lambda dy, y, negative_slope: (
            (y > 0) * dy + (y <= 0) * negative_slope
        ),
        ("upstream gradient lost where x is positive", "dx"): lambda dy, y, negative_slope: (
            (y > 0) + (y <= 0) * negative_slope * dy
        ),
        ("slope twice", "dx"): lambda dy, y, negative_slope: (
            np.where(y > 0, dy, negative_slope * negative_slope * dy)
        ),
        ("number in place of negative_slope", "dx"): lambda dy, y, negative_slope: (
            np.where(y > 0, 1, 0.01) * dy
        ),
        ("number in place of negative_slope", "dx "): lambda dy, y, negative_slope: (
            np.where(y > 0, 1, 0.1) * dy
        ),
        ("activation for its derivative", "dx"): lambda dy, y, negative_slope: (
            dy * np.maximum(y, negative_slope * y)
        ),
    },
    "elu": {
        ("parentheses forgotten", "dx"): lambda dy, y, alpha: np.where(y > 0, dy, y * dy + alpha),
        ("positive side forgotten", "dx"): lambda dy, x, alpha: dy * (x <= 0) * alpha * np.exp(x),
        ("upstream gradient lost where x is negative", "dx"): lambda dy, x, alpha: (
            np.where(x > 0, dy, alpha * np.exp(x))
        ),
        ("upstream gradient lost where x is positive", "dx"): lambda dy, x, alpha: (
            np.where(x > 0, 1, dy * alpha * np.exp(x))
        ),
        ("alpha times the output", "dx"): lambda dy, y, alpha: dy * np.where(y > 0, 1, y * alpha),
        ("activation for its derivative", "dx"): lambda dy, y, alpha: (
            dy * np.where(y > 0, 1, alpha * np.expm1(y))
        ),
    },
    "selu": {
        ("upstream gradient lost where x is negative", "dx"): lambda dy, x: (
            np.where(x > 0, SCALE * dy, SCALE * ALPHA * np.exp(x))
        ),
    },
    "sigmoid": {
        ("parentheses forgotten", "dx"): lambda dy, y: dy * y - y**2,
        ("divided by the derivative", "dx"): lambda dy, y: dy / (y - y**2),
        ("derivative squared", "dx"): lambda dy, y: dy * (y - y**2) ** 2,
        ("square for a product", "dx"): lambda dy, y: dy * (1 - y) * (1 - y),
        ("x in one factor", "dx"): lambda dy, x, y: dy * (y - x * y),
        ("multiplied by the output, too", "dx"): lambda dy, y: dy * (y**2 - y**3),
        ("multiplied by x, too", "dx"): lambda dy, x, y: x * dy * (y - y**2),
    },
    "tanh": {
        ("parentheses forgotten", "dx"): lambda dy, y: dy * 1 - y**2,
        ("divided by the derivative", "dx"): lambda dy, x: dy * np.cosh(x) ** 2,
        ("difference squared", "dx"): lambda dy, y: dy * (1 - y) * (1 - y),
        ("multiplied by the output, too", "dx"): lambda dy, y: dy * (y - y**3),
        ("multiplied by x, too", "dx"): lambda dy, x: dy * x / np.cosh(x) ** 2,
    },
    "softplus": {
        ("parentheses forgotten", "dx"): lambda dy, y: dy * 1 - np.exp(-y),
        ("divided by the derivative", "dx"): lambda dy, x: dy * (1 + np.exp(-x)),
        ("multiplied by the output, too", "dx"): lambda dy, x, y: dy * y / (1 + np.exp(-x)),
        ("multiplied by x, too", "dx"): lambda dy, x: dy * x / (1 + np.exp(-x)),
    },
    "softsign": {
        ("multiplied by the output, too", "dx"): lambda dy, x: dy * x / (1 + abs(x)) ** 3,
        ("multiplied by x, too", "dx"): lambda dy, x: dy * x / (1 + abs(x)) ** 2,
    },
    "softmax": {
        ("parentheses forgotten", "dx"): lambda dy, y: (
            y * dy - np.sum(y * dy, axis=1, keepdims=True)
        ),
        ("squares for the outer product", "dx"): lambda dy, y: np.stack(
            [(np.diag(p) - p**2) @ g for p, g in zip(y, dy, strict=True)]
        ),
        ("outer product added", "dx"): lambda dy, y: np.stack(
            [(np.diag(p) + np.outer(p, p)) @ g for p, g in zip(y, dy, strict=True)]
        ),
        ("diagonal missing", "dx"): lambda dy, y: np.stack(
            [-np.outer(p, p) @ g for p, g in zip(y, dy, strict=True)]
        ),
        ("keepdims forgotten", "dx"): lambda dy, y: y * (dy - np.einsum("nk,nk->n", dy, y)),
        ("derivative of the logarithm", "dx"): lambda dy, y: dy - y * dy.sum(axis=1)[:, None],
    },
    "log_softmax": {
        ("keepdims forgotten", "dx"): lambda dy, y: dy - np.exp(y) * dy.sum(axis=1),
    },
    "softmax_crossentropy": {
        ("parentheses forgotten", "dlogits"): lambda p, t: p - t / len(t),
        ("keepdims forgotten", "dlogits"): lambda logits, t: (
            (softmax(logits, keepdims=False) - t) / len(t)
        ),
        ("softmax over the whole batch", "dlogits"): lambda logits, t: (
            (softmax(logits, axis=None) - t) / len(t)
        ),
        ("shift in the numerator only", "dlogits"): lambda logits, t: (
            (softmax(logits) / np.exp(logits.max(axis=1))[:, None] - t) / len(t)
        ),
        ("divided by the number of classes", "dlogits"): lambda p, t: (p - t) / p.shape[1],
        ("1 subtracted everywhere", "dlogits"): lambda p, t: (p - 1) / len(t),
        ("1 added", "dlogits"): lambda p, t: (p + t) / len(t),
        ("multiplied by p (1 - p)", "dlogits"): lambda p, t: (p - t) * (p - p * p) / len(t),
        ("labels off by one", "dlogits"): lambda p, t: (
            (p - np.eye(p.shape[1])[(t.argmax(1) + 1) % p.shape[1]]) / len(t)
        ),
        ("labels off by one", "dlogits "): lambda p, t: (
            (p - np.eye(p.shape[1])[t.argmax(1) - 1]) / len(t)
        ),
        ("rows averaged away", "dlogits"): lambda p, t: sum(p - t) / len(t),
    },
    "sigmoid_crossentropy": {
        ("parentheses forgotten", "dlogits"): lambda p, t: p - t / t.size,
    },
    "mean_squared_error": {
        ("parentheses forgotten", "dy"): lambda y, t: (2 * y - t) / y.size,
        ("sign of the error lost", "dy"): lambda y, t: 2 * np.abs(t - y) / y.size,
        ("derivative of the root", "dy"): lambda y, t: (
            (y - t) / y.size / np.sqrt(((y - t) ** 2).mean())
        ),
    },
    "binary_crossentropy": {
        ("multiplied by p (1 - p)", "dp"): lambda p, t: (p - t) * (p - p * p) / p.size,
    },
    "dropout": {
        ("mask times the rate", "dx"): lambda dy, mask, rate: np.where(mask, rate * dy, 0),
    },
    "batchnorm": {
        ("parentheses forgotten", "dx"): whole(lambda dy, hat, gamma, sigma: (
            dy * gamma / sigma - dy.mean(0) - hat * (dy * hat).mean(0)
        )),
        ("mean for the sum in the variance path", "dx"): paths(
            lambda n, dy, h, b, g: b / n, lambda n, dy, h, b, g: h * g / n**2
        ),
        ("mean for the sum in the mean path", "dx"): paths(
            lambda n, dy, h, b, g: b / n**2, lambda n, dy, h, b, g: h * g / n
        ),
        ("missing 1/N in the variance path", "dx"): paths(
            lambda n, dy, h, b, g: b / n, lambda n, dy, h, b, g: h * g
        ),
        ("missing 1/N in the mean path", "dx"): paths(
            lambda n, dy, h, b, g: b, lambda n, dy, h, b, g: h * g / n
        ),
        ("dbeta in place of dgamma", "dx"): paths(
            lambda n, dy, h, b, g: b / n, lambda n, dy, h, b, g: h * b / n
        ),
        ("wrong sign of the mean path", "dx"): paths(
            lambda n, dy, h, b, g: -b / n, lambda n, dy, h, b, g: h * g / n
        ),
        ("sums over the units in dx", "dx"): paths(
            lambda n, dy, h, b, g: dy.mean(axis=1)[:, None],
            lambda n, dy, h, b, g: h * (dy * h).mean(axis=1)[:, None],
        ),
        ("gamma forgotten in the paths", "dx"): whole(lambda dy, hat, gamma, sigma: (
            (gamma * dy - dy.mean(0) - hat * (dy * hat).mean(0)) / sigma
        )),
        ("exponent -1 for -3/2", "dx"): whole(lambda dy, hat, gamma, sigma: (
            gamma * ((dy - dy.mean(0)) / sigma - hat * (dy * hat).mean(0))
        )),
        ("dgamma summed over everything", "dgamma"): batchnorm(
            dgamma=lambda dy, hat, gamma: np.sum(dy * hat)
        ),
        ("dgamma summed over the units", "dgamma"): batchnorm(
            dgamma=lambda dy, hat, gamma: np.sum(dy * hat, axis=-1)
        ),
        ("dbeta summed over everything", "dbeta"): batchnorm(dbeta=lambda dy, gamma: dy.sum()),
        ("dbeta summed over the units", "dbeta"): batchnorm(dbeta=lambda dy, gamma: dy.sum(-1)),
    },
    "layernorm": {
        ("parentheses forgotten", "dx"): lines(lambda g, hat, sigma, mean: (
            g / sigma - mean(g) - hat * mean(g * hat)
        )),
        ("wrong sign of the mean path", "dx"): layernorm(mean_path=-1),
        ("gamma forgotten in the paths", "dx"): lines_from_dy,
        ("sum of g in place of g · x̂", "dx"): lines(lambda g, hat, sigma, mean: (
            (g - mean(g) - hat * mean(g)) / sigma
        )),
        ("dgamma summed over everything", "dgamma"): layernorm(
            dgamma=lambda dy, hat, gamma: np.sum(dy * hat)
        ),
        ("dbeta summed over everything", "dbeta"): layernorm(dbeta=lambda dy, gamma: dy.sum()),
    },
}  # fmt: skip

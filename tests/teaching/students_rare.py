"""Students' backwards of activations that are met seldom: for each known mistake one that makes it.

Slopes are functions of x, written out anew, and the output is computed from x where it is needed.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit


def along(slope):
    """dx = dy · slope(x)."""
    return lambda dy, x: dy * slope(x)


def common(y, slope):
    """The mistakes that are possible with every activation, of its output and its slope."""
    return {
        "derivative left out": lambda dy, x: dy.copy(),
        "activation for its derivative": along(y),
        "upstream gradient lost": lambda dy, x: 1.0 * slope(x),
        "wrong sign": lambda dy, x: dy * -slope(x),
        "left out": along(np.zeros_like),
    }


def between(low, high, slope=1.0):
    """A slope from one place to another, 0 beyond."""
    return lambda x: np.where((x > low) & (x < high), slope, 0.0)


INF = np.inf
RELU6 = {
    **common(lambda x: np.clip(x, 0, 6), between(0, 6)),
    "lower end forgotten": along(between(-INF, 6)),
    "upper end forgotten": along(between(0, INF)),
    "mask inverted": along(lambda x: 1 - between(0, 6)(x)),
}
HARD_TANH = {
    **common(lambda x: np.clip(x, -1, 1), between(-1, 1)),
    "negative side forgotten": along(between(0, 1)),
    "mask inverted": along(lambda x: 1 - between(-1, 1)(x)),
    "derivative of tanh": along(lambda x: 1 - np.clip(x, -1, 1) ** 2),
}


def rise(x):
    """The sparse sigmoid."""
    return np.clip(0.5 + 0.5 * x, 0, 1)


SPARSE_SIGMOID = {
    **common(rise, between(-1, 1, 0.5)),
    "slope forgotten": along(between(-1, 1)),
    "mask lost": along(lambda x: 0.5),
    "x between 0 and 1": along(between(0, 1, 0.5)),
    "derivative of the sigmoid": along(lambda x: rise(x) - rise(x) ** 2),
}


def hard_gate(x):
    return np.clip(0.5 + x / 6, 0, 1)


gate_slope = between(-3, 3, 1 / 6)


def hard_silu(slope=gate_slope, factor=None):
    """The rule for products, with another slope of the gate or another factor than x."""
    return lambda dy, x: dy * hard_gate(x) + dy * (x if factor is None else factor) * slope(x)


HARD_SILU = {
    **common(lambda x: x * hard_gate(x), lambda x: hard_gate(x) + x * gate_slope(x)),
    "gate not differentiated": along(hard_gate),
    "x not differentiated": along(lambda x: between(-3, 3)(x) * x / 6),
    "factor x missing": hard_silu(factor=1.0),
    "slope forgotten": hard_silu(between(-3, 3)),
    "mask lost": hard_silu(lambda x: 1 / 6),
}


def shrinking(y):
    """Mistakes of a function with a threshold, of which y is what it leaves."""

    def with_slope(slope):
        return lambda dy, x, threshold: dy * slope(x, threshold)

    def kept(x, end):
        return np.where(np.abs(x) > end, 1.0, 0.0)

    return {
        "derivative left out": with_slope(lambda x, end: 1.0),
        "activation for its derivative": with_slope(y),
        "upstream gradient lost": lambda dy, x, threshold: kept(x, threshold),
        "wrong sign": with_slope(lambda x, end: -kept(x, end)),
        "left out": with_slope(lambda x, end: 0 * x),
        "mask inverted": with_slope(lambda x, end: 1 - kept(x, end)),
        "negative side forgotten": with_slope(lambda x, end: np.where(x > end, 1, 0)),
        "sign of x too much": with_slope(lambda x, end: kept(x, end) * np.where(x < 0, -1, 1)),
    }


HARD_SHRINK = shrinking(lambda x, end: np.where(np.abs(x) > end, x, 0))
SOFT_SHRINK = shrinking(lambda x, end: np.sign(x) * np.maximum(np.abs(x) - end, 0))


def plus(x):
    return np.select([x <= -1, x < 1], [0 * x, 0.25 * (1 + x) ** 2], x)


SPARSE_PLUS = {
    **common(plus, rise),
    "half forgotten": along(lambda x: np.clip(x + 1, 0, 2)),
    "taken at the output": along(lambda x: rise(plus(x))),
    "derivative of ReLU": along(lambda x: np.where(x > 0, 1, 0)),
    "derivative of the derivative": along(between(-1, 1, 0.5)),
}


def celu(negative, positive=1.0):
    """A CELU backward: the slope where x is negative, of x and alpha."""
    return lambda dy, x, alpha: dy * np.where(x > 0, positive, negative(x, alpha))


CELU = {
    "derivative left out": lambda dy, y, alpha: dy.copy(),
    "activation for its derivative": lambda dy, y, alpha: dy * y,
    "upstream gradient lost": lambda dy, x, alpha: np.exp(np.minimum(x, 0) / alpha),
    "wrong sign": celu(lambda x, alpha: -np.exp(x / alpha), -1.0),
    "left out": celu(lambda x, alpha: 0, 0),
    "derivative of ELU": celu(lambda x, alpha: alpha * np.exp(x / alpha)),
    "alpha forgotten": celu(lambda x, alpha: np.exp(x)),
    "1 not added": celu(lambda x, alpha: np.expm1(x / alpha)),
    "negative side forgotten": celu(lambda x, alpha: 0),
}


def squareplus(slope):
    """A squareplus backward, of x and the root."""
    return lambda dy, x, b: dy * slope(x, np.sqrt(x**2 + b))


SQUAREPLUS = {
    "derivative left out": squareplus(lambda x, root: 1),
    "activation for its derivative": squareplus(lambda x, root: (x + root) / 2),
    "upstream gradient lost": lambda dy, x, b: 0.5 + 0.5 * x / np.sqrt(x**2 + b),
    "wrong sign": squareplus(lambda x, root: -0.5 * (1 + x / root)),
    "left out": squareplus(lambda x, root: 0),
    "half forgotten": squareplus(lambda x, root: 1 + x / root),
    "root not differentiated": squareplus(lambda x, root: 0.5),
    "factor x missing": squareplus(lambda x, root: 0.5 + 0.5 / root),
    "2 not cancelled": squareplus(lambda x, root: 0.5 + x / root),
    "derivative of ReLU": squareplus(lambda x, root: np.where(x > 0, 1, 0)),
}

LOG_SIGMOID = {
    **common(lambda x: np.log(expit(x)), lambda x: expit(-x)),
    "sigmoid of x": along(expit),
    "derivative of the sigmoid": along(lambda x: expit(x) * expit(-x)),
    "output taken for the sigmoid": along(lambda x: 1 - np.log(expit(x))),
    "taken at the output": along(lambda x: 1 / (1 + expit(x))),
}

TANH_SHRINK = {
    **common(lambda x: x - np.tanh(x), lambda x: np.tanh(x) ** 2),
    "x not differentiated": along(lambda x: -(np.cosh(x) ** -2)),
    "square missing": along(np.tanh),
    "plus for minus": along(lambda x: 1 + np.cosh(x) ** -2),
    "taken at the output": along(lambda x: np.tanh(x - np.tanh(x)) ** 2),
}

SINGLE = {
    "relu6": RELU6,
    "hard_tanh": HARD_TANH,
    "hard_silu": HARD_SILU,
    "hard_shrink": HARD_SHRINK,
    "soft_shrink": SOFT_SHRINK,
    "sparse_sigmoid": SPARSE_SIGMOID,
    "sparse_plus": SPARSE_PLUS,
    "celu": CELU,
    "squareplus": SQUAREPLUS,
    "log_sigmoid": LOG_SIGMOID,
    "tanh_shrink": TANH_SHRINK,
}

"""Students' backwards of further activations: for each known mistake one that makes it.

Where x > 0 and where not is told apart with ``np.where`` or in loops, and
sigmoids are made of tanh; the rows' Jacobians are written out.
"""

from __future__ import annotations

import numpy as np

ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


def sigmoid(z):
    """By way of tanh."""
    return (1 + np.tanh(z / 2)) / 2


def rows(jacobian):
    """A backward row by row, from the transposed Jacobian that ``jacobian(y)`` gives for a row."""

    def backward(dy, y):
        return np.stack([jacobian(row) @ g for g, row in zip(dy, y, strict=True)])

    return backward


def less(p):
    """1 - p · 1ᵀ, the transposed Jacobian of log-softmax."""
    return np.eye(len(p)) - np.outer(p, np.ones(len(p)))


LOG_SOFTMAX = {
    "sum term missing": lambda dy, y: dy.copy(),
    "diagonal Jacobian": rows(lambda y: np.diag(np.diag(less(np.exp(y))))),
    "sum along the wrong axis": lambda dy, y: dy - np.exp(y) * dy.sum(0)[None, :],
    "sum over the whole batch": lambda dy, y: dy - np.sum(dy) * np.exp(y),
    "mean for the sum": rows(
        lambda y: np.eye(len(y)) - np.exp(y)[:, None] / np.full(y.shape, len(y))
    ),
    "weighted sum": rows(lambda y: np.eye(len(y)) - np.outer(np.exp(y), np.exp(y))),
    "derivative of softmax": rows(lambda y: np.diag(np.exp(y)) - np.outer(np.exp(y), np.exp(y))),
    "factor p missing": rows(lambda y: less(np.ones(len(y)))),
    "1/K in place of p": rows(lambda y: less(np.ones(len(y)) / len(y))),
    "y in place of p": rows(less),
    "p not normalized": lambda dy, x: rows(lambda z: less(np.exp(z)))(dy, x),
    "wrong sign of the sum": rows(lambda y: 2 * np.eye(len(y)) - less(np.exp(y))),
    "first row's Jacobian": lambda dy, y: dy @ less(np.exp(y[0])).T,
    "upstream gradient lost": lambda dy, y: 1 - np.exp(y) * y.shape[1],
    "wrong sign": rows(lambda y: -less(np.exp(y))),
    "left out": lambda dy, y: np.zeros_like(dy),
}


def cases(below, rise, above, left=np.less_equal, right=np.less_equal):
    """A ReLU with three arguments, from (dy, slope) at the threshold and from above."""

    def backward(dy, x, negative_slope, max_value, threshold):
        dx = np.empty(dy.shape)
        for place, value in np.ndenumerate(x):
            case = below if left(value, threshold) else rise if right(value, max_value) else above
            dx[place] = case(dy[place], negative_slope)
        return dx

    return backward


def steep(g, a):
    return g


def slope(g, a):
    return a * g


def flat(g, a):
    return 0.0


def _changed(**change):
    """The right backward, given other arguments."""

    def backward(dy, x, negative_slope, max_value, threshold):
        given = {"x": x, "a": negative_slope, "top": max_value, "t": threshold}
        given |= {name: f({**given, "dy": dy}) for name, f in change.items()}
        right = cases(slope, steep, flat)
        return right(dy, given["x"], given["a"], given["top"], given["t"])

    return backward


def _clipped(q):
    return np.where(q["x"] <= q["t"], q["a"] * (q["x"] - q["t"]), np.minimum(q["x"], q["top"]))


BOUNDED_RELU = {
    "slope 1": cases(steep, steep, steep),
    "activation for its derivative": lambda dy, x, negative_slope, max_value, threshold: (
        dy * _clipped({"x": x, "a": negative_slope, "top": max_value, "t": threshold})
    ),
    "maximum forgotten": cases(slope, steep, steep),
    "threshold forgotten": _changed(t=lambda q: 0.0),
    "maximum counted from the threshold": _changed(top=lambda q: q["t"] + q["top"]),
    "slope from 0": lambda dy, x, negative_slope, max_value, threshold: (
        np.where((x > threshold) & (x <= max_value), 1, 0) * dy
        + np.where(x > 0, 0, negative_slope) * dy
    ),
    "slope forgotten": cases(flat, steep, flat),
    "slope on both sides": cases(slope, slope, slope),
    "slope above the maximum": cases(slope, steep, slope),
    "slope subtracted": cases(lambda g, a: -a * g, steep, flat),
    "slope divided by": cases(lambda g, a: g / a, steep, flat),
    "negative side not differentiated": lambda dy, x, negative_slope, max_value, threshold: (
        dy * np.select([x <= threshold, x <= max_value], [negative_slope * (x - threshold), 1.0])
    ),
    "branches swapped": cases(steep, slope, flat),
    "mask from y": _changed(x=_clipped),
    "mask from dy": _changed(x=lambda q: q["dy"]),
    "kink at the threshold from the right": cases(slope, steep, flat, left=np.less),
    "kink at the maximum from the right": cases(slope, steep, flat, right=np.less),
    "upstream gradient lost": cases(lambda g, a: a, lambda g, a: 1.0, flat),
    "wrong sign": cases(lambda g, a: -a * g, lambda g, a: -g, flat),
    "left out": cases(flat, flat, flat),
}


def selu(positive, negative, on=np.greater):
    """A SELU backward: the slopes on both sides of 0, of which the second takes (x, y)."""

    def backward(dy, x, y):
        return np.where(on(x, 0), positive, negative(x, y)) * dy

    return backward


SELU = {
    "slope 1": lambda dy, y: 1.0 * dy,
    "activation for its derivative": lambda dy, x: (
        dy * np.where(x > 0, SCALE * x, SCALE * ALPHA * np.expm1(x))
    ),
    "scale forgotten": selu(1, lambda x, y: ALPHA * np.exp(x)),
    "scale forgotten where x is positive": selu(1, lambda x, y: SCALE * ALPHA * np.exp(x)),
    "scale forgotten where x is negative": selu(SCALE, lambda x, y: ALPHA * np.exp(x)),
    "scale of y forgotten": selu(SCALE, lambda x, y: SCALE * (y + ALPHA)),
    "scale twice": selu(SCALE**2, lambda x, y: SCALE * (y + SCALE * ALPHA)),
    "alpha forgotten": selu(SCALE, lambda x, y: SCALE * np.exp(x)),
    "alpha not added": selu(SCALE, lambda x, y: SCALE * ALPHA * np.expm1(x)),
    "alpha and scale exchanged": selu(ALPHA, lambda x, y: y + ALPHA * SCALE),
    "taken at the output": selu(SCALE, lambda x, y: SCALE * ALPHA * np.exp(y)),
    "x in place of y": selu(SCALE, lambda x, y: x + ALPHA * SCALE),
    "negative side forgotten": selu(SCALE, lambda x, y: 0),
    "scale on both sides": selu(SCALE, lambda x, y: SCALE),
    "branches swapped": selu(SCALE, lambda x, y: SCALE * ALPHA * np.exp(x), on=np.less_equal),
    "kink from the right": selu(SCALE, lambda x, y: y + SCALE * ALPHA, on=np.greater_equal),
    "upstream gradient lost": lambda dy, y: np.where(y > 0, SCALE, y + SCALE * ALPHA),
    "wrong sign": selu(-SCALE, lambda x, y: -SCALE * ALPHA * np.exp(x)),
    "left out": lambda dy, y: 0 * y,
}

SOFTPLUS = {
    "derivative left out": lambda dy, y: dy + 0,
    "activation for its derivative": lambda dy, x: dy * np.logaddexp(0, x),
    "factor exp(x) missing": lambda dy, x: dy * (1 / (1 + np.exp(x))),
    "logarithm not differentiated": lambda dy, y: dy * np.expm1(y),
    "taken at the output": lambda dy, y: dy * sigmoid(y),
    "x in place of y": lambda dy, x: -dy * np.expm1(-x),
    "derivative of the sigmoid": lambda dy, x: dy * sigmoid(x) * sigmoid(-x),
    "derivative of tanh": lambda dy, y: dy * (1 - y) * (1 + y),
    "derivative of ReLU": lambda dy, x: np.where(x > 0, dy, 0),
    "sign of the exponent": lambda dy, y: -dy * np.expm1(y),
    "plus for minus": lambda dy, y: dy + dy / np.exp(y),
    "upstream gradient lost": lambda dy, x: sigmoid(x),
    "wrong sign": lambda dy, x: -dy * sigmoid(x),
    "left out": lambda dy, x: np.zeros(x.shape),
}

SOFTSIGN = {
    "derivative left out": lambda dy, y: dy.copy(),
    "activation for its derivative": lambda dy, x: dy * x / (np.abs(x) + 1),
    "square missing": lambda dy, y: dy * (1 - np.abs(y)),
    "absolute value lost": lambda dy, y: dy - 2 * dy * y + dy * y**2,
    "sign of x lost": lambda dy, x: dy * np.where(x < 0, (1 - 2 * x) / (1 - x) ** 2, (1 + x) ** -2),
    "sign of x too much": lambda dy, x: np.where(x < 0, -dy, dy) / (1 + np.abs(x)) ** 2,
    "plus for minus": lambda dy, y: dy * (1 + 2 * np.abs(y) + y**2),
    "1 - y² in place of (1 - |y|)²": lambda dy, x: (
        dy * (1 + np.abs(x) + x * np.sign(x)) / (1 + np.abs(x)) ** 2
    ),
    "derivative of the arc tangent": lambda dy, x: np.cos(np.arctan(x)) ** 2 * dy,
    "x in place of y": lambda dy, x: dy * (1 + x**2 - 2 * np.abs(x)),
    "taken at the output": lambda dy, y: dy / (1 + 2 * np.abs(y) + y**2),
    "upstream gradient lost": lambda dy, x: (1 + np.abs(x)) ** -2,
    "wrong sign": lambda dy, y: -dy * (1 - np.abs(y)) ** 2,
    "left out": lambda dy, y: dy - dy,
}


def hard(slope, low, high, closed=""):
    """A hard sigmoid's backward: a slope between two ends, of which some may belong to it."""

    def backward(dy, x):
        above = x >= low if "low" in closed else x > low
        below = x <= high if "high" in closed else x < high
        return np.where(above & below, slope * dy, 0)

    return backward


HARD_SIGMOID = {
    "derivative left out": lambda dy, y: dy / 1,
    "activation for its derivative": lambda dy, x: dy * np.clip(x / 6 + 0.5, 0, 1),
    "slope forgotten": hard(1, -3, 3),
    "slope divided by": hard(6, -3, 3),
    "slope 1/5": hard(0.2, -3, 3),
    "slope 1/2": hard(0.5, -1, 1),
    "mask lost": hard(1 / 6, -np.inf, np.inf),
    "lower end forgotten": hard(1 / 6, -np.inf, 3),
    "upper end forgotten": hard(1 / 6, -3, np.inf),
    "mask inverted": lambda dy, y: np.where((y == 0) | (y == 1), dy, 0) / 6,
    "x between 0 and 1": hard(1 / 6, 0, 1),
    "x between -1 and 1": hard(1 / 6, -1, 1),
    "x between -2.5 and 2.5": hard(1 / 6, -2.5, 2.5),
    "x between -6 and 6": hard(1 / 6, -6, 6),
    "derivative of the sigmoid": lambda dy, y: dy * (y - y**2),
    "kinks included": hard(1 / 6, -3, 3, "low high"),
    "lower kink included": hard(1 / 6, -3, 3, "low"),
    "upper kink included": hard(1 / 6, -3, 3, "high"),
    "upstream gradient lost": lambda dy, x: np.where(np.abs(x) < 3, 1 / 6, 0),
    "wrong sign": hard(-1 / 6, -3, 3),
    "left out": hard(0, -3, 3),
}

EXPONENTIAL = {
    "derivative left out": lambda dy, y: dy * 1,
    "x in place of y": lambda dy, y: dy * np.log(y),
    "taken at the output": lambda dy, x: dy * np.exp(np.exp(x)),
    "rule for powers": lambda dy, x: dy * x * np.exp(x) / np.e,
    "factor x too much": lambda dy, x: x * np.exp(x) * dy,
    "divided by y": lambda dy, x: dy * np.exp(-x),
    "y twice": lambda dy, x: dy * np.exp(2 * x),
    "derivative of the sigmoid": lambda dy, y: dy * (y - y**2),
    "upstream gradient lost": lambda dy, x: np.exp(x),
    "wrong sign": lambda dy, x: -np.exp(x) * dy,
    "left out": lambda dy, y: np.zeros_like(dy),
}

SINGLE = {
    "log_softmax": LOG_SOFTMAX,
    "bounded_relu": BOUNDED_RELU,
    "selu": SELU,
    "softplus": SOFTPLUS,
    "softsign": SOFTSIGN,
    "hard_sigmoid": HARD_SIGMOID,
    "exponential": EXPONENTIAL,
}

# The same mistake made in another way: kernel, mistake, function.
VARIANTS = [
    ("selu", "scale forgotten", selu(1, lambda x, y: y + ALPHA)),
    ("selu", "scale forgotten where x is negative", selu(SCALE, lambda x, y: y + ALPHA)),
    ("selu", "alpha forgotten", selu(SCALE, lambda x, y: y + SCALE)),
    ("softsign", "absolute value lost", lambda dy, x: dy / (1 + 2 * x + x * x)),
    ("hard_sigmoid", "slope 1/5", hard(0.2, -2.5, 2.5)),
    ("hard_sigmoid", "slope 1/2", hard(0.5, -3, 3)),
]

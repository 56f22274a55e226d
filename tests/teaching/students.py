"""Backwards as students write them: right ones, and for each known mistake one that makes it.

Written from the derivations and without a look at the catalogue: loops, Jacobians and the
chain rule step by step, where the engine has closed forms. ``STUDENTS`` has, for each kernel and
each mistake, the outputs that it spoils and the function.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.teaching import (
    students_activations,
    students_course,
    students_gated,
    students_habits,
    students_losses,
    students_rare,
)
from tests.teaching.students_batchnorm import BATCHNORM
from tests.teaching.students_layernorm import LAYERNORM

Function = Callable[..., Any]


class Student(NamedTuple):
    """A backward that makes one mistake in some outputs."""

    kernel: str
    mistake: str
    outputs: str
    function: Function

    def __str__(self) -> str:
        return f"{self.kernel}-{self.mistake}-{self.outputs}"


# Dense ----------------------------------------------------------------------------------------


def dense(dx: Function | None = None, dW: Function | None = None, db: Function | None = None):
    """A dense backward of which some parts are replaced; each takes (dy, x, W)."""

    def backward(dy, x, W):
        right_dx = np.stack([W @ row for row in dy])
        right_dW = sum(np.outer(a, g) for a, g in zip(x, dy, strict=True))
        right_db = sum(dy)
        return tuple(
            part(dy, x, W) if part else right
            for part, right in ((dx, right_dx), (dW, right_dW), (db, right_db))
        )

    return backward


def _loop(rows: slice) -> tuple[Function, Function]:
    """dW and db summed over some rows only."""

    def weights(dy, x, W):
        total = np.zeros(W.shape)
        for n in range(len(x))[rows]:
            total += x[n][:, None] * dy[n][None, :]
        return total

    def bias(dy, x, W):
        total = np.zeros(W.shape[1])
        for n in range(len(x))[rows]:
            total += dy[n]
        return total

    return weights, bias


ONLY_LAST, NO_LAST, NO_FIRST = _loop(slice(-1, None)), _loop(slice(0, -1)), _loop(slice(1, None))

DENSE = {
    ("transposed product", "dx"): dense(dx=lambda dy, x, W: (dy @ W.T).T),
    ("transpose left out", "dx"): dense(dx=lambda dy, x, W: np.dot(dy, W)),
    ("wrong sign", "dx"): dense(dx=lambda dy, x, W: dy @ -W.T),
    ("left out", "dx"): dense(dx=lambda dy, x, W: np.zeros(x.shape)),
    ("transposed product", "dW"): dense(dW=lambda dy, x, W: np.einsum("no,ni->oi", dy, x)),
    ("transpose left out", "dW"): dense(dW=lambda dy, x, W: np.dot(x, dy)),
    ("summed before the product", "dW"): dense(dW=lambda dy, x, W: sum(x)[:, None] * sum(dy)),
    ("only the last row", "dW"): dense(dW=ONLY_LAST[0]),
    ("last row left out", "dW"): dense(dW=NO_LAST[0]),
    ("first row left out", "dW"): dense(dW=NO_FIRST[0]),
    ("dW averaged", "dW"): dense(dW=lambda dy, x, W: 1 / x.shape[0] * x.T @ dy),
    ("wrong sign", "dW"): dense(dW=lambda dy, x, W: x.T @ (0 - dy)),
    ("left out", "dW"): dense(dW=lambda dy, x, W: 0 * W),
    ("only the last row", "db"): dense(db=ONLY_LAST[1]),
    ("last row left out", "db"): dense(db=NO_LAST[1]),
    ("first row left out", "db"): dense(db=NO_FIRST[1]),
    ("db averaged", "db"): dense(db=lambda dy, x, W: np.mean(dy, 0)),
    ("db not summed", "db"): dense(db=lambda dy, x, W: 1.0 * dy),
    ("db summed over the units", "db"): dense(db=lambda dy, x, W: np.sum(dy, axis=-1)),
    ("db summed over everything", "db"): dense(db=lambda dy, x, W: np.sum(dy)),
    ("wrong sign", "db"): dense(db=lambda dy, x, W: -np.sum(dy, 0)),
    ("left out", "db"): dense(db=lambda dy, x, W: np.zeros(W.shape[1])),
    ("axis kept", "db"): dense(db=lambda dy, x, W: np.sum(dy, 0, keepdims=True)),
    ("upstream gradient lost", "dx dW db"): lambda dy, x, W: (
        np.tile(W.sum(1), (len(x), 1)),
        np.tile(x.sum(0)[:, None], (1, W.shape[1])),
        np.full(W.shape[1], float(len(x))),
    ),
}

# Rectifiers -----------------------------------------------------------------------------------


def elu_without_alpha(dy, x, alpha):
    """A loop over the elements."""
    dx = np.empty(dy.shape)
    for index, value in np.ndenumerate(x):
        dx[index] = dy[index] if value > 0 else dy[index] * np.exp(value)
    return dx


RELU = {
    "mask lost": lambda dy, y: 1.0 * dy,
    "mask from the wrong sign": lambda dy, y: dy * (y == 0),
    "mask from dy": lambda dy, x: (dy > 0) * dy,
    "activation for its derivative": lambda dy, x: dy * np.maximum(0, x),
    "kink from the right": lambda dy, x: dy * (x >= 0),
    "upstream gradient lost": lambda dy, y: np.sign(y),
    "wrong sign": lambda dy, y: -np.where(y > 0, dy, 0),
    "left out": lambda dy, y: np.zeros_like(dy),
}

LEAKY_RELU = {
    "slope 1": lambda dy, y, negative_slope: +dy,
    "activation for its derivative": lambda dy, x, negative_slope: (
        dy * np.where(x > 0, x, negative_slope * x)
    ),
    "kink from the right": lambda dy, x, negative_slope: np.where(x < 0, negative_slope, 1) * dy,
    "slope forgotten": lambda dy, y, negative_slope: dy * (y > 0),
    "slope on both sides": lambda dy, y, negative_slope: negative_slope * dy,
    "slope on the wrong side": lambda dy, y, negative_slope: (
        np.where(y > 0, negative_slope, 1) * dy
    ),
    "slope subtracted": lambda dy, y, negative_slope: dy * (y > 0) - negative_slope * dy * (y <= 0),
    "slope divided by": lambda dy, y, negative_slope: np.where(y > 0, dy, dy / negative_slope),
    "mask from dy": lambda dy, y, negative_slope: np.maximum(dy, negative_slope * dy),
    "upstream gradient lost": lambda dy, y, negative_slope: np.where(y > 0, 1, negative_slope),
    "wrong sign": lambda dy, y, negative_slope: np.where(y > 0, -dy, -negative_slope * dy),
    "left out": lambda dy, y, negative_slope: dy - dy,
}

ELU = {
    "slope 1": lambda dy, y, alpha: dy * 1,
    "activation for its derivative": lambda dy, y, alpha: y * dy,
    "kink from the right": lambda dy, x, alpha: dy * np.where(x >= 0, 1, alpha * np.exp(x)),
    "x in place of y": lambda dy, x, alpha: dy * np.where(x > 0, 1, x + alpha),
    "alpha forgotten": elu_without_alpha,
    "alpha not added": lambda dy, y, alpha: np.where(y > 0, dy, dy * y),
    "taken at the output": lambda dy, y, alpha: dy * np.where(y > 0, 1, alpha * np.exp(y)),
    "negative side forgotten": lambda dy, y, alpha: dy * (y > 0),
    "branches swapped": lambda dy, x, alpha: np.where(x <= 0, dy, dy * alpha * np.exp(x)),
    "upstream gradient lost": lambda dy, y, alpha: np.where(y > 0, 1, y + alpha),
    "wrong sign": lambda dy, y, alpha: np.where(y > 0, -dy, -dy * (alpha + y)),
    "left out": lambda dy, y, alpha: np.zeros(dy.shape),
}

# Smooth activations ---------------------------------------------------------------------------


def logistic(z):
    """The sigmoid by way of tanh."""
    return 0.5 + 0.5 * np.tanh(z / 2)


def _slope_of_logistic(z):
    return logistic(z) * logistic(-z)


SIGMOID = {
    "derivative left out": lambda dy, y: dy + 0,
    "x in place of y": lambda dy, x: dy * (x - x**2),
    "taken at the output": lambda dy, y: dy * _slope_of_logistic(y),
    "factor 1 - y missing": lambda dy, x: dy * logistic(x),
    "factor y missing": lambda dy, x: dy * logistic(-x),
    "derivative of tanh": lambda dy, y: dy - dy * y**2,
    "plus for minus": lambda dy, y: dy * (y + y**2),
    "upstream gradient lost": lambda dy, x: _slope_of_logistic(x),
    "wrong sign": lambda dy, y: dy * y * (y - 1),
    "left out": lambda dy, y: 0 * dy,
}

TANH = {
    "derivative left out": lambda dy, y: dy.copy(),
    "x in place of y": lambda dy, x: dy * (1 - x) * (1 + x),
    "square missing": lambda dy, y: dy - dy * y,
    "taken at the output": lambda dy, y: dy / np.cosh(y) ** 2,
    "derivative of the sigmoid": lambda dy, y: dy * (y - y**2),
    "plus for minus": lambda dy, y: dy + dy * y**2,
    "activation for its derivative": lambda dy, x: dy * np.tanh(x),
    "upstream gradient lost": lambda dy, x: np.cosh(x) ** -2,
    "wrong sign": lambda dy, y: dy * (y**2 - 1),
    "left out": lambda dy, y: np.zeros_like(y),
}


def by_jacobian(jacobian: Function) -> Function:
    """A softmax backward row by row, from the (K, K) matrix that ``jacobian(y)`` gives."""

    def backward(dy, y):
        return np.stack([jacobian(p) @ g for g, p in zip(dy, y, strict=True)])

    return backward


def _off_diagonal(sign: float) -> Function:
    def jacobian(p):
        J = sign * np.outer(p, p)
        np.fill_diagonal(J, p * (1 - p))
        return J

    return jacobian


def _exponentials(z):
    return np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)


SOFTMAX = {
    "derivative left out": lambda dy, y: dy.copy(),
    "x in place of y": lambda dy, x: by_jacobian(lambda z: np.diag(z) - np.outer(z, z))(dy, x),
    "diagonal Jacobian": by_jacobian(_off_diagonal(0.0)),
    "weighted sum missing": by_jacobian(np.diag),
    "sum without weights": by_jacobian(lambda p: np.diag(p) - np.outer(p, np.ones(len(p)))),
    "mean for the weighted sum": lambda dy, y: y * dy - y * dy.mean(axis=1)[:, None],
    "sum along the wrong axis": lambda dy, y: y * dy - y * np.einsum("nk,nk->k", y, dy),
    "sum over the whole batch": lambda dy, y: y * dy - y * np.einsum("nk,nk->", y, dy),
    "factor y missing": by_jacobian(lambda p: np.eye(len(p)) - np.outer(np.ones(len(p)), p)),
    "off-diagonal sign": by_jacobian(_off_diagonal(1.0)),
    "first row's Jacobian": lambda dy, y: dy @ _off_diagonal(-1.0)(y[0]),
    "taken at the output": lambda dy, y: by_jacobian(_off_diagonal(-1.0))(dy, _exponentials(y)),
    "wrong sign": by_jacobian(lambda p: np.outer(p, p) - np.diag(p)),
    "left out": lambda dy, y: np.zeros_like(y),
}

# Dropout --------------------------------------------------------------------------------------

DROPOUT = {
    "mask not applied": lambda dy, mask, rate: dy / (1 - rate),
    "mask inverted": lambda dy, mask, rate: np.where(mask, 0, dy / (1 - rate)),
    "fresh mask": lambda dy, mask, rate: (
        dy * (np.random.default_rng().random(dy.shape) >= rate) / (1 - rate)
    ),
    "scale left out": lambda dy, mask, rate: np.where(mask, dy, 0),
    "scale of the dropped share": lambda dy, mask, rate: dy * mask / rate,
    "scale multiplied": lambda dy, mask, rate: dy * mask * (1 - rate),
    "scale twice": lambda dy, mask, rate: dy * (mask / (1 - rate)) / (1 - rate),
    "upstream gradient lost": lambda dy, mask, rate: mask / (1 - rate),
    "wrong sign": lambda dy, mask, rate: dy * mask / (rate - 1),
    "left out": lambda dy, mask, rate: dy * 0,
}

SINGLE = {
    "relu": RELU,
    "leaky_relu": LEAKY_RELU,
    "elu": ELU,
    "sigmoid": SIGMOID,
    "tanh": TANH,
    "softmax": SOFTMAX,
    "dropout": DROPOUT,
    **students_activations.SINGLE,
    **students_gated.SINGLE,
    **students_rare.SINGLE,
    **students_losses.SINGLE,
}
OUTPUT = {**dict.fromkeys(SINGLE, "dx"), **students_losses.OUTPUT}

# The same mistake made in another way.
VARIANTS = [
    Student("elu", "alpha forgotten", "dx", lambda dy, y, alpha: np.where(y > 0, dy, dy * (y + 1))),
    Student("tanh", "square missing", "dx", lambda dy, x: dy / np.cosh(x)),
    *(
        Student(kernel, mistake, "dx", function)
        for kernel, mistake, function in students_activations.VARIANTS + students_gated.VARIANTS
    ),
]

STUDENTS = [
    *VARIANTS,
    *(Student("dense", *key, function) for key, function in DENSE.items()),
    *(Student("batchnorm", *key, function) for key, function in BATCHNORM.items()),
    *(Student("layernorm", *key, function) for key, function in LAYERNORM.items()),
    *(
        Student(kernel, *key, function)
        for made in (students_course.MISTAKES, students_habits.HABITS)
        for kernel, functions in made.items()
        for key, function in functions.items()
    ),
    *(
        Student(kernel, mistake, OUTPUT[kernel], function)
        for kernel, functions in SINGLE.items()
        for mistake, function in functions.items()
    ),
]

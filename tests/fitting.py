"""Small problems and networks that the tests of training share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import minidl
from tests.specs import Spec, spec

ROWS, FEATURES = 23, 4


class Problem(NamedTuple):
    """Data, and a loss and an output layer that suit them."""

    loss: str
    units: int
    activation: str | None
    x: np.ndarray
    y: np.ndarray

    @property
    def output(self) -> Spec:
        """The last layer."""
        return spec("layers.Dense", units=self.units, activation=self.activation)


def problem(kind: str, rows: int = ROWS, features: int = FEATURES) -> Problem:
    """One of :data:`KINDS`; the same numbers each time, every class among the first rows."""
    random = np.random.default_rng(5)
    x = random.normal(size=(rows, features))
    labels = np.arange(rows) % 3
    if kind == "integers":
        return Problem("sparse_categorical_crossentropy", 3, "softmax", x, labels)
    if kind == "one-hot":
        return Problem("categorical_crossentropy", 3, "softmax", x, np.eye(3)[labels])
    if kind == "binary":
        return Problem("binary_crossentropy", 1, "sigmoid", x, labels % 2)
    if kind == "several binary":
        return Problem("binary_crossentropy", 3, "sigmoid", x, 1 - np.eye(3)[labels])
    return Problem("mean_squared_error", 2, None, x, random.normal(size=(rows, 2)))


def held_out(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Other rows than those of :func:`problem`, for validation."""
    task = problem(kind, rows=ROWS + 17)
    return task.x[ROWS:], task.y[ROWS:]


KINDS = ["integers", "one-hot", "binary", "several binary", "values"]

HIDDEN = [
    spec("layers.Dense", units=6, activation="relu", kernel_regularizer=spec("regularizers.L2")),
    spec("layers.BatchNormalization", momentum=0.5),
    spec("layers.Dropout", rate=0.4),
]


def network(
    layers: Sequence[Spec], input_shape: Any = (FEATURES,), seed: int = 11, dtype: str = "float64"
) -> minidl.Sequential:
    """A built network; the same weights, masks and shuffles for the same seed."""
    minidl.utils.set_random_seed(seed)
    made = [minidl.layers.Input(input_shape), *(layer.make(minidl) for layer in layers)]
    model = minidl.Sequential(made, dtype=dtype)
    model.build()
    return model


def compiled(
    kind: str = "integers",
    hidden: Sequence[Spec] = HIDDEN,
    optimizer: Any = "adam",
    metrics: Any = (),
    dtype: str = "float64",
    seed: int = 11,
) -> tuple[minidl.Sequential, Problem]:
    """A network for a problem, ready to be fitted."""
    task = problem(kind)
    model = network([*hidden, task.output], seed=seed, dtype=dtype)
    model.compile(optimizer, task.loss, metrics=metrics)
    return model, task


def theta(model: minidl.Sequential) -> np.ndarray:
    """A copy of all trainable parameters, on the host."""
    return model.backend.to_host(model.theta).copy()


def same_weights(a: minidl.Sequential, b: minidl.Sequential, executor: str = "") -> None:
    """Assert that all parameters and statistics are equal; see :func:`equal`."""
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        equal(one, other, executor, a.dtype)


def equal(one: Any, other: Any, executor: str = "", dtype: Any = "float64") -> None:
    """Assert that numbers are equal, bit for bit.

    A step that is replayed on a device adds up in another order than one that is called there: some
    roundings of numbers within ±10, of 1e-16 or 6e-8, in each of some ten steps.

    Args:
        one, other: numbers.
        executor: where both were trained.
        dtype: in which.
    """
    if executor.startswith("cupy"):
        rounding = 1e-11 if np.dtype(dtype) == np.float64 else 1e-4
        np.testing.assert_allclose(one, other, rtol=rounding, atol=rounding)
    else:
        np.testing.assert_array_equal(one, other)

"""A loss by its name, its function or its class."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.losses import functions
from minidl.losses.base import Loss
from minidl.losses.objects import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)

TABLE: dict[str, type[Loss]] = {
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "binary_crossentropy": BinaryCrossentropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
}

_FUNCTIONS = {
    function: TABLE[function.__name__]
    for function in (
        functions.sparse_categorical_crossentropy,
        functions.categorical_crossentropy,
        functions.binary_crossentropy,
        functions.mean_squared_error,
    )
}


def get(identifier: Any) -> Loss:
    """A loss by name, by function or class of this package, or the one that is given.

    Raises:
        ValueError: unknown name.
        TypeError: none of these.
    """
    if callable(identifier) and identifier in _FUNCTIONS:
        return _FUNCTIONS[identifier]()
    found: Loss = checks.instance("loss", identifier, Loss, TABLE)
    return found

"""A loss by name, function or class."""

from __future__ import annotations

from typing import Any

from minidl.lookup import find
from minidl.lookup import get as of_kind
from minidl.losses import functions
from minidl.losses.base import Loss

_FUNCTIONS: dict[Any, type[Loss]] = {
    function: find(function.__name__, Loss)
    for function in (
        functions.sparse_categorical_crossentropy,
        functions.categorical_crossentropy,
        functions.binary_crossentropy,
        functions.mean_squared_error,
    )
}


def get(identifier: Any) -> Loss:
    """A loss by name, by function or class of this package, or ``identifier`` itself.

    Raises:
        ValueError: unknown name.
        TypeError: another kind of object.
    """
    if callable(identifier) and identifier in _FUNCTIONS:
        return _FUNCTIONS[identifier]()
    return of_kind(Loss, identifier)

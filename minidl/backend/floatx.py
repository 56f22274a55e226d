"""The floating type in which new models compute."""

from __future__ import annotations

from typing import Any

import numpy as np

FLOATS = ("float32", "float64")
_floatx = "float32"


def floatx() -> str:
    """Name of the default floating type: "float32", or the type that :func:`set_floatx` set."""
    return _floatx


def set_floatx(dtype: str) -> None:
    """Compute in "float32" or "float64" in every model built from here on.

    Raises:
        ValueError: another type.
    """
    global _floatx
    _floatx = floating(dtype).name


def epsilon() -> float:
    """1e-7, which Keras adds to denominators; for a user's metrics."""
    return 1e-7


def floating(dtype: Any = None) -> np.dtype[Any]:
    """``dtype``, or the default, as one of the two floating types.

    Raises:
        ValueError: another type.
    """
    try:
        found = np.dtype(_floatx if dtype is None else dtype)
    except TypeError:
        found = None
    if found is None or found.name not in FLOATS:
        raise ValueError(f"expected a floating type of {FLOATS}, received {dtype!r}")
    return found


def in_floats(array: Any) -> Any:
    """An array of numbers as of one of the two floating types: the default if it has neither."""
    fits = array.dtype.char in "fd" and array.dtype.isnative
    return array if fits else array.astype(floating())

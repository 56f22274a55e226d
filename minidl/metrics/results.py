"""Results of metrics: numbers and arrays of NumPy that know ``.numpy()``, as in Keras."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.array import Number


class Results(np.ndarray):
    """An array."""

    def numpy(self) -> np.ndarray:
        """The array as one of NumPy's."""
        return np.asarray(self)


def results(values: Any) -> Any:
    """A number for an array of no axes, else the array."""
    found = np.asarray(values, dtype=np.float64)
    return found.view(Results) if found.ndim else Number(found)


#: Rounding moves a share by less than so many times the distance of 1 from its neighbour.
ROUNDING = 256


def within(values: Any, low: float, high: float, dtype: Any) -> Any:
    """Values; where rounding alone has led below ``low`` or above ``high``, that bound.

    Args:
        values: a number or an array.
        low, high: the bounds of values that are computed without rounding.
        dtype: of the arithmetic; None for float64.
    """
    slack = ROUNDING * float(np.finfo(dtype or np.float64).eps)
    over = (values > high) & (values <= high + slack)
    under = (values < low) & (values >= low - slack)
    return np.where(over, high, np.where(under, low, values))


def plain(value: Any) -> Any:
    """The number or the array of NumPy that a result is, for a History."""
    return np.asarray(value) if isinstance(value, np.ndarray) and value.ndim else float(value)

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


def plain(value: Any) -> Any:
    """The number or the array of NumPy that a result is, for a History."""
    return np.asarray(value) if isinstance(value, np.ndarray) and value.ndim else float(value)

"""What the tests of the CuPy double share."""

from __future__ import annotations

import numpy as np

from .cupy_double import cupy as cp


def device(values, dtype=np.float32):
    """A device array of these values."""
    return cp.asarray(np.asarray(values, dtype=dtype))


def same(array, expected):
    """The device array has exactly these values, this dtype and this shape.

    Both sides come from the same NumPy loops, so there is nothing to tolerate.
    """
    expected = np.asarray(expected)
    assert type(array) is cp.ndarray
    assert array.dtype == expected.dtype
    np.testing.assert_array_equal(array.get(), expected, strict=True)

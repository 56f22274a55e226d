"""Rows of unit norm."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks


def normalize(x: Any, axis: int = -1, order: float = 2) -> np.ndarray:
    """x / ‖x‖ along an axis; where the norm is 0, x stays.

    Args:
        x: an array of numbers; integers become float64.
        axis: of the norms, default the last.
        order: of the norm, default 2; 1 is the sum of absolute values, infinity the largest.

    Raises:
        TypeError: no numbers.
        ValueError: an axis that the array lacks, or an order that is not above 0.
    """
    array = checks.array("normalize", x)
    array = array if array.dtype.kind == "f" else array.astype(np.float64)
    if not -array.ndim <= axis < array.ndim:
        raise ValueError(f"axis: expected one of {array.ndim} axes, received {axis}")
    if order != np.inf:
        order = checks.real("order", order, 0, ends="()")
    # Divided by a power of 2, which is exact: the squares then neither overflow nor vanish.
    _, exponent = np.frexp(np.max(np.abs(array), axis, keepdims=True, initial=0))
    scaled = np.ldexp(array, -exponent)
    size = np.linalg.norm(scaled, order, axis, keepdims=True)
    return np.asarray(scaled / np.where(size == 0, 1, size))

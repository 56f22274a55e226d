"""Class numbers as one-hot rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.backend.floatx import floating


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """One-hot rows: class numbers of shape (...,) give (..., num_classes).

    Args:
        x: whole numbers >= 0; a last axis of size 1 is dropped.
        num_classes: default, the largest number plus 1.

    Raises:
        TypeError: not numbers.
        ValueError: a fraction, a number outside 0 … num_classes - 1, or none at all.

    Examples:
        >>> to_categorical([0, 2])
        array([[1., 0., 0.],
               [0., 0., 1.]], dtype=float32)
    """
    numbers = checks.whole("class numbers", checks.array("class numbers", x))
    if numbers.size == 0:
        raise ValueError("expected at least one class number, received none")
    if numbers.ndim > 1 and numbers.shape[-1] == 1:
        numbers = numbers[..., 0]
    largest, smallest = int(numbers.max()), int(numbers.min())
    classes = largest + 1 if num_classes is None else checks.integer("num_classes", num_classes, 1)
    if smallest < 0 or largest >= classes:
        wrong = smallest if smallest < 0 else largest
        span = f"0 … {classes - 1}" if classes > 0 else ">= 0"
        raise ValueError(f"expected class numbers {span}, received {wrong}")
    rows = np.zeros((*numbers.shape, classes), dtype=floating())
    np.put_along_axis(rows, numbers[..., np.newaxis].astype(np.int64), 1, axis=-1)
    return rows

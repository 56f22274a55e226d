"""The tensors of a vector."""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.backend.addresses import address

_known: dict[int, tuple[Any, list[tuple[int, tuple[int, ...]]]]] = {}


def declare(vector: Any, tensors: Sequence[tuple[int, tuple[int, ...]]]) -> None:
    """Say where the tensors of a vector lie: (offset, shape) of each, one after the other."""
    if not isinstance(vector, np.ndarray):
        return
    key = id(vector)
    _known[key] = weakref.ref(vector, lambda _: _known.pop(key, None)), list(tensors)


def tensors_of(array: np.ndarray) -> list[tuple[int, tuple[int, ...]]] | None:
    """(Offset, shape) of the tensors that make up ``array``; None for an undeclared array."""
    if array.ndim != 1 or not array.flags.c_contiguous:
        return None
    start = address(array)
    # A list made at once: vectors begin and end in other threads meanwhile.
    for reference, tensors in list(_known.values()):
        vector = reference()
        if vector is None or vector.dtype != array.dtype:
            continue
        offset = start - address(vector)
        if offset < 0 or offset + array.nbytes > vector.nbytes or offset % array.itemsize:
            continue
        first = offset // array.itemsize
        inside = [
            (at - first, shape)
            for at, shape in tensors
            if first <= at and at + _size(shape) <= first + array.size
        ]
        return inside if sum(_size(shape) for _, shape in inside) == array.size else None
    return None


def _size(shape: tuple[int, ...]) -> int:
    return math.prod(shape)

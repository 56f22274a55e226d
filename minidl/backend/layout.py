"""Where arrays lie, and what else those need to know who share work out among threads."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

#: A product of up to so many multiplications OpenBLAS leaves to one thread, however many it has: it
#: comes to the same bits wherever it is called.
SMALL = 1 << 18

# What an argument is to the elements of an array: one of its own for each; one for each column; one
# for each row; one for all.
EACH, BY_COLUMN, BY_ROW, ONE = "each", "column", "row", "one"

_known: dict[int, tuple[Any, list[tuple[int, tuple[int, ...]]]]] = {}


def address(array: np.ndarray) -> int:
    """Of the first element."""
    where: int = array.__array_interface__["data"][0]
    return where


def owner(array: np.ndarray) -> np.ndarray:
    """The array whose memory this is a view of: itself, if of none."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def location(array: np.ndarray) -> tuple[Any, ...]:
    """Equal for two arrays of the same elements in the same memory."""
    return address(array), array.shape, array.strides, array.dtype.char


def kind_of(array: Any, shape: tuple[int, ...]) -> str | None:
    """What an array is to the elements of arrays of a shape; None where it is not supported."""
    if array.shape == shape:
        return EACH
    if array.size == 1:
        return ONE
    if array.shape in (shape[-1:], (1, *shape[-1:])):
        return BY_COLUMN
    return BY_ROW if array.shape == (*shape[:-1], 1) else None


def declare(vector: Any, tensors: Sequence[tuple[int, tuple[int, ...]]]) -> None:
    """Say where the tensors of a vector lie: (offset, shape) of each, one after the other."""
    if not isinstance(vector, np.ndarray):
        return
    key = id(vector)
    _known[key] = weakref.ref(vector, lambda _: _known.pop(key, None)), list(tensors)


def tensors_of(array: np.ndarray) -> list[tuple[int, tuple[int, ...]]] | None:
    """(Offset, shape) of the tensors that make up ``array``; None where nobody said."""
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
    return int(np.prod(shape))

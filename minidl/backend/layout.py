"""Where arrays lie, and what else those need to know who share work out among threads."""

from __future__ import annotations

import ctypes
import itertools
import weakref
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]
from numpy.exceptions import TooHardError

#: A product of up to so many multiplications OpenBLAS leaves to one thread, however many it has: it
#: comes to the same bits wherever it is called.
SMALL = 1 << 18

# What an argument is to the elements of an array: one of its own for each; one for each column; one
# for each row; one for all.
EACH, BY_COLUMN, BY_ROW, ONE = "each", "column", "row", "one"

# So many candidates are looked through for an element that two arrays have in common.
_SEARCHED = 10_000

# NumPy's own asks each array first whether it knows better, for as long again.
_may_share: Any = _multiarray_umath.may_share_memory

_known: dict[int, tuple[Any, list[tuple[int, tuple[int, ...]]]]] = {}


def address(array: Any) -> int:
    """Of the first element."""
    try:
        # A third of what NumPy's own answer takes; for most arrays that a step works on.
        return ctypes.addressof(ctypes.c_char.from_buffer(array))
    except (TypeError, ValueError, BufferError):  # read-only, scattered or empty
        where: int = array.__array_interface__["data"][0]
        return where


def owner(array: np.ndarray) -> np.ndarray:
    """The array whose memory this is a view of: itself, if of none."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def location(array: np.ndarray) -> tuple[Any, ...]:
    """Equal for two arrays of the same elements in the same memory."""
    return address(array), array.shape, array.strides, array.dtype


def _elements(array: np.ndarray) -> tuple[Any, ...]:
    """As :func:`location`, but for the strides of axes on which there is one step at most."""
    both = zip(array.shape, array.strides, strict=True)
    strides = tuple(stride for count, stride in both if count > 1)
    return address(array), array.shape, strides, array.dtype


def entangled(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two arrays have memory in common, and are not the same elements in the same order."""
    if a is b or not np.may_share_memory(a, b) or _elements(a) == _elements(b):
        return False
    try:
        return np.shares_memory(a, b, max_work=_SEARCHED)  # type: ignore[arg-type]
    except TooHardError:
        return True


def pairs(count: int, written: Collection[int]) -> list[tuple[int, int]]:
    """Places of two among so many arrays of which one at least is written."""
    both = itertools.combinations(range(count), 2)
    return [(i, j) for i, j in both if i in written or j in written]


def meet(arrays: Sequence[np.ndarray], pairs: Sequence[tuple[int, int]]) -> bool:
    """Whether two arrays of a pair may have memory in common, and are not the same."""
    for i, j in pairs:  # noqa: SIM110 - any() takes longer than all there is to ask
        if _may_share(arrays[i], arrays[j]) and arrays[i] is not arrays[j]:
            return True
    return False


class OverlapError(ValueError):
    """An output shares memory with another array."""


def overlapping(name: str) -> OverlapError:
    """The error for a formula of this name whose outputs share memory with other arrays."""
    return OverlapError(
        f"{name}: expected outputs that are arguments themselves, or have memory of their own; "
        "received one that overlaps another array"
    )


def pinned(things: Any) -> Iterator[weakref.ref[np.ndarray]]:
    """References to the arrays within nested tuples, lists and the like, and what these view.

    As long as there is one, NumPy refuses to move the array's memory, also for
    ``resize(refcheck=False)``.
    """
    if isinstance(things, np.ndarray):
        yield weakref.ref(things)
        yield from pinned(things.base)
    elif isinstance(things, list | tuple):
        for thing in things:
            yield from pinned(thing)


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

"""Memory that arrays have in common."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy._core import _multiarray_umath  # type: ignore[attr-defined]
from numpy.exceptions import TooHardError

from minidl.backend.addresses import address

# So many candidates are looked through for an element that two arrays have in common.
_SEARCHED = 10_000

# NumPy's own asks each array first whether it knows better, for as long again.
_may_share: Any = _multiarray_umath.may_share_memory


def owner(array: np.ndarray) -> np.ndarray:
    """The array that owns the memory of a view; the array itself, if it is no view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _elements(array: np.ndarray) -> tuple[Any, ...]:
    """As ``location``, but for the strides of axes on which there is one step at most."""
    both = zip(array.shape, array.strides, strict=True)
    strides = tuple(stride for count, stride in both if count > 1)
    return address(array), array.shape, strides, array.dtype


def entangled(a: np.ndarray, b: np.ndarray) -> bool:
    """True if two arrays share memory, and are not the same elements in the same order."""
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
    """True if the two arrays of a pair may share memory, and are different objects."""
    for i, j in pairs:  # noqa: SIM110 - any() takes longer than all there is to ask
        if _may_share(arrays[i], arrays[j]) and arrays[i] is not arrays[j]:
            return True
    return False

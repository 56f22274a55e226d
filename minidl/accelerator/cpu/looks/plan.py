"""Looks at Python's objects: compiled code asks through Python's own C functions.

A look at a thousand objects before each step takes a fraction of the time that Python needs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from itertools import chain

import numpy as np

from minidl.accelerator.cpu.commands import UnsupportedError, block_of
from minidl.accelerator.cpu.looks import layout, words
from minidl.accelerator.cpu.machine.machine_code import address_of, function
from minidl.accelerator.record.glance import ANY, Held, Holdings
from minidl.backend.addresses import address

_KIND, _SPACE, _SIZE, _ELEMENT, _CODE, _NEXT, _GIVE_BACK = (
    address_of(getattr(ctypes.pythonapi, name))
    for name in (
        "PyObject_Type", "PyObject_GenericGetDict", "PyObject_Size", "PyList_GetItem",
        "PyFunction_GetCode", "PyDict_Next", "Py_DecRef",
    )
)  # fmt: skip


def look(holdings: Holdings) -> Callable[[], bool]:
    """A faster form of ``holdings.unchanged``; the same where no code can be compiled."""
    try:
        return Look(holdings)
    except UnsupportedError:
        return holdings.unchanged


class Look:
    """Questions to objects. A call asks if all still hold the same objects.

    Args:
        holdings: with the objects of now.

    Raises:
        CompilationUnavailableError: no machine code can be had.
    """

    def __init__(self, holdings: Holdings) -> None:
        self._unchanged = function("unchanged", "looks", ctypes.PYFUNCTYPE)
        self._kept = holdings  # as long as they live, no other object has their addresses
        kind_at, code_at = layout.place_of_class(), layout.place_of_code()
        kinds = [(thing, id(kind)) for thing, kind in holdings.kinds]
        codes = [(each, id(code)) for each, code in holdings.codes]
        new = [] if kind_at is not None else [(_KIND, id(a), 0, b) for a, b in kinds]
        # An object that still has its class has a dictionary.
        new += [(_SPACE, id(owner), 0, id(space)) for owner, space in holdings.spaces]
        borrowed = [] if kind_at is None else [(0, id(a) + kind_at, 0, b) for a, b in kinds]
        # A list is asked for its size first, and then for the elements that it has.
        borrowed += [(_SIZE, id(row), 0, len(then)) for row, then in holdings.lists]
        borrowed += [
            (_ELEMENT, id(row), k, id(value))
            for row, then in holdings.lists
            for k, value in enumerate(then)
        ]
        for each, code in codes:
            where = (_CODE, id(each)) if code_at is None else (0, id(each) + code_at)
            borrowed.append((*where, 0, code))
        fixed = {
            words.NEW: len(new), words.BORROWED: len(borrowed),
            words.DICTIONARIES: len(holdings.dictionaries),
            words.NEXT: _NEXT, words.GIVE_BACK: _GIVE_BACK,
        }  # fmt: skip
        parts = *new, *borrowed, *map(_entries, holdings.dictionaries)
        rest = np.fromiter(chain.from_iterable(parts), np.int64)
        self._block = np.concatenate([block_of(words.FIXED, fixed), rest])
        self._where = address(self._block)

    def __call__(self) -> bool:
        """True if all still hold the same objects."""
        return bool(self._unchanged(self._where))


def _entries(held: Held) -> list[int]:
    """The words of a dictionary."""
    dictionary, keys, values, kind = held
    number = 0 if kind is None else layout.version(kind)
    where = id(kind) + (layout.place_of_version() or 0) if number else 0
    found = [id(dictionary), len(keys), where, number]
    for key, value in zip(keys, values, strict=True):
        found += id(key), 0 if value is ANY else id(value)
    return found

"""Looks at Python's objects: compiled code asks through Python's own C functions.

A look at a thousand objects before each step takes a fraction of the time that Python needs.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any

import numpy as np

from minidl.accelerator.cpu.commands import UnsupportedError, block_of
from minidl.accelerator.cpu.looks import layout, words
from minidl.accelerator.cpu.machine.machine_code import address_of, function
from minidl.accelerator.record.glance import ANY, Held, Holdings
from minidl.backend.addresses import address

_KIND, _ATTRIBUTE, _SPACE, _SIZE, _ELEMENT, _CODE, _NEXT, _GIVE_BACK = (
    address_of(getattr(ctypes.pythonapi, name))
    for name in (
        "PyObject_Type", "PyObject_GenericGetAttr", "PyObject_GenericGetDict", "PyObject_Size",
        "PyList_GetItem", "PyFunction_GetCode", "PyDict_Next", "Py_DecRef",
    )
)  # fmt: skip
_ORDER = "__mro__"
_Question = tuple[int, int, int, int]


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
        kind_at, order_at = layout.place_of_class(), layout.place_of_order()
        new: list[_Question] = []
        borrowed: list[_Question] = []
        # These functions return new references; a word of an object is none.
        kinds, orders = new if kind_at is None else borrowed, new if order_at is None else borrowed
        kinds += _questions(holdings.kinds, kind_at, _KIND)
        orders += _questions(holdings.orders, order_at, _ATTRIBUTE, id(_ORDER))
        # An object has a dictionary, or has none, whatever other class it is given.
        new += _questions(holdings.spaces, None, _SPACE)
        borrowed += _questions(holdings.codes, layout.place_of_code(), _CODE)
        # A list is asked for its size first, and then for the elements that it has.
        borrowed += [(_SIZE, id(row), 0, len(then)) for row, then in holdings.lists]
        borrowed += [
            (_ELEMENT, id(row), k, id(value))
            for row, then in holdings.lists
            for k, value in enumerate(then)
        ]
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


def _questions(
    pairs: Iterable[tuple[Any, Any]], place: int | None, asking: int, argument: int = 0
) -> list[_Question]:
    """The words of questions to objects for the objects that they hold.

    Args:
        pairs: (object, the object held).
        place: of the word in the first object that has the answer; None to call a function.
        asking: address of the function, which takes the object and ``argument``.
    """
    if place is None:
        return [(asking, id(thing), argument, id(held)) for thing, held in pairs]
    return [(0, id(thing) + place, 0, id(held)) for thing, held in pairs]


def _entries(held: Held) -> list[int]:
    """The words of a dictionary."""
    dictionary, keys, values, kind = held
    version_at, where = layout.place_of_version(), 0
    if kind is not None and version_at is not None:
        layout.ask_for_version(kind)
        where = id(kind) + version_at
    # The first look compares the entries, and notes the version: who knows what came in between?
    found = [id(dictionary), len(keys), where, 0]
    for key, value in zip(keys, values, strict=True):
        found += id(key), 0 if value is ANY else id(value)
    return found

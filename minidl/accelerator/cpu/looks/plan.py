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

_KIND, _ATTRIBUTE, _SPACE, _SIZE, _ELEMENT, _CODE, _NEXT, _GIVE_BACK = (
    address_of(getattr(ctypes.pythonapi, name))
    for name in (
        "PyObject_Type", "PyObject_GenericGetAttr", "PyObject_GenericGetDict", "PyObject_Size",
        "PyList_GetItem", "PyFunction_GetCode", "PyDict_Next", "Py_DecRef",
    )
)  # fmt: skip
_ORDER = "__mro__"


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
        order_at = layout.place_of_order()
        kinds = [(thing, id(kind)) for thing, kind in holdings.kinds]
        orders = [(id(kind), id(order)) for kind, order in holdings.orders]
        codes = [(each, id(code)) for each, code in holdings.codes]
        new = [] if kind_at is not None else [(_KIND, id(a), 0, b) for a, b in kinds]
        if order_at is None:
            new += [(_ATTRIBUTE, kind, id(_ORDER), order) for kind, order in orders]
        # An object has a dictionary, or has none, whatever other class it is given.
        new += [(_SPACE, id(owner), 0, id(space)) for owner, space in holdings.spaces]
        borrowed = [] if kind_at is None else [(0, id(a) + kind_at, 0, b) for a, b in kinds]
        if order_at is not None:
            borrowed += [(0, kind + order_at, 0, order) for kind, order in orders]
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
    version_at, where = layout.place_of_version(), 0
    if kind is not None and version_at is not None:
        layout.ask_for_version(kind)
        where = id(kind) + version_at
    # The first look compares the entries, and notes the version: who knows what came in between?
    found = [id(dictionary), len(keys), where, 0]
    for key, value in zip(keys, values, strict=True):
        found += id(key), 0 if value is ANY else id(value)
    return found

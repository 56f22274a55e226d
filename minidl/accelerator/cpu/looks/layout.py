"""Places of words in Python's objects, found by trial: compiled code reads the words at once.

Python gives each class a number, its version, and another number after each change of an attribute
or of the bases, and after such a change of a base. Where a word is not found in this Python, the
place is None, and compiled code asks Python's C functions.
"""

from __future__ import annotations

import ctypes
import functools
import types
from collections.abc import Callable, Sequence
from typing import Any

_WORD, _HALF = 8, 4


@functools.cache
def place_of_class() -> int | None:
    """Place of an object's class, in bytes from the object's address."""
    things: list[Any] = [object(), [], {}, place_of_class, _Holder(), type]
    kinds = list(map(type, things))
    return _place(things, kinds, range(0, object.__basicsize__, _WORD))


@functools.cache
def place_of_order() -> int | None:
    """Place of ``__mro__``, a class with its bases, in bytes from the class's address."""
    kind: Any = type
    # Classes that Python code has made: Python's own take less memory.
    kinds: list[Any] = [_Holder, type("Kind", (_Holder,), {}), type("Other", (), {})]
    places = range(object.__basicsize__, kind.__basicsize__, _WORD)
    found = _place(kinds, [each.__mro__ for each in kinds], places)
    kinds[1].__bases__ = (type("Base", (), {}),)
    return found if found == _place(kinds, [each.__mro__ for each in kinds], places) else None


@functools.cache
def place_of_code() -> int | None:
    """Place of a function's code, in bytes from the function's address."""
    functions: list[Any] = [lambda: 1, lambda: 2, lambda: 3]
    places = range(object.__basicsize__, types.FunctionType.__basicsize__, _WORD)
    found = _place(functions, [each.__code__ for each in functions], places)
    functions[0].__code__ = functions[1].__code__
    return found if found == _place(functions, [f.__code__ for f in functions], places) else None


@functools.cache
def place_of_version() -> int | None:
    """Place of a class's version, in bytes from the class's address: 32 bits, 0 for no version."""
    kind: Any = type
    places = range(object.__basicsize__, kind.__basicsize__, _HALF)
    found = [place for place in places if _is_version(place)]
    return found[0] if len(found) == 1 else None


def ask_for_version(kind: type) -> None:
    """Let a class have a version: Python gives the class one when a name is looked up there."""
    getattr(kind, "__init__", None)


class _Holder:
    """A class of which Python code has made the object."""


def _place(things: Sequence[Any], held: Sequence[Any], places: Sequence[int]) -> int | None:
    """The one place at which each thing has the address of what it holds; None for none."""
    found = [
        place
        for place in places
        if all(_word(id(a) + place) == id(b) for a, b in zip(things, held, strict=True))
    ]
    return found[0] if len(found) == 1 else None


def _is_version(place: int) -> bool:
    """True if the 32 bits at a place of a class change with each change, and with nothing else."""
    base = type("Base", (), {"x": 0})
    kind: Any = type("Kind", (base,), {"y": 0})
    changes: list[Callable[[], None]] = [
        lambda: setattr(kind, "y", 1),
        lambda: setattr(base, "x", 1),
        lambda: setattr(kind, "z", 1),
        lambda: delattr(kind, "z"),
        lambda: setattr(kind, "__bases__", (type("Other", (), {"x": 2}),)),
    ]
    seen = {0}
    for change in changes:
        assert kind.x is not None
        now = _half(id(kind) + place)
        if now in seen or kind().y is None or _half(id(kind) + place) != now:
            return False
        seen.add(now)
        change()
        if _half(id(kind) + place) == now:  # before anybody asks for a name
            return False
    return True


def _word(where: int) -> int:
    return ctypes.c_uint64.from_address(where).value


def _half(where: int) -> int:
    return ctypes.c_uint32.from_address(where).value

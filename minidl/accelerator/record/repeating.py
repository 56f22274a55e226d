"""The promise that a tape may stand for an object's methods."""

from __future__ import annotations

import contextlib
import inspect
import operator
import sys
from collections.abc import Callable
from typing import Any

#: Methods that no step calls.
_ASIDE = {"__init__", "get_config"}
#: Special methods that a step may call, knowingly or not; the others are for whoever reads.
_CALLED = {"__call__", "__getattr__", "__getattribute__", "__setattr__", "__len__", "__iter__"}
#: Their classes are what they are.
_TRUSTED = {"builtins", "abc", "typing", "collections.abc"}


def repeats(thing: Any) -> bool:
    """Whether a tape may stand for an object: its methods do the same at each step.

    A class says so with ``repeats = True``: when called again with the same arrays, its methods do
    the same with formulas and kernels to the same arrays, and change nothing else that anybody
    looks at. It does not speak for what a subclass adds, nor for anything that has since been put
    in the place of a method, on the object, on the class or on one that the class derives from.
    """
    own = list(getattr(thing, "__dict__", ()))
    speaks = silent = False
    for known in type(thing).__mro__:
        if known.__module__ not in _TRUSTED:
            body = _body(known)
            if not body.methods.isdisjoint(own) or not body.as_written(known):
                return False
            speaks = speaks or (body.speaks and not silent)
            silent = silent or (body.others and not speaks)
    return speaks and bool(thing.repeats)


def remember(package: str) -> None:
    """Keep what the classes of a package's modules consist of, before anybody replaces it."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == package:
            for value in list(vars(module).values()):
                if isinstance(value, type) and value.__module__.partition(".")[0] == package:
                    _body(value, trusted=True)


def plain_values(kind: type) -> dict[str, Any]:
    """The numbers and the like that a class and those that it derives from hold."""
    found: dict[str, Any] = {}
    for known in reversed(kind.__mro__):
        if known.__module__ not in _TRUSTED:
            computing = _body(known).computing
            found |= {
                name: value
                for name, value in vars(known).items()
                if name not in computing and not name.startswith("__")
            }
    return found


class _Body:
    """What a class consists of, when the package is imported or the class is first asked.

    Args:
        kind: the class.
        trusted: whether nobody can have replaced anything yet.

    Attributes:
        computing: name -> a method, a property or what else is there to be called.
        methods: those of the names that an attribute of an object can hide.
        others: whether any but constructors are among them.
        speaks: whether the class says itself whether it repeats.
    """

    def __init__(self, kind: type, trusted: bool) -> None:
        self.computing = _computing(kind)
        self.methods = frozenset(
            name for name, value in self.computing.items() if not hasattr(value, "__set__")
        )
        self.others = bool(self.computing.keys() - _ASIDE)
        self.speaks = "repeats" in vars(kind)
        self._names = frozenset({*vars(kind), _BODY})
        self._order = tuple(self.computing)
        self._values = tuple(map(id, self.computing.values()))
        self._functions = tuple(filter(inspect.isfunction, self.computing.values()))
        self._codes = tuple(map(id, map(_code, self._functions)))
        self._kept = tuple(map(_code, self._functions))  # a freed code's id may come again
        self._right = trusted or all(
            _written_in(kind, name, value) for name, value in self.computing.items()
        )

    def as_written(self, kind: type) -> bool:
        """Whether the class still has its own methods, and no others."""
        now = vars(kind)
        return (
            self._right
            and tuple(map(id, map(now.get, self._order))) == self._values
            and tuple(map(id, map(_code, self._functions))) == self._codes
            and (now.keys() == self._names or _computing(kind).keys() == self.computing.keys())
        )


#: Where a class keeps its body: with the class, it goes.
_BODY = "__minidl_body__"
_code = operator.attrgetter("__code__")


def _body(kind: type, trusted: bool = False) -> _Body:
    body: _Body | None = vars(kind).get(_BODY)
    if body is None:
        body = _Body(kind, trusted)
        # A class that takes no attributes cannot be asked later what it was.
        with contextlib.suppress(TypeError, AttributeError):
            setattr(kind, _BODY, body)
    return body


def _computing(kind: type) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(kind).items()
        if (callable(value) or _computes(value)) and not name.startswith("__annot")
    }


def _computes(value: Any) -> bool:
    """Whether an attribute of a class is a property or the like, but for those of every class."""
    return hasattr(value, "__get__") and not inspect.isgetsetdescriptor(value)


def _written_in(kind: type, name: str, value: Any) -> bool:
    """Whether an attribute of a class is a function, or made of one, that stands in its text.

    ``functools.wraps`` copies a function's names, but not those of its code.
    """
    if name in _ASIDE or (name.startswith("__") and name not in _CALLED):
        return True
    functions: list[Callable[..., Any] | None] = [value]
    if isinstance(value, property):
        functions = [each for each in (value.fget, value.fset, value.fdel) if each]
    elif isinstance(value, staticmethod | classmethod):
        functions = [value.__func__]
    full = f"{kind.__qualname__}.{name}"
    return all(
        inspect.isfunction(each)
        and "__wrapped__" not in vars(each)
        and each.__code__.co_name == name
        # Python 3.10 does not know the second.
        and full == each.__qualname__ == getattr(each.__code__, "co_qualname", full)
        for each in functions
    )

"""The contents of classes, as their text has them or as changed since."""

from __future__ import annotations

import contextlib
import inspect
import operator
import sys
from collections.abc import Callable
from typing import Any

PACKAGE = __name__.partition(".")[0]

#: Methods that no step calls.
_ASIDE = {"__init__", "get_config"}
#: Special methods that a step may call, knowingly or not; the rest is for readers.
_CALLED = {"__call__", "__getattr__", "__getattribute__", "__setattr__", "__len__", "__iter__"}


def is_ours(kind: type) -> bool:
    """True for a class of a module of this package."""
    return kind.__module__.partition(".")[0] == PACKAGE


def remember() -> None:
    """Keep the contents of the classes of minidl's modules, before any replacement."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == PACKAGE:
            for value in list(vars(module).values()):
                if isinstance(value, type) and is_ours(value):
                    body_of(value, trusted=True)


class Body:
    """The contents of a class, when the package is imported or the class is first asked.

    Args:
        kind: the class.
        trusted: True while nothing can have been replaced yet.

    Attributes:
        computing: name -> a method, a property or another attribute that computes.
        methods: the names that an attribute of an object can hide.
        adds_nothing: True if a step calls none of the computing attributes.
        last: the last look at the class by a recording, for the next recording.
    """

    last: Any = None

    def __init__(self, kind: type, trusted: bool) -> None:
        self.computing = _computing(kind)
        self.methods = frozenset(
            name for name, value in self.computing.items() if not hasattr(value, "__set__")
        )
        self.adds_nothing = all(
            name in _ASIDE or (name.startswith("__") and name not in _CALLED)
            for name in self.computing
        )
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
        """True if the class still has the methods of the text, and no more."""
        now = vars(kind)
        return (
            self._right
            and tuple(map(id, map(now.get, self._order))) == self._values
            and tuple(map(id, map(_code, self._functions))) == self._codes
            and (now.keys() == self._names or _computing(kind).keys() == self.computing.keys())
        )


#: Name of the class attribute that keeps a class's body: with the class, the body goes.
_BODY = "__minidl_body__"
_code = operator.attrgetter("__code__")


def body_of(kind: type, trusted: bool = False) -> Body:
    """The body of a class, which the class keeps."""
    body: Body | None = vars(kind).get(_BODY)
    if body is None:
        body = Body(kind, trusted)
        # A class that takes no attributes cannot be asked later for its first contents.
        with contextlib.suppress(TypeError, AttributeError):
            setattr(kind, _BODY, body)
    return body


def _computing(kind: type) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(kind).items()
        if (callable(value) or computes(value)) and not name.startswith("__annot")
    }


def computes(value: Any) -> bool:
    """True for a property or another computing attribute that not every class has."""
    return hasattr(value, "__get__") and not inspect.isgetsetdescriptor(value)


def _written_in(kind: type, name: str, value: Any) -> bool:
    """True for an attribute of a class that is a function of the class's text, or made of one.

    ``functools.wraps`` copies a function's names, but not the names in the function's code.
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

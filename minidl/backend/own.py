"""The code of minidl, as written, told apart from foreign code."""

from __future__ import annotations

import inspect
import sys
import types
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minidl.backend.bodies import PACKAGE, body_of, computes, is_ours
from minidl.backend.fused import Fused
from minidl.backend.kernel import is_kernel

#: Their classes are what they are.
_TRUSTED = {"builtins", "abc", "typing", "collections.abc"}
_HEAP = 1 << 9  # a flag of classes that Python code has made
#: Their objects are data.
_DATA = (str, bytes, int, float, complex, type, types.ModuleType, np.ndarray, np.generic, np.dtype,
         slice, range, weakref.ref, weakref.WeakSet)  # fmt: skip


def is_own(thing: object) -> bool:
    """True if an object's methods are minidl's, and none of the methods has been replaced.

    A foreign class may derive from minidl's and add a constructor. Anything may since
    have been put in the place of a method: on the object, on its class or on one that the class
    derives from.
    """
    return Look()(thing)


class Look:
    """Tells minidl's own objects as :func:`is_own` does, and looks at each class once."""

    def __init__(self) -> None:
        self._methods: dict[type, frozenset[str] | None] = {}
        self._bodies: dict[type, frozenset[str] | None] = {}

    def __call__(self, thing: object) -> bool:
        kind = type(thing)
        if kind not in self._methods:
            self._methods[kind] = self._methods_of(kind)
        methods = self._methods[kind]
        return methods is not None and methods.isdisjoint(getattr(thing, "__dict__", ()))

    def at_function(self, function: Any) -> bool:
        """True for a callable as of :func:`is_own_function`."""
        if isinstance(function, Fused) or is_kernel(function):
            return True
        if isinstance(function, types.MethodType):
            return self(function.__self__) and self.at_function(function.__func__)
        if inspect.isfunction(function):
            # None for a function of code that exec ran without a name.
            module = str(function.__module__).partition(".")[0]
            return module == PACKAGE and not hasattr(function, "__wrapped__")
        return isinstance(function, type) or (not inspect.isroutine(function) and self(function))

    def _methods_of(self, kind: type) -> frozenset[str] | None:
        """Names of methods that attributes can hide; None for a foreign or changed class."""
        names: frozenset[str] = frozenset()
        found = _is_pythons(kind)
        for known in kind.__mro__:
            if not _is_pythons(known):
                if known not in self._bodies:
                    self._bodies[known] = _methods_in(known)
                more = self._bodies[known]
                if more is None:
                    return None
                names |= more
                found = found or is_ours(known)
        return names if found else None


def _methods_in(kind: type) -> frozenset[str] | None:
    """Names of the methods of one class as written; None where it is foreign or changed."""
    body = body_of(kind)
    kept = (is_ours(kind) or body.adds_nothing) and body.as_written(kind)
    return body.methods if kept else None


def _is_pythons(kind: type) -> bool:
    """True for a class of Python's own.

    A class of code that exec ran without a name is "builtins", too, by its ``__module__``.
    """
    module = kind.__module__
    return module in _TRUSTED and (
        not kind.__flags__ & _HEAP or getattr(sys.modules.get(module), kind.__name__, None) is kind
    )


def is_own_function(function: Any) -> bool:
    """True for a callable that a tape can record: a formula, a kernel, or minidl's own code."""
    return Look().at_function(function)


def foreign(
    parts: Iterable[object], own: Look | None = None
) -> Iterator[tuple[object, str | None]]:
    """Foreign objects and foreign callables among objects, and among the parts of the objects.

    Gives (object, None) for an object, and (holder, name) for a callable that minidl's own object
    holds as an attribute.

    Args:
        parts: the objects.
        own: a look that has just begun; a new one if left out.
    """
    seen: set[int] = set()
    own = own or Look()
    waiting: list[object] = list(parts)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if not own(thing):
            yield thing, None
            continue
        for name, value in held(thing):
            if callable(value) and not own.at_function(value):
                yield thing, name
                if not inspect.isroutine(value) and hasattr(value, "__dict__"):
                    waiting.append(value)
            else:
                waiting += with_parts(value)


def held(thing: object) -> list[tuple[str, Any]]:
    """The attributes of an object that may be called or have parts: (name, value)."""
    space = getattr(thing, "__dict__", {})
    return [(name, value) for name, value in list(space.items()) if not _is_data(value)]


def with_parts(value: Any) -> list[Any]:
    """A value that may be a part of a step, or those in a list or tuple; [] for none."""
    row = value if isinstance(value, list | tuple) else [value]
    return [each for each in row if not _is_data(each) and _has_parts(each)]


def has_foreign(parts: Iterable[object], own: Look | None = None) -> bool:
    """True if an object, or a part of an object, is foreign; ``own`` as of :func:`foreign`."""
    return any(True for _ in foreign(parts, own))


def _is_data(value: Any) -> bool:
    return value is None or isinstance(value, _DATA) or hasattr(value, "__cuda_array_interface__")


def _has_parts(value: Any) -> bool:
    """True if an object may be a part of a step: the object has attributes, and is no network."""
    return (
        hasattr(value, "__dict__")
        and not isinstance(value, Fused | types.FunctionType | types.MethodType)
        and not hasattr(value, "traffic")
    )


def are_own(things: Iterable[object]) -> bool:
    """True if objects such as callbacks are minidl's own and hold no foreign functions."""
    own = Look()
    return all(own(thing) and all(map(own.at_function, _called(thing))) for thing in things)


def _called(thing: object) -> list[Any]:
    """The callables that an object holds, but for networks."""
    return [value for _, value in held(thing) if callable(value) and not hasattr(value, "traffic")]


def overridden(kind: type, *names: str) -> list[str]:
    """Names of those methods that a foreign class has in the place of minidl's."""
    foreign_ones = [known for known in kind.__mro__ if not is_ours(known)]
    return [name for name in names if any(name in vars(known) for known in foreign_ones)]


def methods(thing: object) -> Iterator[str]:
    """Names of the methods of an object, but for special ones."""
    names: set[str] = set()
    for known in type(thing).__mro__:
        if not _is_pythons(known):
            names |= {name for name, value in vars(known).items() if _is_method(value)}
    yield from sorted(name for name in names if not name.startswith("__"))


def _is_method(value: Any) -> bool:
    """True for an attribute of a class through which an object can be called."""
    if isinstance(value, type | property) or hasattr(value, "__set__"):
        return False
    return callable(value) or computes(value)

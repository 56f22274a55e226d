"""The promise that a tape may stand for an object's methods."""

from __future__ import annotations

import inspect
from typing import Any


def repeats(thing: Any) -> bool:
    """Whether a tape may stand for an object: its methods do the same at each step.

    A class says so with ``repeats = True``: when called again with the same arrays, its methods do
    the same with formulas and kernels to the same arrays, and change nothing else that anybody
    looks at. It does not speak for what a subclass adds, nor for methods that others have put on
    the object or the class.
    """
    kind = type(thing)
    if any(
        inspect.isroutine(getattr(kind, name, None))
        for name in list(getattr(thing, "__dict__", ()))
    ):
        return False
    for known in kind.__mro__:
        methods = {name: m for name, m in vars(known).items() if inspect.isfunction(m)}
        if any(m.__qualname__ != f"{known.__qualname__}.{name}" for name, m in methods.items()):
            return False
        if "repeats" in vars(known):
            return bool(thing.repeats)
        own = {name for name, value in vars(known).items() if callable(value) or _computes(value)}
        if own - {"__init__", "get_config"}:
            return False
    return False


def _computes(value: Any) -> bool:
    """Whether an attribute of a class is a property or the like, but for those of every class."""
    return hasattr(value, "__get__") and not inspect.isgetsetdescriptor(value)

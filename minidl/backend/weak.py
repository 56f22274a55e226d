"""Methods whose objects may end: an attribute of an object must not keep the object."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any


def weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """A function that calls a bound method and does not keep its object alive.

    An object that kept its own method would be freed by Python's cycle collector only, at some
    time, with all arrays of the object.

    Raises:
        ReferenceError: when called after the object has ended.
    """
    found = weakref.WeakMethod(method)

    def call(*arguments: Any) -> Any:
        bound = found()
        if bound is None:
            raise ReferenceError("the object of this method is gone")
        return bound(*arguments)

    return call

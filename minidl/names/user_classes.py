"""Users' classes: mistakes in a constructor or a method that would otherwise go unnoticed."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from minidl import checks
from minidl.names.register import kinds

#: Kind -> a method that Keras calls, and the method that minidl calls instead.
CALLED = {
    "regularizer": {"__call__": "forward"},
    "constraint": {"__call__": "project"},
    "initializer": {"__call__": "values"},
    "loss": {"__call__": "row_losses", "call": "row_losses"},
    "optimizer": {"update_step": "step", "apply_gradients": "step", "apply": "step"},
    "layer": {"__call__": "forward"},
}


def in_place(method: Any, returned: Any, out: Any, how: str) -> None:
    """Refuse the new array of a method that should write into an argument.

    Args:
        method: named in the error.
        returned: the method's result; None or ``out`` is right.
        out: the argument.
        how: the method's task, in words.

    Raises:
        TypeError: the method returned another array, which no caller reads.
    """
    if returned is not None and returned is not out:
        raise TypeError(
            f"{getattr(method, '__qualname__', method)}: expected {how}, received it as a new "
            f"{type(returned).__name__}"
        )


def constructed(thing: Any) -> None:
    """Raise if the constructor of an object's class did not call the base's constructor.

    Raises:
        TypeError: the object has no name, which every base gives.
    """
    if "name" not in vars(thing):
        raise TypeError(
            f"{type(thing).__name__}: expected an __init__ that calls super().__init__(), received "
            "one that does not"
        )


def refuse_unheard(thing: object, base: type) -> None:
    """Refuse an object if the class changes a formula in a method that minidl never calls.

    An example is a class that derives from L2 and defines ``__call__``, but not ``forward``.

    Args:
        thing: an object of the kind.
        base: the base class of the kind.

    Raises:
        TypeError: the class defines that method, and inherits the method that minidl calls.
    """
    classes = type(thing).__mro__
    for hook, called in CALLED.get(kinds[base], {}).items():
        of_hook, of_called = (_first(classes, name) for name in (hook, called))
        if of_hook < of_called < classes.index(base):
            raise TypeError(
                f"{classes[of_hook].__name__}.{hook} is a method that no training calls: expected "
                f"{called} to be defined, too"
            )


def refuse_narrow(layer: Any) -> None:
    """Refuse a layer whose ``forward`` takes the rows alone.

    Raises:
        TypeError: fewer arguments than a pass gives.
    """
    forward = type(layer).forward
    if inspect.isfunction(forward) and checks.positions(forward) < 4:
        raise TypeError(
            f"{type(layer).__name__}.forward: expected forward(self, x, training=False, step=0), "
            f"received forward{inspect.signature(forward)}"
        )


def _first(classes: Sequence[type], name: str) -> int:
    """The place of the first class that defines a method of this name, or the number of classes."""
    having = (place for place, each in enumerate(classes) if name in vars(each))
    return next(having, len(classes))

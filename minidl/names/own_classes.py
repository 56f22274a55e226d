"""Classes of one's own: mistakes in a constructor or a method that would pass in silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.names.register import kinds

#: Kind -> a method that Keras calls, and the one that is called in its place.
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
        returned: by the method; None or ``out`` is right.
        out: the argument.
        how: what the method should do, in words.

    Raises:
        TypeError: another array was returned, which nobody reads.
    """
    if returned is not None and returned is not out:
        raise TypeError(
            f"{getattr(method, '__qualname__', method)}: expected {how}, received it as a new "
            f"{type(returned).__name__}"
        )


def constructed(thing: Any) -> None:
    """Raise for an object whose class has a constructor that leaves out that of the base.

    Raises:
        TypeError: the object has no name, which every base gives.
    """
    if "name" not in vars(thing):
        raise TypeError(
            f"{type(thing).__name__}: expected an __init__ that calls super().__init__(), received "
            "one that does not"
        )


def refuse_unheard(thing: object, base: type) -> None:
    """Refuse an object with a class that changes a formula in vain.

    So does a class that derives from L2 and defines ``__call__``, but not ``forward``.

    Args:
        thing: an object of the kind.
        base: the base class of the kind.

    Raises:
        TypeError: the class has such a method, and inherits the method that is called.
    """
    classes = type(thing).__mro__
    for hook, called in CALLED.get(kinds[base], {}).items():
        of_hook, of_called = (_first(classes, name) for name in (hook, called))
        if of_hook < of_called < classes.index(base):
            raise TypeError(
                f"{classes[of_hook].__name__}.{hook} is a method that no training calls: expected "
                f"{called} to be defined, too"
            )


def _first(classes: Sequence[type], name: str) -> int:
    """The place of the class whose method of this name an object has."""
    having = (place for place, each in enumerate(classes) if name in vars(each))
    return next(having, len(classes))

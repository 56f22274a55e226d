"""Methods that Keras calls and minidl does not: a class that defines such a method is refused."""

from __future__ import annotations

from collections.abc import Sequence

from minidl.register import kinds

#: Kind -> a method that Keras calls, and the one that is called in its place.
CALLED = {
    "regularizer": {"__call__": "forward"},
    "constraint": {"__call__": "project"},
    "initializer": {"__call__": "values"},
    "loss": {"__call__": "row_losses", "call": "row_losses"},
    "optimizer": {"update_step": "step", "apply_gradients": "step", "apply": "step"},
    "layer": {"__call__": "forward"},
}


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

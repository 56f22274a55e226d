"""A loss by name, function or class."""

from __future__ import annotations

import copy
import functools
import inspect
import math
from collections.abc import Mapping
from typing import Any

from minidl import checks
from minidl.losses import functions
from minidl.losses.base import Loss
from minidl.losses.reductions import NONE, one_number
from minidl.names.lookup import find, is_namesake
from minidl.names.lookup import get as of_kind

_FUNCTIONS: dict[Any, type[Loss]] = {
    function: find(name, Loss)
    for name, function in vars(functions).items()
    if getattr(function, "__module__", "") == functions.__name__
}


def get(identifier: Any) -> Loss:
    """A loss by name, by function or class of this package, or ``identifier`` itself.

    Args:
        identifier: also a ``functools.partial`` of a function, with further arguments, or a
            dictionary {"class_name": ..., "config": {...}}.

    Raises:
        ValueError: unknown name.
        TypeError: another kind of object; the message for a function names the remedy.
    """
    options: dict[str, Any] = {}
    if isinstance(identifier, functools.partial) and not identifier.args:
        identifier, options = identifier.func, identifier.keywords
    own = isinstance(identifier, Loss | type) or not callable(identifier)
    if own or is_namesake(identifier, Loss):
        return of_kind(Loss, identifier)
    if identifier in _FUNCTIONS:
        return _FUNCTIONS[identifier](**options)
    name = getattr(identifier, "__name__", "")
    name = name if name.isidentifier() else "my_loss"
    plain = inspect.isroutine(identifier)
    given = f"the function {name}" if plain else f"an object of {type(identifier).__name__}"
    raise TypeError(
        f"loss: received {given} without its gradient; write the gradient of each "
        f"row's loss as a second function, {name}_gradient(y_true, y_pred), which returns an array "
        f"of y_pred's shape, and compile with loss=minidl.losses.from_functions({name}, "
        f"{name}_gradient)"
    )


def compiled(loss: Any, loss_weights: Any = None) -> Loss:
    """A loss to train on, from the arguments of ``compile``.

    Args:
        loss: as for :func:`get`; also a list of one.
        loss_weights: the factor of the loss, or a list or a dictionary of one factor; None for 1.

    Raises:
        ValueError: an unknown name, a loss that is not one number, or several losses.
        TypeError: something else.
    """
    found = get(_only("loss", loss))
    kind = type(found)
    if found.reduction in NONE:
        raise ValueError(one_number(found))
    own_forward = kind.forward is not Loss.forward
    named = ("backward",) if own_forward else ("row_losses", "row_gradients")
    if any(getattr(kind, name) is getattr(Loss, name) for name in named):
        raise TypeError(
            f"loss: {kind.__name__} lacks a gradient; expected a class that defines "
            "row_losses(predictions, t, out) and row_gradients(predictions, t, out), or two "
            "functions in place of its call, minidl.losses.from_functions(forward, backward)"
        )
    if loss_weights is None:
        return found
    given = _only("loss_weights", loss_weights)
    if isinstance(given, str) or hasattr(given, "update_state") or callable(given):
        raise TypeError(
            f"loss_weights: expected the factor of the loss, received the metric {given!r}; the "
            "third argument of compile is loss_weights, so write metrics=..."
        )
    weight = checks.real("loss_weights", given, -math.inf)
    if own_forward:
        raise ValueError(
            f"loss_weights: expected None for {kind.__name__}, whose forward is its own, received "
            f"{weight:g}; multiply there"
        )
    found = copy.copy(found)
    found.weight = weight
    return found


def _only(what: str, value: Any) -> Any:
    """The only element of a list or dictionary: a network has one output."""
    if isinstance(value, Mapping) and "class_name" not in value:
        value = list(value.values())
    if not isinstance(value, list | tuple):
        return value
    if len(value) != 1:
        raise ValueError(f"{what}: expected one, for the one output, received {len(value)}")
    return value[0]

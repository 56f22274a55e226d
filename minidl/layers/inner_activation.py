"""The activation that a layer ends with, made of a name, a function or a layer."""

from __future__ import annotations

import copy
from typing import Any

from minidl import activations
from minidl.layers.activation import Activation
from minidl.names.in_files import name_of


def inner_activation(activation: Any, outer: str) -> Activation | None:
    """The layer of an activation, or None for linear.

    Args:
        activation: a name, a function, None for linear; or a layer, of which a copy is taken,
            because several layers may be given the same one.
        outer: name of the layer that ends with the activation.

    Raises:
        ValueError: unknown name.
        TypeError: neither a name, a function, a layer nor None.
    """
    if isinstance(activation, Activation):
        own = copy.copy(activation)
        own.owner = None
        return own
    function = activations.get(activation)
    if function is activations.get(None):
        return None
    return Activation(function, name=f"{outer}/{function.name}")


def argument_of(activation: Activation | None) -> Any:
    """The argument that makes an equal layer: None, a name, or the layer where one was given."""
    if type(activation) is Activation:
        return name_of(activation.function)
    return activation

"""Arguments of layers: arguments fixed once a layer is built; penalties; initializers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from minidl import checks, constraints, initializers, regularizers
from minidl.initializers import Initializer

if TYPE_CHECKING:
    from minidl.layers.base import Layer
    from minidl.layers.shapes import Shape

BUILT = "a new network, because this layer is built"


def fix(kind: type) -> None:
    """Fix the attributes that a class lists in ``fixed_once_built``, once a layer is built.

    Args:
        kind: a class of layers, which may list names; the attributes are made here.
    """
    for name in vars(kind).get("fixed_once_built", ()):
        attribute = checks.fixed(BUILT)
        attribute.__set_name__(kind, name)
        setattr(kind, name, attribute)


def penalty(tensor: str) -> Any:
    """An attribute, the regularizer of a tensor; can be set at any time and acts from then on."""

    def check(layer: Layer, name: str, value: Any) -> regularizers.Regularizer | None:
        found = regularizers.get(value)
        if tensor in layer.tensors:
            layer.tensors[tensor].regularizer = found
        return found

    return checks.Attribute(check)


def constraint(tensor: str) -> Any:
    """An attribute, the constraint of a tensor; can be set at any time and acts from then on."""

    def check(layer: Layer, name: str, value: Any) -> constraints.Constraint | None:
        found = constraints.get(value)
        if tensor in layer.tensors:
            if found is not None:
                found.check(layer.tensors[tensor].shape)
            layer.tensors[tensor].constraint = found
        return found

    return checks.Attribute(check)


def activity() -> Any:
    """An attribute, the penalty on a layer's outputs; cannot be set once the layer is built."""

    def check(layer: Layer, name: str, value: Any) -> regularizers.Regularizer | None:
        found = regularizers.get(value)
        checks.unsealed(layer, name, BUILT)
        if found is not None and found.proximal:
            raise ValueError(
                f"{name}: expected a penalty with a gradient, received one that acts by a proximal "
                "step, which only weights take"
            )
        return found

    return checks.Attribute(check)


def of_tensors(layer: Layer, name: str, value: Any) -> bool:
    """The check of ``trainable``, which the layer's tensors follow."""
    trains = checks.truth(name, value)
    for tensor in layer.tensors.values():
        tensor.trainable = trains
    return trains


def not_activation() -> Any:
    """An attribute that an activation layer lacks; the error names the attribute to use."""
    name = "the attribute function, of minidl.activations"

    def refuse(layer: Layer, *value: Any) -> NoReturn:
        """The constructor's argument; the layer's function is ``function``, which can be set.

        Raises:
            AttributeError: always.
        """
        if value:
            raise AttributeError(f"{layer!r}: activation cannot be set; expected {name} to be set")
        raise AttributeError(f"{layer!r} has no activation, it is one: its function is {name}")

    return property(refuse, refuse)


def initial(identifier: str | Initializer | None) -> Initializer:
    """An initializer by name, or the one that is given; as in Keras, glorot_uniform for None.

    Raises:
        ValueError: unknown name.
        TypeError: neither a name nor an initializer.
    """
    found: Initializer = initializers.get("glorot_uniform" if identifier is None else identifier)
    return found


def ask_for(layer: Layer, attribute: str, name: str, shape: Shape) -> None:
    """Ask for a tensor as the layer's arguments NAME_initializer, NAME_regularizer, … say.

    Args:
        layer: in its ``build``.
        attribute, name, shape: as for :meth:`Layer.add_tensor`.
    """
    kinds = ("initializer", "regularizer", "constraint")
    layer.add_tensor(attribute, name, shape, *(getattr(layer, f"{name}_{each}") for each in kinds))

"""Arguments that several layers take: shapes, penalties, constraints, initializers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from minidl import checks, constraints, initializers, regularizers
from minidl.initializers import Initializer

if TYPE_CHECKING:
    from minidl.layers.base import Layer

Shape = tuple[int, ...]

BUILT = "a new network, because this layer is built"


def text(what: str, value: Any) -> str:
    """A value that is a text of at least one letter.

    Raises:
        TypeError: something else.
    """
    if not (isinstance(value, str) and value):
        raise TypeError(f"{what}: expected a text, received {value!r}")
    return value


def shape_of(shape: Any) -> Shape:
    """A row's shape as a tuple of sizes; a lone integer n means (n,).

    Raises:
        ValueError, TypeError: not sizes of at least 1.
    """
    sizes = (shape,) if hasattr(shape, "__index__") else tuple(shape)
    return tuple(checks.integer("size in a shape", size, 1) for size in sizes)


def row_shape(shape: Any) -> Shape:
    """Shape of one row; a None in front, for a batch of any size, is left out."""
    sizes = (shape,) if hasattr(shape, "__index__") else tuple(shape)
    return shape_of(sizes[1:] if sizes[:1] == (None,) else sizes)


def declared(input_shape: Any, input_dim: int | None) -> Shape | None:
    """The shape of a row that a layer is told, or None.

    Args:
        input_shape: of one row, or None.
        input_dim: n stands for (n,), or None.

    Raises:
        ValueError, TypeError: both, or no sizes of at least 1.
    """
    if input_dim is None:
        return None if input_shape is None else shape_of(input_shape)
    if input_shape is not None:
        raise TypeError("expected input_dim or input_shape, received both")
    return (checks.integer("input_dim", input_dim, 1),)


def check_rows(layer: Layer, shape: Shape) -> None:
    """Raise if a layer is built for, or told, rows of another shape.

    Raises:
        ValueError: names both shapes.
    """
    if layer.declared_shape not in (None, shape):
        raise ValueError(
            f"{layer.name}: expected input_shape {shape}, the output before it, received "
            f"{layer.declared_shape}"
        )
    if layer.settled and layer.input_shape != shape:
        raise ValueError(
            f"{layer.name}: expected rows of shape {layer.input_shape}, for which it is built, "
            f"received {shape}"
        )


def features(layer: Layer, input_shape: Shape) -> int:
    """The number of features of a row.

    Raises:
        ValueError: rows are not one-dimensional.
    """
    if len(input_shape) != 1:
        raise ValueError(
            f"{layer.name}: expected rows of features, shape (n,), received rows of shape "
            f"{input_shape}; put a Flatten() layer before it"
        )
    return input_shape[0]


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
        if layer.settled:
            raise AttributeError(f"{name} of {layer!r} cannot be set any more; expected {BUILT}")
        if found is not None and found.proximal:
            raise ValueError(
                f"{name}: expected a penalty with a gradient, received one that acts by a proximal "
                "step, which only weights take"
            )
        return found

    return checks.Attribute(check)


def features_axis() -> Any:
    """An attribute, the axis of a row's features: -1, or 1, which is the same; no other."""

    def check(layer: Layer, name: str, value: Any) -> Any:
        axes = value if isinstance(value, list | tuple) else (value,)
        if len(axes) != 1 or isinstance(axes[0], bool) or axes[0] not in (-1, 1):
            raise ValueError(
                f"{name}: expected -1, the features of a row, because rows are flat here; "
                f"received {value!r}"
            )
        return value

    return checks.Attribute(check)


def only_none(meaning: str, instead: str = "") -> Any:
    """An attribute that is None, for an argument of Keras's of which that is the only value here.

    Args:
        meaning: of None, for the error's message.
        instead: the remedy.
    """

    def check(layer: Layer, name: str, value: Any) -> None:
        if value is not None:
            raise ValueError(f"{name}: expected None, {meaning}, received {value!r}{instead}")

    return checks.Attribute(check)


def not_activation() -> Any:
    """An attribute that an activation layer has not: what a user looks for there is elsewhere."""
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


def given(layer: Layer, *names: str) -> dict[str, Any]:
    """Those of a layer's attributes that are not None, for a configuration."""
    return {name: value for name in names if (value := getattr(layer, name)) is not None}

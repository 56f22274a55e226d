"""Shapes of rows: read from arguments, and compared."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from minidl import checks

if TYPE_CHECKING:
    from minidl.layers.base import Layer

Shape = tuple[int, ...]


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


@contextlib.contextmanager
def told_of_batch_axis(given: Any) -> Iterator[None]:
    """Let a ValueError say that a shape of several sizes may begin with a batch axis.

    Nothing is said where the shape begins with None, the batch axis.
    """
    try:
        yield
    except ValueError as error:
        if not isinstance(given, list | tuple) or len(given) < 2 or given[0] is None:
            raise
        raise ValueError(
            f"{error}; build takes the shape of one row, or (None, …) with a batch axis"
        ) from None


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
    if layer.sealed and layer.input_shape != shape:
        raise ValueError(
            f"{layer.name}: expected rows of shape {layer.input_shape}, for which it is built, "
            f"received {shape}"
        )


def check_outputs(layer: Layer, shape: Shape) -> None:
    """Raise if a layer that is built for rows of a shape does not say the shape of its outputs.

    Raises:
        ValueError: asks for ``output_shape``, to be set by ``build``.
    """
    if shape and not layer.output_shape:
        raise ValueError(
            f"{layer.name}: expected build to set output_shape, the shape of one row of outputs; "
            "super().build(input_shape) makes it the input's"
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

"""Layers that pass values on unchanged, or in another shape."""

from __future__ import annotations

import math
from typing import Any

from minidl import checks, regularizers
from minidl.layers.arguments import BUILT
from minidl.layers.base import Layer, Shape
from minidl.names.register import register


@register
class Identity(Layer):
    """y = x, no copy."""

    accepts_integers = True
    computes = False

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.y = x
        return x

    def backward(self, dy: Any) -> Any:
        return dy


@register
class ActivityRegularization(Identity):
    """y = x, with the penalty (1/N) Σ (l1 · |x| + l2 · x²) in the loss.

    Args:
        l1, l2: >= 0, each 0 if left out; can be set at any time.
        options: arguments of :class:`Layer`.

    Raises:
        ValueError, TypeError: no such number.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Any) -> None:
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **options)

    @property
    def l1(self) -> float:
        """Factor of the absolute values."""
        factor: float = self.activity_regularizer.l1
        return factor

    @l1.setter
    def l1(self, value: float) -> None:
        self.activity_regularizer.l1 = value

    @property
    def l2(self) -> float:
        """Factor of the squares."""
        factor: float = self.activity_regularizer.l2
        return factor

    @l2.setter
    def l2(self, value: float) -> None:
        self.activity_regularizer.l2 = value

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["activity_regularizer"]
        return config


def _shape(layer: Any, name: str, value: Any) -> tuple[int, ...]:
    checks.unsealed(layer, name, BUILT)
    sizes = (value,) if hasattr(value, "__index__") else tuple(value)
    found = tuple(-1 if s == -1 else checks.integer("size in a shape", s, 1) for s in sizes)
    if not found or found.count(-1) > 1:
        raise ValueError(
            f"{name}: expected at least one size, and at most one of them -1, received {value!r}"
        )
    return found


@register
class Reshape(Layer):
    """Rows of one shape become rows of another, in C order: a view, no copy.

    Args:
        target_shape: of one row; one size may be -1, which stands for the rest.
        options: arguments of :class:`Layer`.

    Raises:
        ValueError, TypeError: no shape; when the network is built, another number of elements.
    """

    accepts_integers = True
    computes = False
    target_shape: Any = checks.Attribute(_shape)

    def __init__(self, target_shape: Any, **options: Any) -> None:
        super().__init__(**options)
        self.target_shape = target_shape

    def build(self, input_shape: Shape) -> None:
        self.input_shape = input_shape
        size, known = math.prod(input_shape), -math.prod(self.target_shape)
        fits = size % known == 0 if known > 0 else size == -known
        if not fits:
            raise ValueError(
                f"{self.name}: expected target_shape of {size} elements, those of rows of shape "
                f"{input_shape}, received {self.target_shape}"
            )
        self.output_shape = tuple(size // known if s == -1 else s for s in self.target_shape)

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.y = x.reshape(x.shape[0], *self.output_shape)
        return self.y

    def backward(self, dy: Any) -> Any:
        return dy.reshape(len(dy), *self.input_shape)

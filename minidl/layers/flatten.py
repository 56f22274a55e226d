"""Flatten: rows of any shape as rows of features."""

from __future__ import annotations

import math
from typing import Any

from minidl.layers.base import Layer, Shape
from minidl.names.register import register


@register
class Flatten(Layer):
    """Rows of any shape become rows of features: (N, a, b, …) -> (N, a·b·…). A view, no copy."""

    accepts_integers = True
    computes = False

    def build(self, input_shape: Shape) -> None:
        self.input_shape = input_shape
        self.output_shape = (math.prod(input_shape),)

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.y = x.reshape(x.shape[0], *self.output_shape)
        return self.y

    def backward(self, dy: Any) -> Any:
        return dy.reshape(len(dy), *self.input_shape)

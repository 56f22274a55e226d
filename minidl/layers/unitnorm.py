"""Rows of length 1."""

from __future__ import annotations

from typing import Any

from minidl.backend import Backend
from minidl.kernels.unitnorm import unitnorm_backward, unitnorm_forward
from minidl.layers.base import Layer, Shape, first_rows
from minidl.layers.shapes import features, features_axis
from minidl.names.register import register

#: Keras's.
EPSILON = 1e-12


@register
class UnitNormalization(Layer):
    """y = x / max(‖x‖, 1e-12), row by row.

    Args:
        axis: -1, the features of a row; no other.
        options: arguments of :class:`Layer`.
    """

    axis: Any = features_axis()

    def __init__(self, axis: int = -1, **options: Any) -> None:
        super().__init__(**options)
        self.axis = axis

    def build(self, input_shape: Shape) -> None:
        features(self, input_shape)
        super().build(input_shape)

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        xp, shape = backend.xp, (rows, *self.output_shape)
        self._y, self._dx, self._work = (xp.empty(shape, dtype=dtype) for _ in range(3))
        self._norm, self._total = (xp.empty((rows, 1), dtype=dtype) for _ in range(2))

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        rows = len(x)
        self.norm = first_rows(self._norm, rows)
        self.y = unitnorm_forward(x, EPSILON, self.norm, first_rows(self._y, rows))
        return self.y

    def backward(self, dy: Any) -> Any:
        total, work, dx = (
            first_rows(each, len(dy)) for each in (self._total, self._work, self._dx)
        )
        return unitnorm_backward(dy, self.y, EPSILON, self.norm, total, work, dx)

"""Rescaling: pixels to numbers of size 1."""

from __future__ import annotations

import math
from typing import Any

from minidl import checks
from minidl.backend import Backend
from minidl.kernels.rescaling import rescaling_backward, rescaling_forward
from minidl.layers.base import Layer, first_rows
from minidl.names.register import register


@register
class Rescaling(Layer):
    """y = x · scale + offset. As the first layer, Rescaling takes uint8 pixels unconverted.

    Args:
        scale: factor, for example 1/255.
        offset: added after, default 0.
        options: arguments of :class:`Layer`.
    """

    accepts_integers = True

    scale = checks.number(-math.inf)
    offset = checks.number(-math.inf)

    def __init__(
        self,
        scale: float,
        offset: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.scale = scale
        self.offset = offset

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        self._y = backend.xp.empty((rows, *self.output_shape), dtype=dtype)
        self._dx = backend.xp.empty_like(self._y) if self.needs_dx else None

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.y = rescaling_forward(x, self.scale, self.offset, out=first_rows(self._y, len(x)))
        return self.y

    def backward(self, dy: Any) -> Any:
        if not self.needs_dx:
            return None
        return rescaling_backward(dy, self.scale, out=first_rows(self._dx, len(dy)))

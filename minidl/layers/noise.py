"""Layers that disturb their input with normal noise while training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import Backend
from minidl.backend.random import ANGLE, RADIUS
from minidl.kernels import noise as kernels
from minidl.layers.base import first_rows
from minidl.layers.drawing import Drawing
from minidl.names.register import register


class _Noise(Drawing):
    """Normal noise; the same step has the same noise."""

    purposes = (RADIUS, ANGLE)

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        shape = (rows, *self.output_shape)
        self._y = backend.xp.empty(shape, dtype=dtype)
        self._radius, self._angle = (backend.xp.empty(shape, dtype=np.uint16) for _ in range(2))

    def _drawn(self, rows: int, step: int) -> tuple[Any, Any]:
        """The random integers of so many rows."""
        bits = first_rows(self._radius, rows), first_rows(self._angle, rows)
        self.fill(step, *bits)
        return bits


@register
class GaussianNoise(_Noise):
    """y = x + stddev · z while training, z normal; y = x otherwise.

    The noise is a function of (seed, layer, step, element): the same step has the same noise.

    Args:
        stddev: standard deviation of the noise, in [0, 1].
        seed: of the noise; None takes the model's.
        options: arguments of :class:`Layer`.

    Raises:
        ValueError: stddev outside [0, 1].
    """

    stddev = checks.number(0, 1, ends="[]")

    def __init__(self, stddev: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(seed, **options)
        self.stddev = stddev

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.y = x
        if training and self.stddev:
            rows = len(x)
            self.y = kernels.gaussian_noise_forward(
                x, *self._drawn(rows, step), self.stddev, out=first_rows(self._y, rows)
            )
        return self.y

    def backward(self, dy: Any) -> Any:
        return dy


@register
class GaussianDropout(_Noise):
    """y = x · (1 + √(rate / (1 - rate)) · z) while training, z normal; y = x otherwise.

    Mean and variance are as with :class:`Dropout` of the same rate.

    Args:
        rate: in [0, 1).
        seed: of the noise; None takes the model's.
        options: arguments of :class:`Layer`.

    Attributes:
        factor: of the last training pass, for each element.

    Raises:
        ValueError: rate outside [0, 1).
    """

    rate = checks.number(0, 1)

    def __init__(self, rate: float, seed: int | None = None, **options: Any) -> None:
        super().__init__(seed, **options)
        self.rate = rate

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        super().bind(rows, backend, dtype)
        self._factor, self._dx = (backend.xp.empty_like(self._y) for _ in range(2))

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.active, self.y = training and self.rate > 0, x
        if self.active:
            rows = len(x)
            self.factor, self.y = first_rows(self._factor, rows), first_rows(self._y, rows)
            stddev = math.sqrt(self.rate / (1 - self.rate))
            kernels.gaussian_dropout_forward(
                x, *self._drawn(rows, step), stddev, out=(self.factor, self.y)
            )
        return self.y

    def backward(self, dy: Any) -> Any:
        if not self.active:
            return dy
        dx = first_rows(self._dx, len(dy))
        return kernels.gaussian_dropout_backward(dy, self.factor, out=dx)

"""The dropout layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import Backend
from minidl.kernels.dropout import dropout_backward, dropout_forward, dropout_threshold
from minidl.layers.base import first_rows
from minidl.layers.drawing import Drawing
from minidl.names.register import register


@register
class Dropout(Drawing):
    """Sets a share of the elements to 0 while training, and scales the rest up.

    The mask is a function of (seed, layer, step, element): the same step has the same mask.

    Args:
        rate: share that is dropped, in [0, 1); rounded to a multiple of 2⁻¹⁶.
        noise_shape: None: each element is dropped by itself.
        seed: of the masks; None takes the model's.
        options: arguments of :class:`Layer`.

    Attributes:
        bits: the 16-bit random numbers of the last training pass; where a number reaches the
            threshold the element stayed.

    Raises:
        ValueError: rate outside [0, 1).

    Examples:
        >>> rows = np.ones((1000, 8), "float32")
        >>> y = np.asarray(Dropout(0.5, seed=1)(rows, training=True))
        >>> sorted({float(value) for value in y.ravel()})
        [0.0, 2.0]
        >>> bool(np.all(Dropout(0.5)(rows) == rows))  # inference
        True
    """

    rate = checks.number(0, 1, then="_set_threshold")
    noise_shape: Any = checks.only_none("a number for each element")

    def __init__(
        self, rate: float, noise_shape: None = None, seed: int | None = None, **options: Any
    ) -> None:
        super().__init__(seed, **options)
        self.rate = rate
        self.noise_shape = noise_shape

    def _set_threshold(self) -> None:
        self.threshold, self.scale = dropout_threshold(self.rate)

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        shape = (rows, *self.output_shape)
        self._y = backend.xp.empty(shape, dtype=dtype)
        self._dx = backend.xp.empty(shape, dtype=dtype)
        self._bits = backend.xp.empty(shape, dtype=np.uint16)

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.active = training and self.threshold > 0
        if not self.active:
            self.y = x
            return x
        rows = len(x)
        self.bits = first_rows(self._bits, rows)
        self.fill(step, self.bits)
        self.y = self._drop(x, first_rows(self._y, rows))
        return self.y

    def _drop(self, x: Any, out: Any) -> Any:
        """y, with the mask of the bits."""
        return dropout_forward(x, self.bits, self.threshold, self.scale, out=out)

    def backward(self, dy: Any) -> Any:
        if not self.active:
            return dy
        dx = first_rows(self._dx, len(dy))
        return dropout_backward(dy, self.bits, self.threshold, self.scale, out=dx)

"""The dropout layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import Backend
from minidl.backend.random import DROPOUT, RandomBits
from minidl.kernels.dropout import dropout_backward, dropout_forward, dropout_threshold
from minidl.layers.base import Layer, Shape, first_rows
from minidl.register import register


def _seed(layer: Any, name: str, value: int | None) -> int | None:
    return None if value is None else checks.seed(value)


@register
class Dropout(Layer):
    """Sets a share of the elements to 0 while training, and scales the rest up.

    The mask is a function of (seed, layer, step, element): the same step has the same mask.

    Args:
        rate: share that is dropped, in [0, 1); rounded to a multiple of 2⁻¹⁶.
        seed: of the masks; None takes the model's.

    Attributes:
        bits: the 16-bit random numbers of the last training pass; where a number reaches the
            threshold the element stayed.

    Raises:
        ValueError: rate outside [0, 1).
    """

    draws = True

    rate = checks.number(0, 1, then="_round")
    seed: Any = checks.Attribute(_seed, then="_draw")

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        name: str | None = None,
        input_shape: Any = None,
    ) -> None:
        super().__init__(name, input_shape)
        self._address: tuple[int, int] | None = None
        self.rate = rate
        self.seed = seed

    def _round(self) -> None:
        self.threshold, self.scale = dropout_threshold(self.rate)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self._address = None
        self._draw()

    def address(self, seed: int, index: int) -> None:
        self._address = seed, index
        self._draw()

    def _draw(self) -> None:
        """Draw at the addresses of the layer's seed, or else the model's."""
        self.random: RandomBits | None = None
        if self._address is not None:
            seed, index = self._address
            own = self.seed if self.seed is not None else seed
            self.random = RandomBits(own, DROPOUT, index)

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
        if self.random is None:
            raise RuntimeError(f"{self.name}: expected address(seed, index) to be called first")
        self.random.fill(self.bits, step)
        self.y = dropout_forward(
            x, self.bits, self.threshold, self.scale, out=first_rows(self._y, rows)
        )
        return self.y

    def backward(self, dy: Any) -> Any:
        if not self.active:
            return dy
        dx = first_rows(self._dx, len(dy))
        return dropout_backward(dy, self.bits, self.threshold, self.scale, out=dx)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}

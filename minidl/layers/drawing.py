"""The base of layers that draw random numbers."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.backend.random import DROPOUT, RandomBits
from minidl.layers.base import Layer, Shape


class Drawing(Layer):
    """A layer whose random numbers are a function of (seed, layer, step, element).

    Args:
        seed: of the numbers; None takes the model's.
        options: arguments of :class:`Layer`.

    Attributes:
        random: the numbers of each purpose, once the layer has an address.

    Raises:
        ValueError, TypeError: no such seed.
    """

    draws = True
    #: Of :mod:`minidl.backend.random`, one for each number that an element needs.
    purposes: tuple[int, ...] = (DROPOUT,)

    seed: Any = checks.seeded(then="_address_bits")

    def __init__(self, seed: int | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._address: tuple[int, int] | None = None
        self.seed = seed

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        self._address = None
        self._address_bits()

    def address(self, seed: int, index: int) -> None:
        self._address = seed, index
        self._address_bits()

    def _address_bits(self) -> None:
        """Have random bits at addresses of the layer's seed, or else the model's."""
        self.random: list[RandomBits] = []
        if self._address is not None:
            seed, index = self._address
            own = self.seed if self.seed is not None else seed
            self.random = [RandomBits(own, purpose, index) for purpose in self.purposes]

    def fill(self, step: int, *arrays: Any) -> None:
        """Overwrite arrays (uint16), one for each purpose, with the numbers of this step.

        Raises:
            RuntimeError: the layer has no address yet.
        """
        if not self.random:
            raise RuntimeError(f"{self.name}: expected address(seed, index) to be called first")
        for bits, out in zip(self.random, arrays, strict=True):
            bits.fill(out, step)

"""Arguments of a CUDA kernel whose source is being written, and their names there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.accelerator.gpu.nodes import overlap, pointer
from minidl.accelerator.trace.cuda_source import TYPES


class Arguments:
    """Arrays, moving numbers, numbers and sizes, each named when the source first needs it.

    Args:
        written: arrays that the CUDA kernel writes.

    Attributes:
        arrays: the first arguments.
        moving: arrays of 64-bit numbers on the host, whose counterparts on the device follow.
    """

    def __init__(self, written: Sequence[Any]) -> None:
        self._written = written
        self.arrays: list[Any] = []
        self.moving: list[np.ndarray] = []
        self._numbers: list[float] = []
        self._sizes: list[int] = []

    def array(self, array: Any) -> str:
        """Name of an array; arrays that begin at one place have one."""
        for k, other in enumerate(self.arrays):
            if pointer(other) == pointer(array) and other.dtype == array.dtype:
                return f"x{k}"
        self.arrays.append(array)
        return f"x{len(self.arrays) - 1}"

    def moves(self, numbers: np.ndarray) -> str:
        """Name of numbers that change from step to step."""
        for k, other in enumerate(self.moving):
            if other is numbers:
                return f"m{k}"
        self.moving.append(numbers)
        return f"m{len(self.moving) - 1}"

    def number(self, value: float) -> str:
        """Name of a number."""
        self._numbers.append(float(value))
        return f"n{len(self._numbers) - 1}"

    def size(self, value: int) -> str:
        """Name of a size; no part of the source, so that networks of other sizes share that."""
        self._sizes.append(value)
        return f"s{len(self._sizes) - 1}"

    def parameters(self) -> str:
        """Parameters of the CUDA kernel; I is the type of sizes."""
        made = []
        for k, array in enumerate(self.arrays):
            kind = TYPES[array.dtype.name]
            changes = any(overlap(array, other) for other in self._written)
            made.append(f"{kind}* x{k}" if changes else f"const {kind}* __restrict__ x{k}")
        for k, numbers in enumerate(self.moving):
            made.append(f"const {TYPES[numbers.dtype.name]}* __restrict__ m{k}")
        made += [f"double n{k}" for k in range(len(self._numbers))]
        return ", ".join(made + [f"I s{k}" for k in range(len(self._sizes))])

    def numbers(self, index: type[np.generic]) -> tuple[np.generic, ...]:
        """The last arguments: float64, and sizes of a type."""
        sizes: list[Any] = [index(size) for size in self._sizes]
        return (*map(np.float64, self._numbers), *sizes)

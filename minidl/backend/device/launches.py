"""Nodes as kernels, launched one after the other, with numbers that change between times."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.backend.device import draws, groups
from minidl.backend.device.grouping import Group, grouped
from minidl.backend.device.kernels import kernel, source
from minidl.backend.device.nodes import Bits, Node, Product

# Steps whose numbers are written down before they run.
MOST = 32

Launch = Callable[[], Any]


class Numbers:
    """Arrays of 64-bit numbers on the host, and their counterparts on the device.

    What the host has written is kept for as many runs as there is room for; each run begins with a
    kernel that takes the next ones.

    Args:
        arrays: on the host, to be overwritten there.
    """

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        xp = importlib.import_module("cupy")
        self._arrays = list(arrays)
        self._words = [array.view(np.int64) for array in arrays]
        width = sum(array.size for array in arrays)
        self._rows = np.zeros((MOST, width), np.int64)
        self._table = xp.zeros((MOST, width), dtype=np.int64)
        self._next = xp.zeros((1,), dtype=np.int64)
        self._now = xp.zeros((width,), dtype=np.int64)
        self._waiting = 0
        ends = np.cumsum([array.size for array in arrays])
        self._places = {
            id(array): self._now[end - array.size : end].view(array.dtype)
            for array, end in zip(arrays, map(int, ends), strict=True)
        }

    def place(self, array: np.ndarray) -> Any:
        """Where an array's numbers are on the device."""
        return self._places[id(array)]

    def keep(self) -> bool:
        """Keep the numbers of now for a run. Whether there is room for those of another one."""
        np.concatenate(self._words, out=self._rows[self._waiting])
        self._waiting += 1
        return self._waiting < MOST

    def upload(self) -> int:
        """Take the numbers kept to the device; for how many runs they are."""
        count, self._waiting = self._waiting, 0
        if count:
            self._table.set(self._rows)
            self._next.fill(0)
        return count

    def take(self) -> Launch:
        """What makes the next of the numbers those of now."""
        width = np.int32(self._now.size)
        each = kernel(source("numbers"), "take")
        arguments = self._table, self._now, self._next, width
        return lambda: each((1,), (128,), arguments)


def launches(nodes: Sequence[Node], numbers: Numbers | None) -> list[Launch]:
    """What does the nodes, with the numbers of now; None where they read none."""
    return [_launch(group, numbers) for group in grouped(nodes)]


def _launch(group: Group, numbers: Numbers | None) -> Launch:
    node = group.nodes[0]
    if isinstance(node, Product):
        matmul = importlib.import_module("cupy").matmul
        a, b, out = node.a, node.b, node.out
        return lambda: matmul(a, b, out=out)
    if isinstance(node, Bits):
        assert numbers is not None
        return draws.again(node, numbers.place(node.step))
    made = groups.kernel(group)
    each = kernel(made.source, groups.NAME)
    arguments = (
        *made.arrays,
        *(numbers.place(array) for array in made.moving if numbers),
        *made.numbers,
    )
    return lambda: each(made.grid, made.block, arguments)

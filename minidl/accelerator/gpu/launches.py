"""Nodes as CUDA kernels, in a CUDA graph, with numbers that change between runs."""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.accelerator.gpu import cublaslt, draws, groups
from minidl.accelerator.gpu.grouping import Group, grouped
from minidl.accelerator.gpu.kernels import cuda_kernel, source
from minidl.accelerator.gpu.nodes import Bits, Node, Product
from minidl.accelerator.record.operands import UnsupportedError
from minidl.backend.sparse import outside

# Steps whose numbers are written before the first runs.
MOST = 32

Launch = Callable[[], Any]


class Numbers:
    """Arrays of 64-bit numbers on the host, and their counterparts on the device.

    The host writes numbers for up to MOST runs; each run begins with a CUDA kernel that takes the
    next row of numbers.

    Args:
        arrays: on the host, to be overwritten there.
    """

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        xp = importlib.import_module("cupy")
        self._kept = list(arrays)  # an identity stands for an array while the array exists
        self._words = [array.view(np.int64) for array in arrays]
        width = sum(array.size for array in arrays)
        self._rows = np.zeros((MOST, width), np.int64)
        self._table = xp.zeros((MOST, width), dtype=np.int64)
        self._next = xp.zeros((1,), dtype=np.int64)
        self._now = xp.zeros((width,), dtype=np.int64)
        self._take = cuda_kernel(source("numbers"), "take")
        #: (1,): number of runs whose numbers are written.
        self.waiting = np.zeros(1, np.int64)
        ends = np.cumsum([array.size for array in arrays])
        self._places = {
            id(array): self._now[end - array.size : end].view(array.dtype)
            for array, end in zip(arrays, map(int, ends), strict=True)
        }

    def place(self, array: np.ndarray) -> Any:
        """The counterpart on the device of an array of numbers."""
        return self._places[id(array)]

    def write(self) -> bool:
        """Write the present numbers for one run more; True if there is room for yet another."""
        waiting = int(self.waiting[0])
        np.concatenate(self._words, out=self._rows[waiting])
        return waiting + 1 < MOST

    def keep(self) -> bool:
        """Write the present numbers, and count the run; True if there is room for another."""
        room = self.write()
        self.waiting[0] += 1
        return room

    def upload(self) -> int:
        """Copy the kept numbers to the device; return the number of runs."""
        count, self.waiting[0] = int(self.waiting[0]), 0
        if count:
            self._table.set(self._rows)
            self._next.fill(0)
        return count

    def take(self) -> None:
        """Make the next row of numbers the present one, on the device."""
        width = np.int32(self._now.size)
        self._take((1,), (128,), (self._table, self._now, self._next, width))

    def renew(self) -> None:
        """Make the numbers on the host the present ones."""
        self.keep()
        self.upload()
        self.take()


class Launches:
    """Launches of nodes with the present numbers: CUDA kernels, one after the other.

    If nothing hinders, the device gets all launches at once, as a CUDA graph.

    Args:
        nodes: to launch.
        numbers: that the nodes read.
        first: launched before the nodes.
        tf32: True allows ten bits of mantissa in products of float32.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        numbers: Numbers,
        first: Sequence[Launch] = (),
        tf32: bool = False,
    ) -> None:
        self._hindered, self._tf32 = "", tf32
        launches = [*first, *(self._launch(group, numbers) for group in grouped(nodes))]
        self._run = self._one_by_one if self._hindered or not launches else _captured(launches)
        self._launches = launches
        if self._hindered:
            _say(self._hindered)

    def __call__(self) -> None:
        self._run()

    def _one_by_one(self) -> None:
        for launch in self._launches:
            launch()

    def _launch(self, group: Group, numbers: Numbers) -> Launch:
        node = group.nodes[0]
        if isinstance(node, Product):
            return self._product(node)
        if isinstance(node, Bits):
            return draws.again(node, numbers.place(node.step))
        made = groups.cuda_kernel(group)
        run = cuda_kernel(made.source, made.name)
        moving = [numbers.place(array) for array in made.moving]
        arguments = *made.arrays, *moving, *made.numbers
        return lambda: run(made.grid, made.block, arguments)

    def _product(self, node: Product) -> Launch:
        try:
            return cublaslt.library().product(node.a, node.b, node.out, self._tf32)
        except (cublaslt.UnavailableError, UnsupportedError) as error:
            self._hindered = str(error)
        matmul = importlib.import_module("cupy").matmul
        return lambda: matmul(node.a, node.b, out=node.out)


def _captured(launches: Sequence[Launch]) -> Launch:
    """A CUDA graph of launches."""
    stream = importlib.import_module("cupy").cuda.Stream(non_blocking=True)
    with stream:
        stream.begin_capture()
        try:
            for launch in launches:
                launch()
        finally:
            graph = stream.end_capture()
    run: Launch = graph.launch
    return run


@functools.cache
def _say(why: str) -> None:
    """Warn, once for each reason."""
    warnings.warn(
        f"training steps are launched kernel by kernel, not as a CUDA graph: {why}",
        stacklevel=outside(),
    )

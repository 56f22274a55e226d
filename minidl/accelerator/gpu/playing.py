"""A recorded step on the device, with the interface of :mod:`minidl.accelerator.cpu.player`."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from minidl.accelerator.gpu import draws
from minidl.accelerator.gpu.launches import Launches
from minidl.accelerator.gpu.nodes import Bits, Loop, Node, Rows, check, loop
from minidl.accelerator.gpu.numbers import Numbers
from minidl.accelerator.gpu.recording import OnDevice
from minidl.accelerator.record.glance import Holdings
from minidl.accelerator.record.operands import calls_of, record_kernel
from minidl.accelerator.trace.program import Program
from minidl.backend import cuda


class Player:
    """Nodes, launches and series for a tape's steps on the device.

    Args:
        tf32: True allows ten bits of mantissa in products of float32.
    """

    def __init__(self, tf32: bool = False) -> None:
        self._tf32 = tf32

    def commands(
        self, program: Program, arguments: Sequence[Any], outs: Sequence[Any]
    ) -> list[Node]:
        """The node that computes outs = program(arguments).

        Raises:
            UnsupportedError: a function, a layout or a type that the device has no source for.
        """
        return [loop(program, dict(enumerate(arguments)), outs)]

    def record_kernel(
        self, function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
    ) -> list[Node]:
        """The nodes of a kernel with these arguments.

        Raises:
            UnsupportedError: the kernel calls something that has no node.
        """
        array = importlib.import_module("cupy").ndarray
        return record_kernel(function, arguments, named, OnDevice(array))

    def draw(self, key: np.ndarray, out: Any, step: np.ndarray, ahead: int) -> Bits:
        """A node that fills ``out`` with a key's 16-bit numbers; arguments as in :class:`Bits`."""
        return Bits(key.copy(), out, step, ahead)

    def look(self, holdings: Holdings) -> Callable[[], bool]:
        """A function that tells if containers and functions hold the same objects."""
        return holdings.unchanged

    def run(self, nodes: Iterable[Bits]) -> None:
        """Draw once, with the present numbers."""
        for node in nodes:
            draws.fill(node.out, node.key, int(node.step[0]) + node.ahead)

    def assemble(self, entries: Sequence[Node | Callable[[], Any]]) -> list[Callable[[], Any]]:
        """Calls that run a step: launches of CUDA kernels, and functions, in their order."""
        moving = {id(array): array for entry in entries for array in _moving(entry)}
        numbers = Numbers(list(moving.values()))
        first: list[Callable[[], Any]] = [numbers.renew] if moving else []
        return first + calls_of(entries, Node, lambda row: Launches(row, numbers, tf32=self._tf32))

    def series(
        self, entries: Sequence[Node | Callable[[], Any]], numbers: Sequence[np.ndarray]
    ) -> Series | None:
        """The nodes of ``entries`` as a :class:`Series`; None if an entry is a function."""
        nodes = [entry for entry in entries if isinstance(entry, Node)]
        return Series(nodes, numbers, self._tf32) if len(nodes) == len(entries) else None

    def Bound(  # noqa: N802 - named as the class of ``cpu.player``
        self, program: Program, arguments: Sequence[Any], outs: Sequence[Any]
    ) -> Bound:
        """A formula bound to arrays."""
        return Bound(program, arguments, outs)


def gather(x: Any, order: Any, where: np.ndarray, out: Any) -> list[Node]:
    """out[i] = x[order[start + i]]; arguments as in :class:`Rows`.

    Raises:
        UnsupportedError: a layout or a type that the device has no source for.
    """
    check(x, out, order)
    return [Rows(x, order, where, out)]


class Series:
    """Nodes, run once for each time that numbers were kept.

    Args:
        nodes: of a step.
        numbers: arrays of 64-bit elements that Python writes before a step and nodes read.
        tf32: True allows ten bits of mantissa in products of float32.
    """

    def __init__(
        self, nodes: Sequence[Node], numbers: Sequence[np.ndarray], tf32: bool = False
    ) -> None:
        self._device = cuda.current()
        self._numbers = Numbers(numbers)
        self._launches = Launches(nodes, self._numbers, [self._numbers.take], tf32)
        #: (1,): number of waiting steps. The caller of :meth:`write` adds 1.
        self.waiting = self._numbers.waiting

    def write(self) -> bool:
        """Write the present numbers for one step more; True if there is room for yet another."""
        return self._numbers.write()

    def keep(self) -> bool:
        """Keep the present numbers for a step; True if there is room for another."""
        return self._numbers.keep()

    def run(self, written: bool = False) -> None:
        """Run the steps whose numbers were kept; ``written`` as for a processor's series."""
        if not self.waiting[0]:
            return
        with cuda.on(self._device):
            for _ in range(self._numbers.upload()):
                self._launches()


class Bound:
    """A formula bound to arrays, run again with other numbers.

    Attributes:
        commands: the formula's nodes.
        numbers: float64; the numbers last taken.
        what: a note of the caller.

    Raises:
        UnsupportedError: as :func:`commands`.
    """

    def __init__(self, program: Program, arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        self.what: Any = None
        self._program = program
        self.numbers = np.array(program.numbers(arguments), np.float64)
        self.commands: list[Node] = [
            loop(program, dict(enumerate(arguments)), outs, numbers=self.numbers)
        ]
        self._series: Series | None = None

    def take(self, arguments: Sequence[Any]) -> None:
        """Take the numbers among the arguments."""
        self.numbers[:] = self._program.numbers(arguments)

    def __call__(self) -> None:
        """Run the formula with the numbers taken."""
        if self._series is None:  # most formulas run as a part of a step alone
            self._series = Series(self.commands, [self.numbers])
        self._series.keep()
        self._series.run()


def _moving(entry: Any) -> list[np.ndarray]:
    """Arrays on the host that an entry reads at each run."""
    if isinstance(entry, Loop):
        return [entry.numbers] if entry.moving else []
    if isinstance(entry, Rows):
        return [entry.where]
    return [entry.step] if isinstance(entry, Bits) else []

"""A recorded step on the device: what a tape asks of it, as it asks the same of ``native``."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from minidl.accelerator.gpu import draws
from minidl.accelerator.gpu.launches import Launches, Numbers
from minidl.accelerator.gpu.nodes import Bits, Loop, Node, Rows, check, loop
from minidl.accelerator.gpu.recording import OnDevice
from minidl.accelerator.record.operands import calls_of, record_kernel
from minidl.accelerator.trace.program import Program


class Player:
    """What a tape asks for steps on the device.

    Args:
        tf32: whether products of float32 may round to ten bits of mantissa.
    """

    def __init__(self, tf32: bool = False) -> None:
        self._tf32 = tf32

    def commands(
        self, program: Program, arguments: Sequence[Any], outs: Sequence[Any]
    ) -> list[Node]:
        """What computes outs = program(arguments).

        Raises:
            UnsupportedError: a function, a layout or a type that the device has no source for.
        """
        return [loop(program, dict(enumerate(arguments)), outs)]

    def record_kernel(
        self, function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
    ) -> list[Node]:
        """What a kernel does to these arguments.

        Raises:
            UnsupportedError: something that has no node.
        """
        array = importlib.import_module("cupy").ndarray
        return record_kernel(function, arguments, named, OnDevice(array))

    def draw(self, key: np.ndarray, out: Any, step: np.ndarray, ahead: int) -> Bits:
        """Fill ``out`` with the 16-bit numbers of a key; arguments as those of :class:`Bits`."""
        return Bits(key.copy(), out, step, ahead)

    def run(self, nodes: Iterable[Bits]) -> None:
        """Draw once, with the numbers as they are."""
        for node in nodes:
            draws.fill(node.out, node.key, int(node.step[0]) + node.ahead)

    def assemble(self, entries: Sequence[Node | Callable[[], Any]]) -> list[Callable[[], Any]]:
        """Calls that run a step: kernels that are launched, and functions, in their order."""
        moving = {id(array): array for entry in entries for array in _moving(entry)}
        numbers = Numbers(list(moving.values()))
        first: list[Callable[[], Any]] = [numbers.renew] if moving else []
        return first + calls_of(entries, Node, lambda row: Launches(row, numbers, tf32=self._tf32))

    def series(
        self, entries: Sequence[Node | Callable[[], Any]], numbers: Sequence[np.ndarray]
    ) -> Series | None:
        """The same nodes as a :class:`Series`; None where there are functions among them."""
        nodes = [entry for entry in entries if isinstance(entry, Node)]
        return Series(nodes, numbers, self._tf32) if len(nodes) == len(entries) else None

    def Bound(  # noqa: N802 - made as those of ``native`` are
        self, program: Program, arguments: Sequence[Any], outs: Sequence[Any]
    ) -> Bound:
        """A formula bound to arrays."""
        return Bound(program, arguments, outs)


def gather(x: Any, order: Any, where: np.ndarray, out: Any) -> list[Node]:
    """out[i] = x[order[start + i]]; arguments as those of :class:`Rows`.

    Raises:
        UnsupportedError: a layout or a type that the device has no source for.
    """
    check(x, out, order)
    return [Rows(x, order, where, out)]


class Series:
    """Nodes, run once for each time that their numbers were kept.

    Args:
        nodes: what a step does.
        numbers: arrays of 64-bit elements that Python writes before a step and nodes read.
        tf32: whether products of float32 may round to ten bits of mantissa.
    """

    def __init__(
        self, nodes: Sequence[Node], numbers: Sequence[np.ndarray], tf32: bool = False
    ) -> None:
        self._numbers = Numbers(numbers)
        self._launches = Launches(nodes, self._numbers, [self._numbers.take], tf32)
        #: (1,): how many steps wait. Who has written another one's numbers adds 1.
        self.waiting = self._numbers.waiting

    def write(self) -> bool:
        """Write the numbers of now for one step more. Whether there is room for yet another."""
        return self._numbers.write()

    def keep(self) -> bool:
        """Keep the numbers of now for a step. Whether there is room for another one."""
        return self._numbers.keep()

    def run(self) -> None:
        """Run the steps whose numbers were kept."""
        for _ in range(self._numbers.upload()):
            self._launches()


class Bound:
    """A formula bound to arrays, run again with other numbers.

    Attributes:
        commands: what runs it.
        numbers: float64; what was taken last.
        what: for whoever bound it, to say what it is.

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
        self._series = Series(self.commands, [self.numbers])

    def take(self, arguments: Sequence[Any]) -> None:
        """Take the numbers among these arguments."""
        self.numbers[:] = self._program.numbers(arguments)

    def __call__(self) -> None:
        """Run it with the numbers taken."""
        self._series.keep()
        self._series.run()


def _moving(entry: Any) -> list[np.ndarray]:
    """Arrays on the host whose numbers an entry reads when it runs."""
    if isinstance(entry, Loop):
        return [entry.numbers] if entry.moving else []
    if isinstance(entry, Rows):
        return [entry.where]
    return [entry.step] if isinstance(entry, Bits) else []

"""Steps in a row: Python prepares several, and commands run all without Python.

For each step Python only writes a few numbers: the next rows, learning rates. A step fills the
caches: between two steps run one by one, Python would no longer find its code and objects there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.accelerator.cpu.commands import Access, Command, CommandList
from minidl.accelerator.cpu.machine.machine_code import command
from minidl.accelerator.cpu.series.words import ADDRESS, COUNT, EACH, FIXED, LENGTH, NEXT
from minidl.accelerator.cpu.team.mail import AGAIN, TIMES
from minidl.backend.addresses import address

# So many steps hide the cost of a call; more would only make an interrupt wait longer.
MOST = 32


class Series:
    """A list of commands, run once for each time that numbers were written and counted.

    The list itself counts down the waiting steps, so that a step is either done or still waits.

    Args:
        commands: of a step.
        numbers: arrays of 64-bit elements that Python writes before a step and commands read.

    Attributes:
        waiting: (1,): number of waiting steps. The caller of :meth:`write` adds 1.
    """

    def __init__(self, commands: Sequence[Command], numbers: Sequence[np.ndarray]) -> None:
        self._numbers = [array.view(np.int64) for array in numbers]
        sizes = [array.size for array in numbers]
        self._rows = np.empty((MOST, sum(sizes)), np.int64)
        ends = np.cumsum(sizes)
        self._places = [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]
        self._block = np.zeros(FIXED + EACH * len(numbers), np.int64)
        self._block[COUNT] = len(numbers)
        self._block[FIXED + ADDRESS :: EACH] = list(map(address, numbers))
        self._block[FIXED + LENGTH :: EACH] = sizes
        self._start = address(self._rows)
        kept = self._rows, numbers
        # All other commands wait for this one.
        accesses = [Access(0, np.iinfo(np.int64).max, True, None)]
        take = Command("numbers", command("take", "series"), self._block, accesses, kept)
        self._list = CommandList([take, *commands], flushes=True)
        self._list.record[[TIMES, AGAIN]] = 0
        self.waiting = self._list.record[TIMES : TIMES + 1]

    def write(self) -> bool:
        """Write the present numbers for one step more; True if there is room for yet another."""
        waiting = int(self.waiting[0])
        np.concatenate(self._numbers, out=self._rows[waiting])
        return waiting + 1 < MOST

    def keep(self) -> bool:
        """Write the present numbers, and count the step; True if there is room for another."""
        room = self.write()
        self.waiting[0] += 1
        return room

    def run(self, written: bool = False) -> None:
        """Run the waiting steps; the present numbers stay.

        Args:
            written: True if the present numbers are those of the last step that waits.
        """
        if not self.waiting[0]:
            return
        now = None if written else np.concatenate(self._numbers)
        self._block[NEXT] = self._start
        self._list()
        if now is not None:
            for array, place in zip(self._numbers, self._places, strict=True):
                array[...] = now[place]


class Once:
    """A list of commands, run once for each request: the list has run, or waits.

    Args:
        commands: in the order of running.
        flushes: whether subnormal numbers are 0 meanwhile.

    Attributes:
        waiting: (1,): 1 while the list waits.
    """

    def __init__(self, commands: Sequence[Command], flushes: bool = False) -> None:
        self._list = CommandList(commands, flushes)
        self._list.record[[TIMES, AGAIN]] = 0
        self.waiting = self._list.record[TIMES : TIMES + 1]

    def run(self) -> None:
        """Run the list, if it waits."""
        if self.waiting[0]:
            self._list()

    def now(self) -> None:
        """Run the list in any case."""
        self.waiting[0] = 1
        self._list()

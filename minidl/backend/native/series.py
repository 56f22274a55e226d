"""Steps in a row: Python prepares several, and commands run them without it.

Between two steps Python only writes a few numbers: which rows are next, learning rates. Each time
it would find its own code and objects gone from the caches, which a step fills with other things.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minidl.backend.layout import address
from minidl.backend.native.commands import Access, Command, CommandList
from minidl.backend.native.machine_code import command

# So many hide what it costs to begin; more would only let whoever interrupts wait.
MOST = 32


class Series:
    """A list of commands, run once for each time that its numbers were kept.

    Args:
        commands: what a step runs.
        numbers: arrays of 64-bit elements that Python writes before a step and commands read.
    """

    def __init__(self, commands: Sequence[Command], numbers: Sequence[np.ndarray]) -> None:
        self._numbers = [array.view(np.int64) for array in numbers]
        sizes = [array.size for array in numbers]
        self._rows = np.empty((MOST, sum(sizes)), np.int64)
        self._places = np.cumsum(sizes)[:-1]
        words = [(address(a), size) for a, size in zip(numbers, sizes, strict=True)]
        self._block = np.array([0, len(numbers), *np.ravel(words)], np.int64)
        self._start = address(self._rows)
        kept = self._rows, numbers
        # All others wait for it.
        accesses = [Access(0, np.iinfo(np.int64).max, True, None)]
        take = Command("numbers", command("take", "series"), self._block, accesses, kept)
        self._list = CommandList([take, *commands])
        self._waiting = 0

    def keep(self) -> bool:
        """Keep the numbers of now for a step. Whether there is room for another one."""
        np.concatenate(self._numbers, out=self._rows[self._waiting])
        self._waiting += 1
        return self._waiting < MOST

    def run(self) -> None:
        """Run the steps whose numbers were kept; the numbers of now stay."""
        if self._waiting:
            now = np.concatenate(self._numbers)
            self._block[0] = self._start
            times, self._waiting = self._waiting, 0
            self._list(times)
            for array, values in zip(self._numbers, np.split(now, self._places), strict=True):
                array[...] = values

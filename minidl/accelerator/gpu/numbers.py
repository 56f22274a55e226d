"""Numbers that change between the runs of a step, on their way from the host to the device."""

from __future__ import annotations

import importlib
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.accelerator.gpu.kernels import cuda_kernel, source

#: Steps whose numbers are written before the first runs.
MOST = 32
#: Rows of a table on the host.
ROWS = 4 * MOST

# Tables whose numbers are gone, each with the event after its last copy.
_parked: list[tuple[Any, Any]] = []


class Numbers:
    """Arrays of 64-bit numbers on the host, and their counterparts on the device.

    The host writes numbers for up to MOST runs and sends them with one copy; each run begins with a
    CUDA kernel that takes the next row of numbers. The device reads the host's memory at some time
    after the call that asks for the copy (CUDA Runtime API, "API synchronization behavior"). So the
    numbers lie in pinned memory, in two tables, of which every row is written once. When a table is
    full, the other one's turn comes, after an event: the end of the other table's last copy.

    Args:
        arrays: on the host, to be overwritten there.
    """

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        xp = importlib.import_module("cupy")
        self._kept = list(arrays)  # an identity stands for an array while the array exists
        self._words = [array.view(np.int64) for array in arrays]
        width = sum(array.size for array in arrays)
        # A row begins with 0: of the first row that is copied it becomes the number of the next.
        self._tables = [_pinned(xp, ROWS, 1 + width) for _ in range(2)]
        self._events = [xp.cuda.Event(disable_timing=True) for _ in range(2)]
        self._rows, self._first = self._tables[0], 0
        self._there = xp.zeros((MOST, 1 + width), dtype=np.int64)
        self._now = xp.zeros((width,), dtype=np.int64)
        self._take = cuda_kernel(source("numbers"), "take")
        #: (1,): number of runs whose numbers are written.
        self.waiting = np.zeros(1, np.int64)
        ends = np.cumsum([array.size for array in arrays])
        self._places = {
            id(array): self._now[end - array.size : end].view(array.dtype)
            for array, end in zip(arrays, map(int, ends), strict=True)
        }
        _parked[:] = [(table, event) for table, event in _parked if not event.done]
        both = list(zip(self._tables, self._events, strict=True))
        weakref.finalize(self, _parked.extend, both).atexit = False

    def place(self, array: np.ndarray) -> Any:
        """The counterpart on the device of an array of numbers."""
        return self._places[id(array)]

    def write(self) -> bool:
        """Write the present numbers for one run more; True if there is room for yet another."""
        waiting = int(self.waiting[0])
        np.concatenate(self._words, out=self._rows[self._first + waiting, 1:])
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
            rows = self._rows[self._first : self._first + count]
            self._first += count  # no row is written again, whatever happens to its copy
            self._there[:count].set(rows)
            self._events[0].record()
            if self._first + MOST > ROWS:
                self._turn()
        return count

    def _turn(self) -> None:
        """Go on in the other table, as soon as the device has read what it held."""
        self._events.reverse()
        self._tables.reverse()
        self._events[0].synchronize()
        self._rows, self._first = self._tables[0], 0

    def take(self) -> None:
        """Make the next row of numbers the present one, on the device."""
        width = np.int32(self._now.size)
        self._take((1,), (128,), (self._there, self._now, width))

    def renew(self) -> None:
        """Make the numbers on the host the present ones."""
        self.keep()
        self.upload()
        self.take()


def _pinned(xp: Any, rows: int, columns: int) -> np.ndarray:
    """A table of zeros in memory that the device reads by itself."""
    memory = xp.cuda.alloc_pinned_memory(8 * rows * columns)
    table = np.frombuffer(memory, np.int64, rows * columns).reshape(rows, columns)
    table[...] = 0
    return table

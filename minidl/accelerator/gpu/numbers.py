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

# Tables of deleted objects, each with the event after the last copy of the table.
_parked: list[tuple[Any, Any]] = []


class Numbers:
    """Arrays of 64-bit numbers on the host, and their counterparts on the device.

    The host writes numbers for up to MOST runs and sends them with one copy; each run begins with a
    CUDA kernel that takes the next row of numbers. The device reads the host's memory at some time
    after the call that asks for the copy (CUDA Runtime API, "API synchronization behavior"). So the
    numbers lie in pinned memory, in two tables, and a row is written once in a table's turn. When a
    table is full, the other table has its turn, after the event of the other table's last copy.

    Args:
        arrays: on the host, to be overwritten there.
    """

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        xp = importlib.import_module("cupy")
        self._kept = list(arrays)  # an identity stands for an array while the array exists
        self._words = [array.view(np.int64) for array in arrays]
        width = sum(array.size for array in arrays)
        # A row begins with 0. In the first row that is copied this is the number of rows taken.
        self._tables = [_pinned(xp, ROWS, 1 + width) for _ in range(2)]
        self._events = [xp.cuda.Event(disable_timing=True) for _ in range(2)]
        # The present table, and its first free row: one attribute, which no interrupt splits.
        self._at = 0, 0
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
        if not waiting and self._at[1] + MOST > ROWS:
            self._turn()
        table, first = self._at
        np.concatenate(self._words, out=self._tables[table][first + waiting, 1:])
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
            table, first = self._at
            self._at = table, first + count  # a row is written once, even if this copy fails
            self._there[:count].set(self._tables[table][first : first + count])
            self._events[table].record()
        return count

    def _turn(self) -> None:
        """Go on in the other table, as soon as the device has read that table."""
        other = 1 - self._at[0]
        self._events[other].synchronize()
        self._at = other, 0

    def take(self) -> None:
        """Make the next row of numbers the present one, on the device."""
        width = np.int32(self._now.size)
        self._take((1,), (128,), (self._there, self._now, width))

    def renew(self) -> None:
        """Make the numbers on the host the present numbers on the device."""
        self.keep()
        self.upload()
        self.take()


def _pinned(xp: Any, rows: int, columns: int) -> np.ndarray:
    """A table of zeros in memory that the device reads by itself."""
    memory = xp.cuda.alloc_pinned_memory(8 * rows * columns)
    table = np.frombuffer(memory, np.int64, rows * columns).reshape(rows, columns)
    table[...] = 0
    return table

"""What is launched while streams of the double are captured: works, and which come before which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._cupy_state import STATE, CUDARuntimeError

Work = Callable[[], None]
#: Addresses from the first to the end, and whether they are written.
Touched = tuple[int, int, bool]


class RaceError(AssertionError):
    """Two works touch the same memory, one of them writes, and neither waits for the other."""


class Capture:
    """Works, which wait for those before them in their stream, and for events.

    Sets of works are the bits of an integer.

    Args:
        stream: the key of the stream that is captured; others join by waiting for its events.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._before = {stream: 0}  # by stream: all that its next work comes after
        self._touched: list[Sequence[Touched]] = []
        self.works: list[Work] = []
        self.needs: list[int] = []

    def holds(self, stream: Any) -> bool:
        """Whether a stream is captured."""
        return stream in self._before

    def add(self, work: Work, touched: Sequence[Touched], stream: Any) -> None:
        """Append a work to a stream."""
        before, number = self._before[stream], len(self.works)
        for k, others in enumerate(self._touched):
            if not before >> k & 1 and any(_meet(one, two) for one in others for two in touched):
                raise RaceError(f"works {k} and {number} of a capture do not wait for each other")
        self.works.append(work)
        self.needs.append(before)
        self._touched.append(touched)
        self._before[stream] = before | 1 << number

    def event(self, stream: Any) -> int:
        """What an event comes after that is recorded now."""
        return self._before[stream]

    def wait(self, stream: Any, event: int) -> None:
        """Let a stream wait for an event."""
        self._before[stream] = self._before.get(stream, 0) | event

    def end(self, stream: Any) -> None:
        """Fail where the captured stream does not wait for all that has joined it."""
        joined = all(not each & ~self._before[self._stream] for each in self._before.values())
        if stream != self._stream or not joined:
            raise CUDARuntimeError(904)

    def run(self) -> None:
        """Do all works, in any order that keeps to what waits for what."""
        left, done = list(range(len(self.works))), 0
        while left:
            ready = [k for k in left if not self.needs[k] & ~done]
            k = STATE.random.choice(ready) if STATE.shuffled else ready[0]
            self.works[k]()
            left.remove(k)
            done |= 1 << k


def touched(array: np.ndarray, writes: bool) -> Touched:
    """The memory of an array."""
    return (*np.lib.array_utils.byte_bounds(array), writes)


def _meet(one: Touched, two: Touched) -> bool:
    return one[0] < two[1] and two[0] < one[1] and (one[2] or two[2])

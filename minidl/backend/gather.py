"""Rows of arrays, gathered into others: the next batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.backend.switch import Backend, executor_name
from minidl.backend.tape import current_tape


class Gather:
    """out[i] = array[order[start + i]] for i < count, for several arrays.

    A recorded step gathers the rows that start and count say when it is played.

    Args:
        backend: of the arrays.
        arrays: of as many rows each, contiguous.
        outs: one for each array, of the same type.

    Attributes:
        order: (rows,) indices, to be overwritten. The caller vouches for them.
        where: (start, count), int64, on the host, to be overwritten.
    """

    def __init__(self, backend: Backend, arrays: Sequence[Any], outs: Sequence[Any]) -> None:
        self.order: Any = backend.xp.arange(len(arrays[0]))
        self.where = np.zeros(2, np.int64)
        self._xp, self._pairs = backend.xp, list(zip(arrays, outs, strict=True))
        # NumPy's default mode checks every index and buffers the result first.
        self._mode = {"mode": "clip"} if backend.name == "numpy" else {}
        self._commands: list[Any] | None = None
        if backend.name == "numpy" and executor_name() == "numba":
            from minidl.backend import native

            self._commands = [native.gather(a, self.order, self.where, o) for a, o in self._pairs]
            self._run = native.assemble(self._commands)

    def __call__(self) -> None:
        """Gather; a tape that records does so too."""
        if self._commands is None:
            start, count = map(int, self.where)
            rows = self.order[start : start + count]
            for array, out in self._pairs:
                self._xp.take(array, rows, axis=0, out=out[:count], **self._mode)
            return
        tape = current_tape()
        if tape is not None:
            tape.commands(self._commands)
        for run in self._run:
            run()

"""Gathered rows of arrays: the next batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.backend.recorder import recorder
from minidl.backend.sparse import fill, is_sparse, room, take
from minidl.backend.switch import Backend, executor
from minidl.backend.weak import weakly


def buffer(backend: Backend, array: Any, rows: int) -> Any:
    """A buffer for so many gathered rows of an array; None where no buffer is supported.

    A sparse array has none unless loops are compiled: CuPy, and SciPy by itself, make a new
    matrix of rows.
    """
    if not is_sparse(array):
        return backend.xp.empty((rows, *array.shape[1:]), dtype=array.dtype)
    return room(array, rows) if executor(backend).gathers_sparse_rows else None


class Gather:
    """out[i] = array[order[start + i]] for i < count, for several arrays.

    A recorded step gathers the rows that start and count name when the step is played.

    Args:
        backend: of the arrays.
        arrays: of as many rows each, contiguous or canonical CSR.
        outs: a :func:`buffer` for each array.

    Raises:
        UnsupportedError: arrays that commands do not gather.

    Attributes:
        order: (rows,) indices, to be overwritten; on the CPU one that is no row stands for the
            nearest.
        where: (start, count), int64, on the host, to be overwritten.
        pairs: the arrays, each with its buffer.
        spoilt: (1,), int64; 1 where a row of a sparse array was invalid.
        take: gathers, by NumPy or CuPy.
    """

    def __init__(self, backend: Backend, arrays: Sequence[Any], outs: Sequence[Any]) -> None:
        self.order: Any = backend.xp.arange(arrays[0].shape[0])
        self.where = np.zeros(2, np.int64)
        self._xp, self.pairs = backend.xp, list(zip(arrays, outs, strict=True))
        # NumPy's default mode checks every index and buffers the result first.
        self._mode = {"mode": "clip"} if backend.name == "numpy" else {}
        self.spoilt = np.zeros(1, np.int64)
        self.take = weakly(self._take)
        made = executor(backend).gather(self)
        self._run, self._commands = made or ([self.take], [self.take])

    def __call__(self) -> None:
        """Gather; a tape that records does so too."""
        if recorder.tape is not None:
            recorder.tape.commands(self._commands, [self.where])
        for run in self._run:
            run()

    def check(self) -> None:
        """Raise if a row of a sparse array was invalid, when gathered.

        Raises:
            ValueError: the array has been changed since the last check.
        """
        if self.spoilt[0]:
            self.spoilt[0] = 0
            raise ValueError(
                "expected a CSR matrix that stays canonical while it is used, received one whose "
                "indices or indptr were changed in the meantime: columns that it does not have, or "
                "in another order, or rows that end before they begin"
            )

    def _take(self) -> None:
        start, count = map(int, self.where)
        rows = self.order[start : start + count]
        for array, out in self.pairs:
            if is_sparse(array):
                fill(out, take(array, rows))
            else:
                self._xp.take(array, rows, axis=0, out=out[:count], **self._mode)

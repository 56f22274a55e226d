"""Rows of a CSR matrix, handed out in batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import is_sparse
from minidl.backend.sparse import take
from minidl.data.batches import Batches


class SparseBatches(Batches):
    """Rows of a checked CSR matrix x, which is never made dense, with targets and weights.

    Each batch of x is a new matrix, except a whole batch that has a buffer: the rows of all whole
    batches use the memory of one matrix.
    """

    def in_order(self) -> Any:
        """Batches (x, y, weight): x is a new matrix, y and weight are views of the data."""
        x, *others = self._arrays
        for start in range(0, self.rows, self.size):
            stop = min(start + self.size, self.rows)
            # A slice would be a copy as well: SciPy's is slower, CuPy's waits for the device twice.
            rows = take(x, self._backend.xp.arange(start, stop))
            yield rows, *(None if a is None else a[start:stop] for a in others)

    def shuffled(self, order: np.ndarray, first: int = 0) -> Any:
        """Batches (x, y, weight) of the rows in ``order``, in buffers where there is one."""
        self._begin(order)
        assert self._gather is not None
        whole, last = tuple(self._buffers), self._last
        for start in range(first * self.size, self.rows, self.size):
            stop = min(start + self.size, self.rows)
            self._next = start, stop - start
            is_whole = stop - start == self.size
            if is_whole and whole[0] is not None:
                yield whole
                continue
            rows = take(self._arrays[0], self._gather.order[start:stop])
            yield rows, *(whole if is_whole else last)[1:]

    def rows_of(self, rows: np.ndarray) -> list[Any]:
        x, *others = self._arrays
        chosen = self._backend.to_device(rows)
        return [take(x, chosen), *(None if a is None else a[chosen] for a in others)]

    def check(self) -> None:
        """Raise if sparse rows of the batches so far were invalid, after a change of the matrix.

        Raises:
            ValueError: x has columns beyond its width, or columns out of order.
        """
        if self._gather is not None:
            self._gather.check()

    def _place(self, array: Any) -> Any:
        return self._backend.to_device(array) if is_sparse(array) else super()._place(array)

    def _views(self, count: int) -> tuple[Any, ...]:
        return None, *(None if b is None else b[:count] for b in self._buffers[1:])


def batches_of(x: Any, *rest: Any) -> Batches:
    """Batches of checked rows, dense or sparse; takes the arguments of :class:`Batches`."""
    return (SparseBatches if is_sparse(x) else Batches)(x, *rest)

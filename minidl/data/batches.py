"""Rows of checked arrays, handed out in batches."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from minidl.backend import Backend
from minidl.backend.gather import Gather, buffer
from minidl.data.base import BatchesBase, typed


class Batches(BatchesBase):
    """Rows on the device, handed out in batches; x is copied only if its rows lie scattered.

    Args:
        x, y: checked arrays of N rows.
        weight: (N, 1), or None.
        size: rows in a batch; the last one may have fewer.
        backend: where the batches are needed.
        dtype: of the weights and of targets that are not int32.

    Attributes:
        rows, items: number of the rows, in the order of which batches come.
    """

    def __init__(
        self, x: Any, y: Any, weight: Any, size: int, backend: Backend, dtype: Any
    ) -> None:
        self.rows = self.items = int(x.shape[0])
        self.size: int = min(size, self.rows)
        self._backend = backend
        y, weight = typed(y, weight, dtype)
        with backend.here:
            self._arrays = [None if a is None else self._place(a) for a in (x, y, weight)]
        self._buffers: list[Any] = []
        self._gather: Gather | None = None
        self._next = 0, 0

    def __len__(self) -> int:
        return -(-self.rows // self.size)

    def of_size(self, size: int) -> Batches:
        """Batches of another size with the same rows."""
        other = copy.copy(self)
        other.size, other._gather = min(size, self.rows), None
        return other

    def in_order(self) -> Any:
        """Batches (x, y, weight) as views of the data."""
        for start in range(0, self.rows, self.size):
            part = slice(start, min(start + self.size, self.rows))
            yield tuple(None if a is None else a[part] for a in self._arrays)

    def shuffled(self, order: np.ndarray, first: int = 0) -> Any:
        """Buffers (x, y, weight), for each batch of the rows in ``order``.

        :meth:`aim` and then :meth:`fill` bring the rows there. The batches before the one of number
        ``first`` are left out.
        """
        self._begin(order)
        whole, last = tuple(self._buffers), self._last
        for start in range(first * self.size, self.rows, self.size):
            self._next = start, min(self.size, self.rows - start)
            yield whole if start + self.size <= self.rows else last

    def _begin(self, order: np.ndarray) -> None:
        """Have buffers, and rows in a new order."""
        if self._gather is None:
            self._buffers = [
                None if a is None else buffer(self._backend, a, self.size) for a in self._arrays
            ]
            pairs = zip(self._arrays, self._buffers, strict=True)
            arrays, buffers = zip(*[(a, b) for a, b in pairs if b is not None], strict=True)
            self._gather = Gather(self._backend, arrays, buffers)
            # The same views in each epoch: a step on the same arrays can be played.
            self._last = self._views(self.rows % self.size)
        self._gather.order[:] = self._backend.to_device(order)

    def _views(self, count: int) -> tuple[Any, ...]:
        """The first rows of the buffers."""
        return tuple(None if b is None else b[:count] for b in self._buffers)

    def aim(self) -> None:
        """Make the latest batch of :meth:`shuffled` the next batch to be gathered."""
        assert self._gather is not None
        self._gather.where[:] = self._next

    def fill(self) -> None:
        """Gather the rows of the latest batch of :meth:`shuffled` into the buffers."""
        assert self._gather is not None
        self._gather()

    def _place(self, array: Any) -> Any:
        # Rows in another memory order are copied once, here, instead of at every batch.
        return self._backend.xp.ascontiguousarray(self._backend.to_device(array))

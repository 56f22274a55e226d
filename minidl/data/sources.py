"""Sources of batches: a PyDataset, an iterator, another iterable, and rows of arrays."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from minidl.backend import is_sparse
from minidl.backend.random import SHUFFLE, generator
from minidl.data.pydataset import PyDataset


def is_source(x: Any) -> bool:
    """True for data that come batch by batch: iterables except arrays, lists and tables."""
    if isinstance(x, PyDataset) or hasattr(x, "__next__"):
        return True
    table = isinstance(x, Sequence | Mapping | str) or is_sparse(x) or hasattr(x, "toarray")
    array = any(hasattr(x, name) for name in ("__array__", "__array_interface__", "dtype"))
    array = array or hasattr(x, "__cuda_array_interface__")
    return hasattr(x, "__iter__") and not (table or array)


class Source:
    """Batches from an iterable that begins anew with each iteration.

    Args:
        batches: the iterable.

    Attributes:
        kind: a noun for messages.
        count: number of batches, or None if unknown.
        endless: True for a source that declares to have no end.
        numbered: True if the batches can come in any order.
        again: True if all batches can be read again.
    """

    kind = "data set"
    numbered = endless = False
    again = True

    def __init__(self, batches: Iterable[Any]) -> None:
        self._batches = batches
        self._begun: Iterator[Any] | None = None
        self.count = _length(batches)
        cardinality = getattr(batches, "cardinality", None)
        if self.count is None and callable(cardinality):
            self.endless = int(cardinality()) == -1  # TensorFlow's number for endless data

    def peek(self) -> Any:
        """The first batch, which the next :meth:`begin` gives again; None without batches."""
        begun = iter(self._batches)
        for batch in begun:
            self._begun = itertools.chain([batch], begun)
            return batch
        return None

    def begin(self, order: np.ndarray) -> Iterator[Any]:
        """An iterator over the batches.

        Args:
            order: numbers of the batches, for a numbered source.
        """
        begun, self._begun = self._begun, None
        return iter(self._batches) if begun is None else begun

    def more(self) -> bool:
        """True if there is another batch for the next epoch."""
        return True

    def end(self) -> None:
        """An epoch is over."""


class Once(Source):
    """Batches of an iterator, for example a generator: each batch can be read once."""

    kind = "generator"
    again = False

    def __init__(self, batches: Iterator[Any]) -> None:
        self._batches, self.count = batches, None
        self._next: list[Any] = []

    def peek(self) -> Any:
        """The next batch, which stays the next; None at the end."""
        return self._next[0] if self.more() else None

    def begin(self, order: np.ndarray) -> Iterator[Any]:
        """An iterator over the remaining batches."""
        while self.more():
            yield self._next.pop()

    def more(self) -> bool:
        """True if there is another batch, which is made now and kept."""
        if not self._next:
            self._next = list(itertools.islice(self._batches, 1))
        return bool(self._next)


class Numbered(Source):
    """Batches of a PyDataset."""

    kind = "PyDataset"

    def __init__(self, batches: PyDataset) -> None:
        self._data = batches
        self.count = batches.num_batches
        self.endless = self.count is None
        self.numbered = not self.endless

    def peek(self) -> Any:
        """The batch of number 0; None without batches."""
        return None if self.count == 0 else self._data[0]

    def begin(self, order: np.ndarray) -> Iterator[Any]:
        """An iterator over the batches in this order, or without an end."""
        self._data.on_epoch_begin()
        numbers: Iterable[int] = itertools.count() if self.endless else order.tolist()
        return (self._data[number] for number in numbers)

    def end(self) -> None:
        """An epoch is over."""
        self._data.on_epoch_end()


class Slices(Source):
    """Batches of rows of checked arrays.

    Args:
        arrays: x, y and weights of as many rows; None for a missing array.
        size: rows in a batch; the last one may have fewer.
        network: the order of rows follows from its seed and step; None for rows in order.
    """

    kind = "array"

    def __init__(self, arrays: Sequence[Any], size: int, network: Any) -> None:
        self._arrays, self._size, self._network = arrays, size, network
        self._rows: int = arrays[0].shape[0]
        self.count = -(-self._rows // size)

    def peek(self) -> Any:
        """The first rows."""
        return self._part(slice(self._size))

    def begin(self, order: np.ndarray) -> Iterator[Any]:
        """An iterator over the batches, of rows in a new order."""
        rows = np.arange(self._rows)
        if self._network is not None:
            rows = generator(self._network.seed, SHUFFLE, 0, self._network.step).permutation(rows)
        for start in range(0, self._rows, self._size):
            yield self._part(rows[start : start + self._size])

    def _part(self, rows: Any) -> tuple[Any, ...]:
        return tuple(None if array is None else array[rows] for array in self._arrays)


def source(x: Any) -> Source:
    """The source for data ``x``, for which :func:`is_source` is True."""
    if isinstance(x, PyDataset):
        return Numbered(x)
    return Once(x) if hasattr(x, "__next__") else Source(x)


def _length(batches: Any) -> int | None:
    # A data set may have ``__len__`` and not know the length.
    with contextlib.suppress(TypeError, NotImplementedError, AttributeError):
        return len(batches)
    return None

"""Batches of a source, checked and handed out as :class:`minidl.data.batches.Batches` does."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl.backend import Backend, is_sparse
from minidl.backend.sparse import outside
from minidl.data.base import BatchesBase
from minidl.data.sources import Source

#: Checks a batch of a source, and returns (x, y, weight).
Suit = Callable[[Any], tuple[Any, Any, Any]]


class SourceBatches(BatchesBase):
    """Batches that a source hands out, brought to the device one by one.

    Without ``steps`` an epoch is the whole source. With ``steps`` an epoch goes on where the last
    epoch has stopped.

    Args:
        source: of the batches.
        suit: checks a batch.
        steps: number of batches in an epoch, or None.
        backend: where the batches are needed.
        dtype: of the weights, of targets that are not int32, and of features of changing types.

    Attributes:
        size: rows in the first batch.
        first: the first batch, checked.
    """

    #: A batch is in the buffers before its step: steps cannot wait for each other.
    may_wait = repeatable = False

    def __init__(
        self, source: Source, suit: Suit, steps: int | None, backend: Backend, dtype: Any
    ) -> None:
        if steps is None and source.endless:
            raise ValueError(
                f"expected a number of steps for a {source.kind} without an end, received None; "
                "write steps_per_epoch=... in fit (validation_steps=... for rows to validate on), "
                "steps=... elsewhere"
            )
        self.source, self._suit, self.steps = source, suit, steps
        self._backend, self._dtype = backend, dtype
        self._buffers: list[Any] = []
        self._iterator: Iterator[Any] | None = None
        self._seen = 0
        first = source.peek()
        if first is None:
            raise ValueError(f"x: expected a {source.kind} of at least one batch, received none")
        self.first = self._suited(first, 0)
        self.size: int = self._rows

    def __len__(self) -> int:
        return self.steps or self.source.count or 0

    @property
    def items(self) -> int:
        """Number of batches of a source that is numbered, else 0."""
        return (self.source.count or 0) if self.source.numbered else 0

    def more(self, epoch: int, validates: bool = False) -> bool:
        """True if there is a batch for an epoch; if there is none, a warning says so.

        Args:
            epoch: number of the epoch, from 0.
            validates: True for batches to validate on, at the epoch's end.
        """
        if self.source.more():
            return True
        ends = f"training ends before epoch {epoch + 1}"
        if validates:
            ends = f"epoch {epoch + 1} ends without validation"
        warnings.warn(
            f"the data ran out: {ends}, because the generator gives no more batches",
            stacklevel=outside(),
        )
        return False

    def shuffled(self, order: np.ndarray, first: int = 0) -> Iterator[tuple[Any, Any, Any]]:
        """Buffers (x, y, weight) with the batches of an epoch, one after the other.

        Args:
            order: numbers of the batches, for a numbered source.
            first: number of batches to leave out at the beginning.
        """
        for number, batch in enumerate(self._epoch(order)):
            if number >= first:
                yield self._copied(self._suited(batch, number))

    def in_order(self) -> Iterator[tuple[Any, Any, Any]]:
        """The batches (x, y, weight) of an epoch, on the device."""
        for number, batch in enumerate(self._epoch(np.arange(self.items))):
            x, y, weight = self._suited(batch, number)
            yield self._placed(x), self._placed(y), self._placed(weight)

    def numbers(self, order: np.ndarray, batch: int) -> np.ndarray:
        """Numbers of the rows in the batch that was given last, counted within the batch."""
        return np.arange(self._rows)

    def _epoch(self, order: np.ndarray) -> Iterator[Any]:
        """The batches of an epoch, not yet checked."""
        if self._iterator is None or self.steps is None:
            self._iterator, self._seen = self.source.begin(order), 0
        done, count = 0, self.source.count
        for batch in itertools.islice(self._iterator, self.steps):
            done += 1
            self._seen += 1
            yield batch
        if self.steps is not None and done < self.steps:
            run_out(done, self.steps)
            self._iterator = None
        elif count is not None and self._seen >= count:
            self._iterator = None
        self.source.end()

    def _suited(self, batch: Any, number: int) -> tuple[Any, Any, Any]:
        try:
            found = self._suit(batch)
        except (TypeError, ValueError) as error:
            raise type(error)(f"batch {number} of the {self.source.kind}: {error}") from None
        self._rows: int = found[0].shape[0]
        return found

    def _copied(self, batch: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
        """The batch in the buffers; a whole batch is the whole buffers, for a step to play."""
        rows = batch[0].shape[0]
        arrays = [array if is_sparse(array) else self._placed(array) for array in batch]
        if not self._buffers or not all(map(_fits, self._buffers, arrays)):
            self._buffers = [self._buffer(array) for array in arrays]
        found = []
        for array, buffer in zip(arrays, self._buffers, strict=True):
            if array is None or buffer is None:
                found.append(self._placed(array))
                continue
            found.append(buffer if len(buffer) == rows else buffer[:rows])
            found[-1][...] = array
        self._arrays = found
        return found[0], found[1], found[2]

    def _buffer(self, array: Any) -> Any:
        if array is None or is_sparse(array):
            return None
        rows = max(array.shape[0], self.size)
        return self._backend.xp.empty((rows, *array.shape[1:]), dtype=array.dtype)

    def _placed(self, array: Any) -> Any:
        return None if array is None else self._backend.to_device(array)


def _fits(buffer: Any, array: Any) -> bool:
    """True if a buffer can hold an array; also for no array, and for a sparse array."""
    if array is None or is_sparse(array):
        return True
    return (
        buffer is not None
        and len(buffer) >= array.shape[0]
        and buffer.shape[1:] == array.shape[1:]
        and buffer.dtype == array.dtype
    )


def run_out(received: int, expected: int) -> None:
    """Warn of data that end too early."""
    warnings.warn(
        f"the data ran out: expected {expected} batches, received {received}; the epoch ends here. "
        "Make the generator give steps_per_epoch * epochs batches, or ask for fewer",
        stacklevel=outside(),
    )

"""PyDataset: a numbered series of batches, which a subclass makes on request."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from minidl import checks


class PyDataset:
    """Base of data sets that make batches one by one.

    A subclass defines ``__getitem__(index)``, which returns a batch (x,), (x, y) or
    (x, y, sample_weight). A subclass also defines ``__len__``, or the property ``num_batches``,
    which may be None for a data set without an end.

    Args:
        workers, use_multiprocessing, max_queue_size: as in Keras; the batches are made in the
            thread that trains, and a warning says so where the arguments ask for more.
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = checks.integer("workers", workers, 0)
        self.use_multiprocessing = bool(use_multiprocessing)
        self.max_queue_size = checks.integer("max_queue_size", max_queue_size, 1)
        if workers > 1 or use_multiprocessing:
            warnings.warn(
                f"{type(self).__name__}: workers and use_multiprocessing change nothing, because "
                "minidl has each batch made in the thread that trains",
                stacklevel=2,
            )

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__")

    def __iter__(self) -> Iterator[Any]:
        number, count = 0, self.num_batches
        while count is None or number < count:
            yield self[number]
            number += 1

    @property
    def num_batches(self) -> int | None:
        """Number of batches; None for a data set without an end.

        Raises:
            NotImplementedError: the subclass defines neither this property nor ``__len__``.
        """
        count = getattr(self, "__len__", None)
        if count is None:
            raise NotImplementedError(
                f"{type(self).__name__} must define __len__, or the property num_batches"
            )
        return int(count())

    def on_epoch_begin(self) -> None:
        """Called before the first batch of each epoch."""

    def on_epoch_end(self) -> None:
        """Called after the last batch of each epoch."""

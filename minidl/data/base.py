"""Batches for a training: in a given order, one by one; some rows once more on request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.backend import Backend


def typed(y: Any, weight: Any, dtype: Any) -> tuple[Any, Any]:
    """Targets and weights in the types of a batch: ``dtype``, but class numbers stay int32."""
    if y is not None and y.dtype != np.int32:
        y = y.astype(dtype, copy=False)
    return y, None if weight is None else weight.astype(dtype)


class BatchesBase:
    """The base of batches in a given order; the methods here suit batches of arrays.

    Attributes:
        size: rows in a batch.
        may_wait: True if steps may wait for each other.
        repeatable: True if a step can be done again.
    """

    size: int
    may_wait = repeatable = True
    _backend: Backend
    _arrays: Sequence[Any]

    def more(self, epoch: int, validates: bool = False) -> bool:
        """True if there is a batch for an epoch, to train or to validate on."""
        return True

    def aim(self) -> None:
        """Make the latest batch of ``shuffled`` the next batch to be filled."""

    def fill(self) -> None:
        """Bring the rows of the latest batch of ``shuffled`` into the buffers."""

    def check(self) -> None:
        """Check, at the end of an epoch, the data that could not be checked before."""

    def numbers(self, order: np.ndarray, batch: int) -> np.ndarray:
        """Numbers of the rows in a batch."""
        start = batch * self.size
        return order[start : start + self.size]

    def rows_of(self, rows: np.ndarray) -> list[Any]:
        """Copies (x, y, weight) of the rows of the given numbers; None for a missing array."""
        chosen = self._backend.to_device(rows)
        return [None if a is None else a[chosen] for a in self._arrays]

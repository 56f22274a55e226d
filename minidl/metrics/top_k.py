"""Accuracies of the right class among the k largest outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import Backend
from minidl.kernels import counts, sums
from minidl.kernels.losses import one_hot
from minidl.metrics.accuracies import Share
from minidl.metrics.arrays import Meaning
from minidl.names.register import register


@register
class TopKCategoricalAccuracy(Share):
    """Share of rows in which fewer than k outputs are larger than that of the right class.

    Args:
        k: default 5.
        name: the key in a History.
        dtype: as for :class:`Metric`.
    """

    class_numbers = False
    _meaning = Meaning(one_row=True)
    k: Any = checks.Attribute(lambda metric, name, value: checks.integer(name, value, 1))

    def __init__(
        self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.k = k

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        xp = backend.xp
        self._t = xp.empty((rows, units), dtype=dtype)
        self._true = xp.empty((rows,), dtype=np.int64)
        self._classes = xp.arange(units, dtype=np.int32)
        self._row, self._inside = (xp.empty((rows, 1), dtype=dtype) for _ in range(2))

    def _count(self, predictions: Any, y: Any, out: Any) -> Any:
        inside = self._inside[: len(predictions)]
        self._find(predictions, y, inside)
        sums.sum_all(inside, out=self._number)
        sums.scale(self._number, 1.0, out=out)
        return inside

    def _find(self, predictions: Any, y: Any, inside: Any) -> None:
        """Write 1 into ``inside`` (N, 1) for each right row, else 0."""
        rows, units = predictions.shape
        numbers = y.reshape(rows) if self.class_numbers else sums.largest(y, self._true[:rows])
        t = one_hot(numbers.reshape(rows, 1), self._classes, out=self._t[:rows])
        work, row = self._work[:rows], self._row[:rows]
        counts.in_top(predictions, t, min(self.k, units), work, row, inside)


@register
class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """Share of rows in which fewer than k outputs are larger than that of the class number in y.

    Args:
        k: default 5.
        name: the key in a History.
        dtype: as for :class:`Metric`.
        from_sorted_ids: True for predictions that are class numbers, the likeliest first: share of
            rows whose first k hold the class number. Default False.
    """

    class_numbers = True
    _meaning = Meaning(numbers=True)
    from_sorted_ids: Any = checks.flag()

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(k, name, dtype)
        self.from_sorted_ids = from_sorted_ids

    def _find(self, predictions: Any, y: Any, inside: Any) -> None:
        if not self.from_sorted_ids:
            super()._find(predictions, y, inside)
            return
        rows, first = len(predictions), predictions[:, : self.k]
        counts.holds(first, y.reshape(rows, 1), self._work[:rows, : self.k], inside)

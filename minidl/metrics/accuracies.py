"""Accuracies: shares of right predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import Backend
from minidl.kernels import counts, measures
from minidl.kernels.losses import one_hot
from minidl.metrics.arrays import Kind
from minidl.metrics.base import Metric, settled
from minidl.register import register


class _Share(Metric):
    """Base of accuracies: :meth:`_count` leaves booleans, which are weighed if need be."""

    direction = "up"

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        xp = backend.xp
        self._right = xp.empty((rows, units), dtype=np.bool_)
        self._equal = xp.empty((rows,), dtype=np.bool_)
        self._work = xp.empty((rows, units), dtype=dtype)
        self._column = xp.empty((rows, 1), dtype=dtype)

    def _count_weighted(self, predictions: Any, y: Any, weight: Any, out: Any) -> None:
        right = self._count(predictions, y, out)
        right = right.reshape(len(right), -1)
        units = right.shape[1]
        if weight.shape[1] > units:
            raise ValueError(f"{self.name}: expected a weight for each row, received several")
        work = (self._work if units > 1 else self._column)[: len(right)]
        counts.sum_weighted(right, weight, work, self._number)
        measures.scale(self._number, 1 / units, out=out)

    def _count(self, predictions: Any, y: Any, out: Any) -> Any:
        """Write the sum of right rows into ``out`` (0-d); return booleans, (N,) or (N, units)."""
        raise NotImplementedError


class _OfRows(_Share):
    """Base of accuracies of whole rows: the largest output has the right place."""

    activations = ("softmax", "sigmoid")

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        self._predicted = backend.xp.empty((rows,), dtype=np.int64)
        self._true = backend.xp.empty((rows,), dtype=np.int64)

    def takes_logits(self, activation: str | None, units: int) -> bool:
        # A softmax over one unit is 1 for any logit.
        lone = units == 1 and activation == "softmax" and not self.class_numbers
        return super().takes_logits(activation, units) and not lone

    def _count(self, predictions: Any, y: Any, out: Any) -> Any:
        rows = len(predictions)
        predicted = measures.largest(predictions, out=self._predicted[:rows])
        numbers = self.class_numbers
        true = y.reshape(rows) if numbers else measures.largest(y, out=self._true[:rows])
        measures.count_equal(predicted, true, self._equal[:rows], out)
        return self._equal[:rows]


@register
class SparseCategoricalAccuracy(_OfRows):
    """Share of rows whose largest output is the class number in y (N,) or (N, 1).

    Examples:
        >>> metric = SparseCategoricalAccuracy()
        >>> metric.update_state([0, 1], [[0.9, 0.1], [0.8, 0.2]])
        >>> metric.result()
        0.5
    """

    class_numbers = True
    _kind = Kind(numbers=True)

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)


@register
class CategoricalAccuracy(_OfRows):
    """Share of rows whose largest output has the index of the largest element of y (N, K)."""

    class_numbers = False
    _kind = Kind(one_row=True)

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)


@register
class BinaryAccuracy(_Share):
    """Share of units whose output is on the right side of a threshold.

    Args:
        name: the key in a History.
        dtype: as for :class:`Metric`.
        threshold: what an output is above where it says 1; default .5, which for logits of
            ``fit`` is 0.
    """

    activations = ("sigmoid",)
    class_numbers = False
    threshold: Any = checks.Attribute(lambda metric, name, value: checks.real(name, value, -np.inf))

    def __init__(
        self, name: str = "binary_accuracy", dtype: Any = None, threshold: float = 0.5
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.threshold = threshold

    def takes_logits(self, activation: str | None, units: int) -> bool:
        return super().takes_logits(activation, units) and self.threshold == 0.5

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold}

    def _count(self, predictions: Any, y: Any, out: Any) -> Any:
        right = self._right[: len(predictions)]
        threshold = 0.0 if self.on_logits else self.threshold
        measures.count_right_units(predictions, y.reshape(predictions.shape), threshold, right, out)
        return right


@register
class Accuracy(_Share):
    """Share of predictions that are equal to their targets, as numbers.

    "accuracy" in ``compile`` is something else: :class:`ChosenAccuracy`.
    """

    _kind = Kind(repeats=True)

    def __init__(self, name: str = "accuracy", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def _count(self, predictions: Any, y: Any, out: Any) -> Any:
        right = self._right[: len(predictions)]
        counts.count_equal_units(predictions, y.reshape(len(predictions), -1), right, out)
        return right


@register("acc")
class ChosenAccuracy(_OfRows):
    """Share of right predictions, of the kind that suits targets and output, as Keras chooses.

    "accuracy" and "acc" in ``compile`` mean this metric. Class numbers:
    :class:`SparseCategoricalAccuracy`; rows of one unit: :class:`BinaryAccuracy`; longer rows:
    :class:`CategoricalAccuracy`.

    Args:
        name: the key in a History.
        dtype: as for :class:`Metric`.
        class_numbers: True for targets that are class numbers.
    """

    class_numbers: Any = checks.Attribute(settled)

    def __init__(
        self, name: str = "accuracy", class_numbers: bool | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.class_numbers = class_numbers

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "class_numbers": self.class_numbers}

    def _count(self, predictions: Any, y: Any, out: Any) -> Any:
        if self.class_numbers or predictions.shape[1] > 1:
            return super()._count(predictions, y, out)
        right = self._right[: len(predictions)]
        threshold = 0.0 if self.on_logits else 0.5
        measures.count_right_units(predictions, y.reshape(predictions.shape), threshold, right, out)
        return right


@register
class TopKCategoricalAccuracy(_Share):
    """Share of rows in which fewer than k outputs are larger than that of the right class.

    Args:
        k: default 5.
        name: the key in a History.
        dtype: as for :class:`Metric`.
    """

    class_numbers = False
    _kind = Kind(one_row=True)
    k: Any = checks.Attribute(lambda metric, name, value: checks.integer(name, value, 1))

    def __init__(
        self, k: int = 5, name: str = "top_k_categorical_accuracy", dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.k = k

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "k": self.k}

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        xp = backend.xp
        self._t = xp.empty((rows, units), dtype=dtype)
        self._true = xp.empty((rows,), dtype=np.int64)
        self._classes = xp.arange(units, dtype=np.int32)
        self._row, self._inside = (xp.empty((rows, 1), dtype=dtype) for _ in range(2))

    def _count(self, predictions: Any, y: Any, out: Any) -> Any:
        rows, units = predictions.shape
        numbers = y.reshape(rows) if self.class_numbers else measures.largest(y, self._true[:rows])
        t = one_hot(numbers.reshape(rows, 1), self._classes, out=self._t[:rows])
        work, row, inside = self._work[:rows], self._row[:rows], self._inside[:rows]
        counts.in_top(predictions, t, min(self.k, units), work, row, inside)
        counts.sum_all(inside, out=self._number)
        measures.scale(self._number, 1.0, out=out)
        return inside


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
    _kind = Kind(numbers=True)
    from_sorted_ids: Any = checks.flag()

    def __init__(
        self,
        k: int = 5,
        name: str = "sparse_top_k_categorical_accuracy",
        dtype: Any = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(k, name)
        self.dtype = dtype
        self.from_sorted_ids = from_sorted_ids

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_sorted_ids": self.from_sorted_ids}

    def _count(self, predictions: Any, y: Any, out: Any) -> Any:
        if not self.from_sorted_ids:
            return super()._count(predictions, y, out)
        rows, inside = len(predictions), self._inside[: len(predictions)]
        first = predictions[:, : self.k]
        counts.holds(first, y.reshape(rows, 1), self._work[:rows, : self.k], inside)
        counts.sum_all(inside, out=self._number)
        measures.scale(self._number, 1.0, out=out)
        return inside

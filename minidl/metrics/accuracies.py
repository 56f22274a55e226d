"""Accuracies: shares of right rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import Backend
from minidl.kernels import sums
from minidl.metrics import weighted
from minidl.metrics.arguments import chosen_once
from minidl.metrics.arrays import Meaning
from minidl.metrics.base import Metric
from minidl.names.register import register


class Share(Metric):
    """Base of accuracies; :meth:`_count` returns booleans, too: (N,) or (N, units)."""

    direction = "up"
    _ends = 0.0, 1.0

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        xp = backend.xp
        self._right = xp.empty((rows, units), dtype=np.bool_)
        self._equal = xp.empty((rows,), dtype=np.bool_)
        self._work = xp.empty((rows, units), dtype=dtype)
        self._column = xp.empty((rows, 1), dtype=dtype)

    _count_weighted = weighted.count_right


class _OfLargestOutput(Share):
    """Base of accuracies of rows, which are right where the largest output has the right place."""

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
        predicted = sums.largest(predictions, out=self._predicted[:rows])
        numbers = self.class_numbers
        true = y.reshape(rows) if numbers else sums.largest(y, out=self._true[:rows])
        sums.count_equal(predicted, true, self._equal[:rows], out)
        return self._equal[:rows]


@register
class SparseCategoricalAccuracy(_OfLargestOutput):
    """Share of rows whose largest output is the class number in y (N,) or (N, 1).

    Examples:
        >>> metric = SparseCategoricalAccuracy()
        >>> metric.update_state([0, 1], [[0.9, 0.1], [0.8, 0.2]])
        >>> metric.result()
        0.5
    """

    class_numbers = True
    _meaning = Meaning(numbers=True)

    def __init__(self, name: str = "sparse_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)


@register
class CategoricalAccuracy(_OfLargestOutput):
    """Share of rows whose largest output has the index of the largest element of y (N, K)."""

    class_numbers = False
    _meaning = Meaning(one_row=True)

    def __init__(self, name: str = "categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)


@register("acc")
class ChosenAccuracy(_OfLargestOutput):
    """Share of right predictions, of the kind that suits targets and output, as Keras chooses.

    "accuracy" and "acc" in ``compile`` mean this metric. Class numbers:
    :class:`SparseCategoricalAccuracy`; rows of one unit: :class:`BinaryAccuracy`; longer rows:
    :class:`CategoricalAccuracy`.

    Args:
        name: the key in a History.
        dtype: as for :class:`Metric`.
        class_numbers: True for targets that are class numbers.
    """

    class_numbers: Any = checks.Attribute(chosen_once)

    def __init__(
        self, name: str = "accuracy", class_numbers: bool | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.class_numbers = class_numbers

    def _count(self, predictions: Any, y: Any, out: Any) -> Any:
        if self.class_numbers or predictions.shape[1] > 1:
            return super()._count(predictions, y, out)
        right = self._right[: len(predictions)]
        threshold = 0.0 if self.on_logits else 0.5
        sums.count_right_units(predictions, y.reshape(predictions.shape), threshold, right, out)
        return right

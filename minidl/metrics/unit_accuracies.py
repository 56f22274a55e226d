"""Accuracies unit by unit: beside a threshold, or equal to the target."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.kernels import counts, sums
from minidl.metrics.accuracies import Share
from minidl.metrics.arrays import Meaning
from minidl.names.register import register


@register
class BinaryAccuracy(Share):
    """Share of units whose output is on the right side of a threshold.

    Args:
        name: the key in a History.
        dtype: as for :class:`Metric`.
        threshold: an output above the threshold says 1; default .5, which for logits of ``fit``
            is 0.
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

    def _count(self, predictions: Any, y: Any, out: Any) -> Any:
        right = self._right[: len(predictions)]
        threshold = 0.0 if self.on_logits else self.threshold
        sums.count_right_units(predictions, y.reshape(predictions.shape), threshold, right, out)
        return right


@register
class Accuracy(Share):
    """Share of predictions that are equal to their targets, as numbers.

    "accuracy" in ``compile`` is something else: :class:`ChosenAccuracy`.
    """

    _meaning = Meaning(broadcasts=True)

    def __init__(self, name: str = "accuracy", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def _count(self, predictions: Any, y: Any, out: Any) -> Any:
        right = self._right[: len(predictions)]
        counts.count_equal_units(predictions, y.reshape(len(predictions), -1), right, out)
        return right

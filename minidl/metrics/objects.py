"""The metrics: accuracies, and losses without penalties."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import Backend
from minidl.kernels import measures
from minidl.losses import Loss
from minidl.metrics.base import Metric
from minidl.register import register


def _once(metric: Metric, name: str, value: Any) -> Any:
    if name in vars(metric):
        raise AttributeError(
            f"{name} is chosen when a metric is made; expected a new metric, and compile with it"
        )
    return value


@register("acc")
class Accuracy(Metric):
    """Share of right predictions, of the kind that suits the targets, as Keras chooses.

    Class numbers: :class:`SparseCategoricalAccuracy`; rows of one unit: :class:`BinaryAccuracy`;
    longer rows: :class:`CategoricalAccuracy`.

    Args:
        name: the key in a History.
        class_numbers: True for targets that are class numbers; None asks the loss.
    """

    activations: tuple[str, ...] = ("softmax", "sigmoid")

    class_numbers: Any = checks.Attribute(_once)

    def __init__(self, name: str = "accuracy", class_numbers: bool | None = None) -> None:
        super().__init__(name)
        self.class_numbers = class_numbers

    def takes_logits(self, activation: str | None, units: int) -> bool:
        # A softmax over one unit is 1 for any logit.
        lone = units == 1 and activation == "softmax" and not self.class_numbers
        return super().takes_logits(activation, units) and not lone

    def get_config(self) -> dict[str, Any]:
        kind = {"class_numbers": self.class_numbers} if type(self) is Accuracy else {}
        return {**super().get_config(), **kind}

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        self._predicted = backend.xp.empty((rows,), dtype=np.int64)
        self._true = backend.xp.empty((rows,), dtype=np.int64)
        self._right = backend.xp.empty((rows, units), dtype=np.bool_)
        self._equal = backend.xp.empty((rows,), dtype=np.bool_)

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        if predictions.shape[1] == 1 and not self.class_numbers:
            self._count_units(predictions, y, out)
        else:
            self._count_rows(predictions, y, out)

    def _count_rows(self, predictions: Any, y: Any, out: Any) -> None:
        rows = len(predictions)
        predicted = measures.largest(predictions, out=self._predicted[:rows])
        numbers = self.class_numbers
        true = y.reshape(rows) if numbers else measures.largest(y, out=self._true[:rows])
        measures.count_equal(predicted, true, self._equal[:rows], out)

    def _count_units(self, predictions: Any, y: Any, out: Any) -> None:
        right = self._right[: len(predictions)]
        threshold = 0.0 if self.from_logits else 0.5
        measures.count_right_units(predictions, y.reshape(predictions.shape), threshold, right, out)


@register
class SparseCategoricalAccuracy(Accuracy):
    """Share of rows whose largest output is the class number in y (N,) or (N, 1)."""

    def __init__(self, name: str = "sparse_categorical_accuracy") -> None:
        super().__init__(name, class_numbers=True)

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        self._count_rows(predictions, y, out)


@register
class CategoricalAccuracy(Accuracy):
    """Share of rows whose largest output has the index of the largest element of y (N, K)."""

    def __init__(self, name: str = "categorical_accuracy") -> None:
        super().__init__(name, class_numbers=False)

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        self._count_rows(predictions, y, out)


@register
class BinaryAccuracy(Accuracy):
    """Share of units whose output is on the right side of 0.5 (of 0 for logits)."""

    activations = ("sigmoid",)

    def __init__(self, name: str = "binary_accuracy") -> None:
        super().__init__(name, class_numbers=False)

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        self._count_units(predictions, y, out)


@register
class LossMetric(Metric):
    """The mean of a loss, without penalties.

    Args:
        loss: which.
        name: the key in a History.
    """

    def __init__(self, loss: Loss, name: str) -> None:
        super().__init__(name)
        self._loss = loss
        self.activations = (loss.activation,) if loss.activation else ()
        self.class_numbers = loss.labels == "integers"

    @property
    def loss(self) -> Loss:
        """As given; another loss needs another metric."""
        return self._loss

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        self._loss = copy.copy(self._loss)
        self._loss.from_logits = from_logits or self._loss.from_logits
        self._loss.bind(rows, units, backend, dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "loss": self._loss}

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        measures.scale(self._loss.forward(predictions, y), float(len(predictions)), out=out)

"""Losses as metrics: means without penalties, and what is made of them."""

from __future__ import annotations

import copy
import math
from typing import Any

from minidl import losses
from minidl.backend import Backend
from minidl.kernels import counts, measures
from minidl.kernels.losses import squared_error_forward
from minidl.metrics.arrays import Kind
from minidl.metrics.base import Metric
from minidl.metrics.results import Result
from minidl.register import register


@register
class LossMetric(Metric):
    """The mean of a loss, without penalties.

    Args:
        loss: which.
        name: the key in a History.
    """

    direction = "down"

    def __init__(self, loss: losses.Loss, name: str) -> None:
        super().__init__(name)
        self._loss = loss
        self.activations = (loss.activation,) if loss.activation else ()
        self.class_numbers = loss.labels == "integers"
        self._kind = Kind(one_row=True, numbers=self.class_numbers)

    @property
    def loss(self) -> losses.Loss:
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

    def _count_weighted(self, predictions: Any, y: Any, weight: Any, out: Any) -> None:
        if weight.shape[1] > 1:
            raise ValueError(f"{self.name}: expected a weight for each row, received several")
        value = self._loss.forward(predictions, y, weight)
        measures.scale(value, float(len(predictions)), out=out)


class _Named(LossMetric):
    """Base of the classes of single losses.

    Args:
        name: the key in a History.
    """

    _made: Any = None

    def __init__(self, name: str) -> None:
        super().__init__(self._made(), name)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name}


@register("mse", file="metrics.MeanSquaredError")
class MeanSquaredError(_Named):
    """The mean of (y - t)²."""

    _made = losses.MeanSquaredError

    def __init__(self, name: str = "mean_squared_error") -> None:
        super().__init__(name)


@register("rmse")
class RootMeanSquaredError(Metric):
    """The root of the mean of (y - t)²."""

    direction = "down"
    class_numbers = False

    def __init__(self, name: str = "root_mean_squared_error") -> None:
        super().__init__(name)

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        self._t, self._squares = (backend.xp.empty((rows, units), dtype=dtype) for _ in range(2))

    def _squared(self, predictions: Any, y: Any) -> Any:
        rows = len(predictions)
        t = measures.convert(y.reshape(predictions.shape), out=self._t[:rows])
        return squared_error_forward(predictions, t, out=self._squares[:rows])

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        counts.sum_all(self._squared(predictions, y), out=self._number)
        measures.scale(self._number, 1 / predictions.shape[1], out=out)

    def _count_weighted(self, predictions: Any, y: Any, weight: Any, out: Any) -> None:
        squares = self._squared(predictions, y)
        counts.sum_weighted(squares, weight, squares, self._number)
        measures.scale(self._number, 1 / predictions.shape[1], out=out)

    def result(self) -> Any:
        """The root of the mean, 0 before the first batch."""
        return Result(math.sqrt(super().result()))

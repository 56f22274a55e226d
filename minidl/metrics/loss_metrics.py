"""Losses as metrics: means without penalties."""

from __future__ import annotations

import copy
from typing import Any

from minidl import losses
from minidl.backend import Backend
from minidl.kernels import sums
from minidl.metrics import weighted
from minidl.metrics.arrays import Meaning
from minidl.metrics.base import Metric
from minidl.names.register import register


@register
class LossMetric(Metric):
    """The mean of a loss, without penalties.

    Args:
        loss: which.
        name: the key in a History.
    """

    direction = "down"

    def __init__(self, loss: losses.Loss, name: str) -> None:
        super().__init__(name=name)
        self._loss = loss
        self.activations = (loss.activation,) if loss.activation else ()
        self.class_numbers = loss.labels == "integers"
        self._meaning = Meaning(one_row=True, numbers=self.class_numbers, within=True)

    @property
    def loss(self) -> losses.Loss:
        """As given; another loss needs another metric."""
        return self._loss

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        self._loss = copy.copy(self._loss)
        self._loss.from_logits = from_logits or self._loss.from_logits
        self._loss.bind(rows, units, backend, dtype)

    def _count(self, predictions: Any, y: Any, out: Any, weight: Any = None) -> None:
        value = self._loss.forward(predictions, y, weight)
        sums.scale(value, float(len(predictions)), out=out)

    def _count_weighted(self, predictions: Any, y: Any, weight: Any, out: Any) -> None:
        weighted.check(self, weight, 1)
        self._count(predictions, y, out, weight)

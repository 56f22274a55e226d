"""Losses as metrics: means without penalties."""

from __future__ import annotations

import copy
from typing import Any

from minidl import checks, losses
from minidl.backend import Backend
from minidl.kernels import measures
from minidl.metrics.arguments import settled
from minidl.metrics.arrays import Kind
from minidl.metrics.base import Metric
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
        super().__init__(name=name)
        self._loss = loss
        self.activations = (loss.activation,) if loss.activation else ()
        self.class_numbers = loss.labels == "integers"
        self._kind = Kind(one_row=True, numbers=self.class_numbers, within=True)

    @property
    def loss(self) -> losses.Loss:
        """As given; another loss needs another metric."""
        return self._loss

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        self._loss = copy.copy(self._loss)
        self._loss.from_logits = from_logits or self._loss.from_logits
        self._loss.bind(rows, units, backend, dtype)

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        measures.scale(self._loss.forward(predictions, y), float(len(predictions)), out=out)

    def _count_weighted(self, predictions: Any, y: Any, weight: Any, out: Any) -> None:
        if weight.shape[1] > 1:
            raise ValueError(f"{self.name}: expected a weight for each row, received several")
        value = self._loss.forward(predictions, y, weight)
        measures.scale(value, float(len(predictions)), out=out)


class _Crossentropy(LossMetric):
    """Base of the classes of cross-entropies."""

    from_logits: Any = checks.Attribute(settled)
    label_smoothing: Any = checks.Attribute(settled)

    def __init__(self, loss: type[losses.Loss], name: str, **options: Any) -> None:
        super().__init__(loss(**options), name)
        for key, value in options.items():
            setattr(self, key, value)


@register("bce")
class BinaryCrossentropy(_Crossentropy):
    """The mean of -t log p - (1 - t) log(1 - p), for targets 0 and 1.

    Args:
        name: the key in a History; default "binary_crossentropy".
        dtype: as for :class:`Metric`.
        from_logits: whether predictions come before their sigmoid; default False.
        label_smoothing: share of each target that goes to ½; default 0.
    """

    def __init__(
        self,
        name: str = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(losses.BinaryCrossentropy, name, **options)
        self.dtype = dtype


@register
class CategoricalCrossentropy(_Crossentropy):
    """The mean over rows of -Σ_k t_k log p_k.

    Args:
        name: the key in a History; default "categorical_crossentropy".
        dtype: as for :class:`Metric`.
        from_logits: whether predictions come before their softmax; default False.
        label_smoothing: share of each target that goes to all classes alike; default 0.
    """

    def __init__(
        self,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        options = {"from_logits": from_logits, "label_smoothing": label_smoothing}
        super().__init__(losses.CategoricalCrossentropy, name, **options)
        self.dtype = dtype


@register
class SparseCategoricalCrossentropy(_Crossentropy):
    """The mean over rows of -log p_y, for class numbers y.

    Args:
        name: the key in a History; default "sparse_categorical_crossentropy".
        dtype: as for :class:`Metric`.
        from_logits: whether predictions come before their softmax; default False.
    """

    def __init__(
        self,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(losses.SparseCategoricalCrossentropy, name, from_logits=from_logits)
        self.dtype = dtype

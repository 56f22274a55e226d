"""Metrics: running means over the batches of an epoch, kept on the device until read."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from minidl import checks, losses
from minidl.accelerator.record.repeating import repeats
from minidl.backend import Backend
from minidl.kernels import measures
from minidl.register import find, kind, register
from minidl.register import get as of_kind


@kind("metric")
class Metric:
    """The mean over all rows seen since :meth:`reset`.

    Args:
        name: the key in a History.

    Attributes:
        rows: how many were seen.
        activations: the output activations that the metric can look behind: it takes the
            logits before them as well as the outputs.
    """

    activations: tuple[str, ...] = ()
    #: Whether targets have to be class numbers (True), rows (False), or either (None).
    class_numbers: bool | None = None

    def __init__(self, name: str) -> None:
        if not (isinstance(name, str) and name):
            raise TypeError(f"name: expected a text, received {name!r}")
        self.name = name

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        """Allocate buffers for batches of up to ``rows`` rows; call :meth:`reset` after."""
        xp = backend.xp
        self.from_logits = from_logits
        self._sum = xp.zeros((), dtype=np.float64)
        self._batch = xp.zeros((), dtype=np.float64)
        self.rows = 0

    def takes_logits(self, activation: str | None, units: int) -> bool:
        """Whether logits before this activation will do in place of the outputs."""
        return activation in self.activations

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal metric."""
        return {"name": self.name}

    def reset(self) -> None:
        """Forget all rows."""
        self._sum[...] = 0
        self.rows = 0

    def get_state(self) -> dict[str, Any]:
        """Sum and rows since :meth:`reset`, in the form of a callback's ``get_state``."""
        return {"sum": float(self._sum), "rows": self.rows}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what :meth:`get_state` returned."""
        self._sum[...] = state["sum"]
        self.rows = state["rows"]

    def update(self, predictions: Any, y: Any) -> None:
        """Add a batch: predictions (N, units), targets as the loss takes them."""
        self._count(predictions, y, self._batch)
        measures.add(self._sum, self._batch)
        self.rows += len(predictions)

    def result(self) -> float:
        """The mean; waits for the device. NaN before the first batch."""
        return float(self._sum) / self.rows if self.rows else float("nan")

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        """Write the batch's sum over rows into ``out`` (0-d)."""
        raise NotImplementedError(f"{type(self).__name__} must define _count")


class Mean(Metric):
    """The mean of batch means, each weighted by its number of rows."""

    repeats = True

    def add(self, mean: Any, rows: int) -> None:
        """Add a batch's mean (0-d)."""
        measures.scale(mean, float(rows), out=self._batch)
        measures.add(self._sum, self._batch)
        self.rows += rows

    def take(self, other: Mean) -> None:
        """Count the batches of another mean as one's own."""
        measures.add(self._sum, other._sum)
        self.rows += other.rows


def _once(metric: Metric, name: str, value: Any) -> Any:
    if name in vars(metric):
        raise AttributeError(
            f"{name} is chosen when a metric is made; expected a new metric, and compile with it"
        )
    return value


@register("acc")
class Accuracy(Metric):
    """Share of right predictions, of whichever kind suits the targets, as Keras chooses.

    Class numbers: :class:`SparseCategoricalAccuracy`; rows of one unit: :class:`BinaryAccuracy`;
    longer rows: :class:`CategoricalAccuracy`.

    Args:
        name: the key in a History.
        class_numbers: whether targets are class numbers; None takes it from the loss.
    """

    repeats = True

    activations: tuple[str, ...] = ("softmax", "sigmoid")

    class_numbers: Any = checks.Attribute(_once)

    def __init__(self, name: str = "accuracy", class_numbers: bool | None = None) -> None:
        super().__init__(name)
        self.class_numbers = class_numbers

    def takes_logits(self, activation: str | None, units: int) -> bool:
        # A softmax over one unit is 1 whatever its logit is.
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

    repeats = True

    def __init__(self, name: str = "sparse_categorical_accuracy") -> None:
        super().__init__(name, class_numbers=True)

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        self._count_rows(predictions, y, out)


@register
class CategoricalAccuracy(Accuracy):
    """Share of rows whose largest output is where y (N, K) is largest."""

    repeats = True

    def __init__(self, name: str = "categorical_accuracy") -> None:
        super().__init__(name, class_numbers=False)

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        self._count_rows(predictions, y, out)


@register
class BinaryAccuracy(Accuracy):
    """Share of units whose output is on the right side of 0.5 (of 0 for logits)."""

    repeats = True

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

    def __init__(self, loss: losses.Loss, name: str) -> None:
        super().__init__(name)
        self._loss = loss
        self.activations = (loss.activation,) if loss.activation else ()
        self.class_numbers = loss.labels == "integers"

    @property
    def loss(self) -> losses.Loss:
        """As given; another loss needs another metric."""
        return self._loss

    @property
    def repeats(self) -> bool:
        """Whether its loss does."""
        return repeats(self._loss)

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        self._loss = copy.copy(self._loss)
        self._loss.from_logits = from_logits or self._loss.from_logits
        self._loss.bind(rows, units, backend, dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "loss": self._loss}

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        measures.scale(self._loss.forward(predictions, y), float(len(predictions)), out=out)


# Keras has these among its metrics too.
sparse_categorical_crossentropy = losses.sparse_categorical_crossentropy
categorical_crossentropy = losses.categorical_crossentropy
binary_crossentropy = losses.binary_crossentropy
mean_squared_error = losses.mean_squared_error


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 for each row whose largest output is the class number in y_true, else 0."""
    return (np.argmax(y_pred, axis=-1) == np.reshape(y_true, -1)).astype(np.float32)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 for each row whose largest output is where y_true is largest, else 0."""
    return (np.argmax(y_pred, axis=-1) == np.argmax(y_true, axis=-1)).astype(np.float32)


def binary_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Share of each row's units on the right side of 0.5."""
    y_pred = np.asarray(y_pred)
    return np.mean((y_pred > 0.5) == np.reshape(y_true, y_pred.shape), axis=-1)


def get(identifier: Any, loss: losses.Loss) -> Metric:
    """A metric by name or function, or the one that is given.

    "accuracy" and "acc" mean the accuracy that suits the loss's targets.

    Raises:
        ValueError: unknown name, or a metric of other targets than the loss's.
        TypeError: none of these.
    """
    metric = _find(identifier)
    numbers = loss.labels == "integers"
    if type(metric) is Accuracy and metric.class_numbers is None:
        metric = Accuracy(metric.name, class_numbers=numbers)
    if metric.class_numbers not in (None, numbers):
        kinds = {True: "class numbers", False: "rows of targets"}
        raise ValueError(
            f"metric {metric.name!r}: expected {kinds[not numbers]}, received a loss on "
            f"{kinds[numbers]}, {type(loss).__name__}"
        )
    return metric


def _find(identifier: Any) -> Metric:
    if isinstance(identifier, Metric | type):
        return of_kind(Metric, identifier)
    if not isinstance(identifier, str):
        name = getattr(identifier, "__name__", "")
        if identifier is None or globals().get(name) is not identifier:
            raise TypeError(
                "metric: expected a name, a function of minidl.metrics or minidl.losses, or a "
                f"Metric, received {identifier!r}"
            )
        identifier = name
    found = find(identifier, Metric, losses.Loss)
    if issubclass(found, losses.Loss):
        return LossMetric(losses.get(found), identifier)
    metric = of_kind(Metric, found)
    metric.name = identifier
    return metric

"""Losses: a value for a batch, and its gradient at the predictions.

A loss is bound to buffers once; then ``forward`` gives the mean over the batch as a 0-d
array that stays on the device, and ``backward`` the gradient of that mean.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import Backend, backend_of, current, floating
from minidl.kernels import losses as kernels
from minidl.kernels import measures
from minidl.register import find, kind, register
from minidl.register import get as of_kind


def _logits(loss: Loss, name: str, value: Any) -> bool:
    if value and loss.activation is None:
        raise ValueError(f"{type(loss).__name__} has no form on logits")
    return bool(value)


@kind("loss")
class Loss:
    """Base of all losses: mean over the rows of a loss for each row.

    Args:
        from_logits: whether predictions come before their softmax or sigmoid; default False.

    Attributes:
        labels: what targets are: "integers" (N,), "rows" that sum to 1 (N, K), "binary"
            or "values" (N, O).
        activation: the output activation that this loss can look behind, or None.
    """

    labels = "values"
    activation: str | None = None
    from_logits: Any = checks.Attribute(_logits)

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = from_logits
        self._bound: tuple[Any, ...] = (0, 0, None, None)

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any) -> None:
        """Allocate every buffer that batches of up to ``rows`` rows of ``units`` need."""
        xp = backend.xp
        self._backend = backend
        self._bound = (rows, units, dtype, xp.ndarray)
        self._d, self._p, self._work, self._t = (
            xp.empty((rows, units), dtype=dtype) for _ in range(4)
        )
        self._row, self._losses, self._w = (xp.empty((rows, 1), dtype=dtype) for _ in range(3))
        self._classes = xp.arange(units, dtype=np.int32)
        self._value = xp.zeros((), dtype=dtype)

    def forward(self, predictions: Any, y: Any, sample_weight: Any = None) -> Any:
        """The mean loss of the batch, (1/N) Σ w_n L_n, as a 0-d array on the device.

        The values of ``y`` are not looked at here, which would wait for the device: ``fit``
        checks them once, before training.

        Args:
            predictions: (N, units): outputs, or logits with ``from_logits``.
            y: targets: (N,) or (N, 1) integers for "integers", else (N, units); (N,) will
                do where units is 1.
            sample_weight: (N,) or (N, 1) weights w, or None for ones.

        Raises:
            ValueError: targets of another shape.
        """
        rows, units = predictions.shape
        wanted = units, predictions.dtype, type(predictions)
        if rows > self._bound[0] or wanted != self._bound[1:]:
            self.bind(rows, units, backend_of(predictions), predictions.dtype)
        backend = self._backend
        y = backend.to_device(y)
        shapes = ((rows, 1), (rows,)) if self.labels == "integers" else ((rows, units),)
        if y.shape not in shapes and not (units == 1 and y.shape == (rows,)):
            raise ValueError(
                f"{type(self).__name__}: expected targets of shape {shapes[-1]}, received {y.shape}"
            )
        self._predictions = predictions
        self._rows = rows
        t = self._targets = self._t[:rows]
        if self.labels == "integers":
            kernels.one_hot(y.reshape(rows, 1), self._classes, out=t)
        else:
            measures.convert(y.reshape(rows, units), out=t)
        losses = self._losses[:rows]
        self.row_losses(predictions, t, losses)
        self._weights = None
        if sample_weight is not None:
            self._weights = self._w[:rows]
            measures.convert(backend.to_device(sample_weight).reshape(rows, 1), out=self._weights)
            measures.weigh(losses, self._weights, out=losses)
        return measures.mean_batch(losses, out=self._value)

    def backward(self) -> Any:
        """The gradient of the last forward's mean at its predictions: (N, units)."""
        d = self._d[: self._rows]
        self.row_gradients(self._predictions, self._targets, d)
        if self._weights is not None:
            measures.weigh(d, self._weights, out=d)
        return measures.scale(d, 1 / self._rows, out=d)

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        """Write L_n into ``out`` (N, 1)."""
        raise NotImplementedError(f"{type(self).__name__} must define row_losses")

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        """Write dL_n / dpredictions into ``out`` (N, units), after :meth:`row_losses`."""
        raise NotImplementedError(f"{type(self).__name__} must define row_gradients")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> float:
        """The mean loss of arrays, as a number."""
        backend = current()
        losses, weights = _evaluate(self, y_true, y_pred), sample_weight
        if weights is not None:
            losses = losses * backend.to_device(weights).reshape(-1)
        return float(losses.mean())

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal loss."""
        return {"from_logits": self.from_logits} if self.activation else {}


@register
class CategoricalCrossentropy(Loss):
    """L = -Σ_k t_k log p_k for targets that are rows of probabilities (one-hot, say)."""

    repeats = True

    labels = "rows"
    activation = "softmax"

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        work = self._work[: len(t)]
        if self.from_logits:
            kernels.softmax_crossentropy_forward(
                predictions, t, self._p[: len(t)], work, self._row[: len(t)], out
            )
        else:
            kernels.crossentropy_forward(predictions, t, out=work)
            measures.sum_units(work, out=out)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        if self.from_logits:
            kernels.softmax_crossentropy_backward(self._p[: len(t)], t, out=out)
        else:
            kernels.crossentropy_backward(predictions, t, out=out)


@register
class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """L = -log p_y for targets that are class numbers."""

    repeats = True

    labels = "integers"


class _UnitMean(Loss):
    """A row's loss is the mean over its units of an elementwise loss."""

    def _kernels(self) -> tuple[Any, Any]:
        raise NotImplementedError

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        work = self._work[: len(t)]
        self._kernels()[0](predictions, t, out=work)
        measures.mean_units(work, out=out)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        self._kernels()[1](predictions, t, t.shape[1], out=out)


@register
class BinaryCrossentropy(_UnitMean):
    """L = -t log p - (1 - t) log(1 - p), the mean over the units, for targets 0 and 1."""

    repeats = True

    labels = "binary"
    activation = "sigmoid"

    def _kernels(self) -> tuple[Any, Any]:
        if self.from_logits:
            return kernels.sigmoid_crossentropy_forward, kernels.sigmoid_crossentropy_backward
        return kernels.binary_crossentropy_forward, kernels.binary_crossentropy_backward


@register("mse")
class MeanSquaredError(_UnitMean):
    """L = (y - t)², the mean over the units."""

    repeats = True

    def __init__(self) -> None:
        super().__init__()

    def _kernels(self) -> tuple[Any, Any]:
        return kernels.squared_error_forward, kernels.squared_error_backward


def sparse_categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Any:
    """-log p_y for each row: (N,) class numbers and (N, K) probabilities give (N,)."""
    return _evaluate(SparseCategoricalCrossentropy(from_logits), y_true, y_pred)


def categorical_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Any:
    """-Σ_k t_k log p_k for each row: (N, K) targets and probabilities give (N,)."""
    return _evaluate(CategoricalCrossentropy(from_logits), y_true, y_pred)


def binary_crossentropy(y_true: Any, y_pred: Any, from_logits: bool = False) -> Any:
    """Mean over the units of -t log p - (1 - t) log(1 - p): (N, O) give (N,)."""
    return _evaluate(BinaryCrossentropy(from_logits), y_true, y_pred)


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the units of (y - t)²: (N, O) give (N,)."""
    return _evaluate(MeanSquaredError(), y_true, y_pred)


def _evaluate(loss: Loss, y_true: Any, y_pred: Any) -> Any:
    loss = copy.copy(loss)
    backend = current()
    predictions = backend.to_device(y_pred)
    if predictions.dtype.kind not in "biuf":
        raise TypeError(f"expected predictions that are numbers, received {predictions.dtype}")
    if predictions.dtype.char not in "fd" or not predictions.dtype.isnative:
        predictions = predictions.astype(floating())
    predictions = backend.xp.ascontiguousarray(predictions)
    targets = backend.to_device(y_true)
    if predictions.ndim == 1:
        predictions = predictions.reshape(-1, 1)
    if predictions.ndim != 2:
        raise ValueError(f"expected predictions (N, units), received shape {predictions.shape}")
    rows, units = predictions.shape
    if loss.labels == "integers":
        targets = checks.whole("class numbers", targets)
    if loss.labels == "integers" and bool(((targets < 0) | (targets >= units)).any()):
        raise ValueError(
            f"expected class numbers 0 … {units - 1}, received {targets.min()} … {targets.max()}"
        )
    loss.bind(rows, units, backend, predictions.dtype)
    loss.forward(predictions, targets)
    return loss._losses[: len(predictions), 0].copy()


_FUNCTIONS: dict[Any, type[Loss]] = {
    function: find(function.__name__, Loss)
    for function in (
        sparse_categorical_crossentropy,
        categorical_crossentropy,
        binary_crossentropy,
        mean_squared_error,
    )
}


def get(identifier: Any) -> Loss:
    """A loss by name, by function or class of this module, or the one that is given.

    Raises:
        ValueError: unknown name.
        TypeError: none of these.
    """
    if callable(identifier) and identifier in _FUNCTIONS:
        return _FUNCTIONS[identifier]()
    return of_kind(Loss, identifier)

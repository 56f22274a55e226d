"""Means and sums of values, and means of the results of a user's function."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import backend_of, current, to_host
from minidl.backend.array import Number
from minidl.kernels import counts, sums
from minidl.metrics import weighted
from minidl.metrics.arrays import as_given
from minidl.metrics.base import Metric
from minidl.names.register import register


@register
class Mean(Metric):
    """The mean of values, or of batch means, weighted by the numbers of rows.

    Args:
        name: the key in a History; default "mean".
        dtype: as for :class:`Metric`.
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def add(self, mean: Any, rows: int, weight: Any = None) -> None:
        """Add a batch's mean (0-d).

        Args:
            mean: of the batch.
            rows: for how many rows it counts.
            weight: (N, 1), the rows' weights; where the metric is ``weighted``, the mean counts for
                their sum.
        """
        factor: Any = float(rows)
        if self.weighted:
            weighted.add_weights(self, rows, weight)
            factor = factor if weight is None else self._batch
        sums.scale(mean, factor, out=self._batch)
        sums.add(self._sum[0, ...] if self.weighted else self._sum, self._batch)
        self.rows += rows

    def take(self, other: Mean, values: bool = True) -> None:
        """Count the batches of another mean as one's own; without ``values`` as means of 0."""
        total = other._sum.copy()
        if not values:
            total[0 if self.weighted else ...] = 0
        sums.add(self._sum, total)
        self.rows += other.rows

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Add values.

        Args:
            values: numbers, of any shape.
            sample_weight: weights, of the first axes of the values or of all axes; None for ones.
        """
        total, count = self._totals(values, sample_weight)
        if not (self._bound[0] and self._standalone):
            self._standalone = True
            self.bind(1, 1, current(), np.float64, False)
        self._sum += backend_of(self._sum).to_device(np.array([total, count]))

    def _totals(self, values: Any, sample_weight: Any) -> tuple[float, float]:
        """The sum of the rows' weighted means, and the sum of their mean weights."""
        weighted, weights = _weighted(values, sample_weight)
        rows = len(weighted) if weighted.ndim else 1
        share = rows / max(weighted.size, 1)
        return float(weighted.sum()) * share, float(weights.sum()) * share

    def __call__(self, values: Any, sample_weight: Any = None) -> Any:  # type: ignore[override]
        """Add values; return the result of all values so far."""
        self.update_state(values, sample_weight)
        return self.result()


@register
class Sum(Mean):
    """The sum of values, each times its weight.

    Args:
        name: the key in a History; default "sum".
        dtype: as for :class:`Metric`.
    """

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def _totals(self, values: Any, sample_weight: Any) -> tuple[float, float]:
        weighted, _ = _weighted(values, sample_weight, np.sum)
        return float(weighted.sum()), 0.0

    @property
    def variables(self) -> list[np.ndarray]:
        """A copy of the sum."""
        return super().variables[:1]

    def result(self) -> Any:
        """The sum, 0 before the first value."""
        return Number(self._sums()[0] if self._bound[0] else 0.0)


def _numbers(what: str, values: Any) -> np.ndarray:
    return np.asarray(to_host(checks.array(what, values)), dtype=np.float64)


def _weighted(values: Any, weight: Any, reduce: Any = np.mean) -> tuple[np.ndarray, np.ndarray]:
    """Values times weights, and the weights, of one shape.

    Axes of the values that the weights lack are reduced.
    """
    v = _numbers("values", values)
    if weight is None:
        return v, np.ones_like(v)
    w = _numbers("sample_weight", weight)
    if w.ndim == v.ndim + 1 and w.shape[-1] == 1:
        w = w[..., 0]
    elif v.ndim == w.ndim + 1 and v.shape[-1] == 1:
        w = w[..., None]
    if v.ndim > w.ndim:
        v = reduce(v, axis=tuple(range(w.ndim, v.ndim)))
    try:
        w = np.broadcast_to(w, v.shape)
    except ValueError:
        raise ValueError(
            f"sample_weight: expected a shape that can be broadcast to the values' {v.shape}, "
            f"received {w.shape}"
        ) from None
    return v * w, w


@register
class MeanMetricWrapper(Metric):
    """The mean over rows of a function of targets and predictions.

    A function among the ``metrics`` of ``compile`` becomes such a metric, under the function's
    name. A recorded step calls the function in Python, at its place.

    Args:
        fn: called as ``fn(y_true, y_pred)`` with arrays: class numbers (N,), or targets (N, units),
            and predictions (N, units). Returns a number for each row, (N,) or (N, ...), of which
            the row's mean is taken; or one number, which stands for the batch.
        name: the key in a History; default "mean_metric_wrapper", numbered.
        dtype: as for :class:`Metric`.
        **arguments: further arguments of the function.
    """

    def __init__(
        self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **arguments: Any
    ) -> None:
        if not callable(fn):
            raise TypeError(f"fn: expected a function of targets and predictions, received {fn!r}")
        super().__init__(name=name, dtype=dtype)
        self._rows_of = functools.partial(_rows, fn, arguments)
        self._rows_of.__name__ = function_name(fn)  # type: ignore[attr-defined]

    @property
    def fn(self) -> Any:
        """The function; another needs another metric."""
        return self._rows_of.args[0]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), **self._rows_of.args[1]}

    def _shape(self, units: int) -> tuple[int, ...]:
        return (2,)

    def _add(self, predictions: Any, y: Any, weight: Any) -> None:
        values = self._rows_of(as_given(y, predictions), predictions)
        rows, units = values.shape
        if weight is None:
            sums.sum_all(values, out=self._batch)
        else:
            if rows != len(predictions) or weight.shape[1] not in (1, units):
                raise ValueError(
                    f"{self.name}: expected a value for each weight, received values of shape "
                    f"{values.shape} and weights {weight.shape}"
                )
            counts.sum_weighted(values, weight, np.empty_like(values), self._batch)
        sums.scale(self._batch, 1 / units, out=self._batch)
        sums.add(self._sum[0, ...], self._batch)
        weighted.add_weights(self, rows, weight)


def _rows(fn: Callable[..., Any], arguments: dict[str, Any], y: Any, predictions: Any) -> Any:
    """The result of a function, in float64, as rows of values; one number is (1, 1)."""
    values = fn(y, predictions, **arguments)
    found = backend_of(predictions).xp.asarray(values, dtype=np.float64)
    return found.reshape(len(found) if found.ndim else 1, -1)


def function_name(function: Any) -> str:
    """A function's name in small letters, as Keras writes it: "lambda" for a lambda."""
    found = getattr(function, "name", None)
    if isinstance(found, str):
        return found
    name = re.sub(r"\W+", "", getattr(function, "__name__", type(function).__name__))
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()

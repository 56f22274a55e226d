"""Means of distances between predictions and targets."""

from __future__ import annotations

import math
from typing import Any

from minidl import checks
from minidl.backend import Backend
from minidl.backend.array import Number
from minidl.kernels import distances as kernels
from minidl.kernels import margins, sums
from minidl.kernels.losses import squared_error_forward
from minidl.metrics.arguments import chosen_once
from minidl.metrics.arrays import Meaning
from minidl.metrics.rows import RowMetric
from minidl.names.register import register


@register("mse")
class MeanSquaredError(RowMetric):
    """The mean of (y - t)²."""

    _formula = (squared_error_forward,)

    def __init__(self, name: str = "mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)


@register("mae")
class MeanAbsoluteError(RowMetric):
    """The mean of |y - t|."""

    _formula = (kernels.absolute_error_forward,)

    def __init__(self, name: str = "mean_absolute_error", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)


@register("mape")
class MeanAbsolutePercentageError(RowMetric):
    """The mean of 100 |y - t| / max(|t|, 1e-7)."""

    _formula = (kernels.percentage_error_forward,)

    def __init__(self, name: str = "mean_absolute_percentage_error", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)


@register("msle")
class MeanSquaredLogarithmicError(RowMetric):
    """The mean of (log(1 + y) - log(1 + t))²; below 1e-7, y and t are 1e-7."""

    _formula = (kernels.logarithmic_error_forward,)

    def __init__(self, name: str = "mean_squared_logarithmic_error", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)


@register("rmse")
class RootMeanSquaredError(RowMetric):
    """The root of the mean of (y - t)²."""

    _formula = (squared_error_forward,)
    _meaning = Meaning()  # in Keras predictions (n,) are n rows here

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def result(self) -> Any:
        """The root of the mean, 0 before the first batch."""
        return Number(math.sqrt(super().result()))


@register
class LogCoshError(RowMetric):
    """The mean of log(cosh(y - t))."""

    _formula = (kernels.log_cosh_forward,)

    def __init__(self, name: str = "logcosh", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)


@register
class Poisson(RowMetric):
    """The mean of y - t log(y + 1e-7)."""

    _formula = (kernels.poisson_forward,)

    def __init__(self, name: str = "poisson", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)


@register("kl_divergence", "kld", "kullback_leibler_divergence")
class KLDivergence(RowMetric):
    """The mean over rows of Σ_k t_k log(t_k / p_k), both kept within [1e-7, 1]."""

    def __init__(self, name: str = "kl_divergence", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def _of_rows(self, y: Any, t: Any) -> Any:
        terms = kernels.kl_divergence_forward(y, t, out=self._work[: len(y)])
        return sums.sum_units(terms, out=self._column[: len(y)])


class _OfSigns(RowMetric):
    """Base of hinges for targets -1 and 1; where all of a batch are 0 or 1, 0 stands for -1."""

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        self._others = backend.xp.zeros((), dtype=dtype)

    def _of_rows(self, y: Any, t: Any) -> Any:
        margins.signs(t, self._work[: len(t)], self._others)
        return super()._of_rows(y, t)


@register
class Hinge(_OfSigns):
    """The mean of max(1 - t y, 0), for targets -1 and 1, or 0 and 1."""

    _formula = (margins.hinge_forward,)

    def __init__(self, name: str = "hinge", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)


@register
class SquaredHinge(_OfSigns):
    """The mean of max(1 - t y, 0)², for targets -1 and 1, or 0 and 1."""

    _formula = (margins.squared_hinge_forward,)

    def __init__(self, name: str = "squared_hinge", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)


@register
class CategoricalHinge(RowMetric):
    """The mean over one-hot rows t of max(1 + max_k (1 - t_k) y_k - Σ_k t_k y_k, 0)."""

    def __init__(self, name: str = "categorical_hinge", dtype: Any = None) -> None:
        super().__init__(name=name, dtype=dtype)

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        self._largest, self._short, self._losses = (
            backend.xp.empty((rows, 1), dtype=dtype) for _ in range(3)
        )

    def _of_rows(self, y: Any, t: Any) -> Any:
        rows = len(y)
        largest, short, losses = self._largest[:rows], self._short[:rows], self._losses[:rows]
        return margins.categorical_hinge_forward(y, t, self._work[:rows], largest, short, losses)


@register
class CosineSimilarity(RowMetric):
    """The mean over rows of the cosine of the angle between y and t; of a row of zeros 0.

    The loss of this name is minus that.

    Args:
        name: the key in a History; default "cosine_similarity".
        dtype: as for :class:`Metric`.
        axis: -1, the axis of the units, or 1, which is the same.
    """

    direction = "up"
    _ends = -1.0, 1.0
    axis: Any = checks.Attribute(chosen_once)

    def __init__(self, name: str = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        if axis not in (-1, 1):
            raise ValueError(f"axis: expected -1, that of the units, received {axis!r}")
        super().__init__(name=name, dtype=dtype)
        self.axis = axis

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        self._y = backend.xp.empty((rows, units), dtype=dtype)
        self._inverse, self._cosine, self._loss = (
            backend.xp.empty((rows, 1), dtype=dtype) for _ in range(3)
        )

    def _of_rows(self, y: Any, t: Any) -> Any:
        rows = len(y)
        work, inverse, cosine = self._work[:rows], self._inverse[:rows], self._cosine[:rows]
        unit = margins.unit_rows(y, work, inverse, self._y[:rows])
        margins.unit_rows(t, work, inverse, t)
        margins.cosine_similarity_forward(unit, t, work, cosine, self._loss[:rows])
        return cosine

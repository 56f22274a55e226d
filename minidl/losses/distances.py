"""Losses on values: how far predictions are from targets, element by element or as rows."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.backend import Backend
from minidl.kernels import distances as kernels
from minidl.kernels import losses, margins, sums
from minidl.losses.arguments import along_units
from minidl.losses.base import Loss
from minidl.losses.reductions import MEAN
from minidl.names.register import register


class OnValues(Loss):
    """A loss without a form on logits.

    Args:
        reduction, name, dtype: as for :class:`Loss`.
    """

    def __init__(
        self, reduction: str | None = MEAN, name: str | None = None, dtype: None = None
    ) -> None:
        super().__init__(reduction=reduction, name=name, dtype=dtype)


class UnitMean(Loss):
    """A row's loss is the mean over its units of an elementwise loss."""

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any) -> None:
        super().bind(rows, units, backend, dtype)
        self._work = backend.xp.empty((rows, units), dtype)

    def kernels(self) -> tuple[Any, ...]:
        """Forward, backward, and the constants of both."""
        raise NotImplementedError(f"{type(self).__name__} must define kernels")

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        work = self._work[: len(t)]
        forward, _, *constants = self.kernels()
        forward(predictions, t, *constants, out=work)
        sums.mean_units(work, out=out)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        _, backward, *constants = self.kernels()
        backward(predictions, t, *constants, t.shape[1], out=out)


@register("mse")
class MeanSquaredError(OnValues, UnitMean):
    """L = (y - t)², the mean over the units.

    Examples:
        >>> MeanSquaredError()([[1.0, 2.0]], [[3.0, 2.0]])
        2.0
    """

    def kernels(self) -> tuple[Any, ...]:
        return losses.squared_error_forward, losses.squared_error_backward


@register("mae")
class MeanAbsoluteError(OnValues, UnitMean):
    """L = |y - t|, the mean over the units."""

    def kernels(self) -> tuple[Any, ...]:
        return kernels.absolute_error_forward, kernels.absolute_error_backward


@register("mape")
class MeanAbsolutePercentageError(OnValues, UnitMean):
    """L = 100 |y - t| / max(|t|, 1e-7), the mean over the units."""

    def kernels(self) -> tuple[Any, ...]:
        return kernels.percentage_error_forward, kernels.percentage_error_backward


@register("msle")
class MeanSquaredLogarithmicError(OnValues, UnitMean):
    """L = (log(1 + y) - log(1 + t))², the mean over the units; below 1e-7, y and t are 1e-7."""

    def kernels(self) -> tuple[Any, ...]:
        return kernels.logarithmic_error_forward, kernels.logarithmic_error_backward


@register("huber_loss")
class Huber(OnValues, UnitMean):
    """L = e² / 2 for |e| = |y - t| <= delta, else delta (|e| - delta / 2), the units' mean.

    Args:
        delta: the error at which the parabola ends, > 0, default 1.
        reduction, name, dtype: as for :class:`Loss`.
    """

    delta: Any = checks.number(0, ends="()")

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = MEAN,
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.delta = delta

    def kernels(self) -> tuple[Any, ...]:
        return kernels.huber_forward, kernels.huber_backward, self.delta


@register("logcosh")
class LogCosh(OnValues, UnitMean):
    """L = log(cosh(y - t)), the mean over the units."""

    def kernels(self) -> tuple[Any, ...]:
        return kernels.log_cosh_forward, kernels.log_cosh_backward


@register
class Poisson(OnValues, UnitMean):
    """L = y - t log(y + 1e-7), the mean over the units, for counts t whose mean is y > 0.

    The loss of a negative prediction is NaN: end the network with the activation "exponential" or
    "softplus".
    """

    positive = True

    def kernels(self) -> tuple[Any, ...]:
        return kernels.poisson_forward, kernels.poisson_backward


@register("kl_divergence", "kld", "kullback_leibler_divergence")
class KLDivergence(OnValues):
    """L = Σ_k t_k log(t_k / p_k) for rows of probabilities, each kept within [1e-7, 1]."""

    positive = True

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any) -> None:
        super().bind(rows, units, backend, dtype)
        self._work = backend.xp.empty((rows, units), dtype)

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        work = self._work[: len(t)]
        kernels.kl_divergence_forward(predictions, t, out=work)
        sums.sum_units(work, out=out)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        kernels.kl_divergence_backward(predictions, t, out=out)


@register
class CosineSimilarity(OnValues):
    """L = -cos of the angle between the rows y and t: -1 for one direction, 1 for opposite ones.

    A row of zeros has the loss 0.

    Args:
        axis: -1, the axis of the units.
        reduction, name, dtype: as for :class:`Loss`.
    """

    axis: Any = checks.Attribute(along_units)

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = MEAN,
        name: str | None = None,
        dtype: None = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.axis = axis

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any) -> None:
        super().bind(rows, units, backend, dtype)
        self._p, self._work = (backend.xp.empty((rows, units), dtype) for _ in range(2))
        self._row, self._other, self._inverse = (
            backend.xp.empty((rows, 1), dtype) for _ in range(3)
        )

    def prepare(self, t: Any) -> None:
        rows = len(t)
        margins.unit_rows(t, self._work[:rows], self._row[:rows], out=t)

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        p, work, cosine = self._p[: len(t)], self._work[: len(t)], self._row[: len(t)]
        margins.unit_rows(predictions, work, self._inverse[: len(t)], out=p)
        margins.cosine_similarity_forward(p, t, work, cosine, out)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        p, cosine, row = self._p[: len(t)], self._row[: len(t)], self._other[: len(t)]
        margins.cosine_similarity_backward(p, t, cosine, self._inverse[: len(t)], row, out)

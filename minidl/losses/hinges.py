"""Hinges: losses that are 0 once a prediction is on the right side by a margin of 1."""

from __future__ import annotations

from typing import Any

from minidl.backend import Backend
from minidl.kernels import margins as kernels
from minidl.losses.distances import OnValues, UnitMean
from minidl.register import register


class _OfSigns(OnValues, UnitMean):
    """A hinge for targets -1 and 1; where all of a batch are 0 or 1, 0 stands for -1."""

    def prepare(self, t: Any) -> None:
        kernels.signs(t, self._work[: len(t)], self._none)


@register
class Hinge(_OfSigns):
    """L = max(1 - t y, 0), the mean over the units, for targets -1 and 1, or 0 and 1."""

    def kernels(self) -> tuple[Any, ...]:
        return kernels.hinge_forward, kernels.hinge_backward


@register
class SquaredHinge(_OfSigns):
    """L = max(1 - t y, 0)², the mean over the units, for targets -1 and 1, or 0 and 1."""

    def kernels(self) -> tuple[Any, ...]:
        return kernels.squared_hinge_forward, kernels.squared_hinge_backward


@register
class CategoricalHinge(OnValues):
    """L = max(1 + max_k (1 - t_k) y_k - Σ_k t_k y_k, 0) for one-hot rows t."""

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any) -> None:
        super().bind(rows, units, backend, dtype)
        self._equal = backend.xp.empty((rows, 1), dtype=dtype)

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        others, largest, short = self._work[: len(t)], self._row[: len(t)], self._other[: len(t)]
        kernels.categorical_hinge_forward(predictions, t, others, largest, short, out)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        others, largest, short = self._work[: len(t)], self._row[: len(t)], self._other[: len(t)]
        work, row = self._p[: len(t)], self._equal[: len(t)]
        kernels.categorical_hinge_backward(t, others, largest, short, work, row, out)

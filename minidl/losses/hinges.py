"""Hinges: losses that are 0 once a prediction is on the right side by a margin of 1."""

from __future__ import annotations

from typing import Any

from minidl.backend import Backend
from minidl.kernels import margins as kernels
from minidl.losses.distances import OnValues, UnitMean
from minidl.names.register import register


class _OfSigns(OnValues, UnitMean):
    """A hinge for targets -1 and 1; where all of a batch are 0 or 1, 0 stands for -1."""

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any) -> None:
        super().bind(rows, units, backend, dtype)
        self._others = backend.xp.zeros((), dtype)

    def prepare(self, t: Any) -> None:
        kernels.signs(t, self._work[: len(t)], self._others)


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
        self._others, self._work = (backend.xp.empty((rows, units), dtype) for _ in range(2))
        self._largest, self._short, self._row = (
            backend.xp.empty((rows, 1), dtype) for _ in range(3)
        )

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        others, largest, short = (b[: len(t)] for b in (self._others, self._largest, self._short))
        kernels.categorical_hinge_forward(predictions, t, others, largest, short, out)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        others, largest, short = (b[: len(t)] for b in (self._others, self._largest, self._short))
        work, row = self._work[: len(t)], self._row[: len(t)]
        kernels.categorical_hinge_backward(t, others, largest, short, work, row, out)

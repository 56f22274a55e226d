"""The base of metrics that are means of a formula over rows."""

from __future__ import annotations

from typing import Any

from minidl.backend import Backend
from minidl.kernels import sums
from minidl.metrics import weighted
from minidl.metrics.arrays import Meaning
from minidl.metrics.base import Metric


class RowMetric(Metric):
    """Base of means over rows of a formula of predictions and targets.

    A class names the formula of each element, ``y`` and ``t`` (N, units), of which the row's mean
    is taken; or defines :meth:`_of_rows`.

    Args:
        name: the key in a History.
    """

    class_numbers = False
    direction: str | None = "down"
    _meaning = Meaning(one_row=True)
    #: The formula, in a tuple: a function of a class would become a method.
    _formula: tuple[Any, ...] = ()

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        xp = backend.xp
        self._t, self._work, self._weighed = (xp.empty((rows, units), dtype=dtype) for _ in "123")
        self._column = xp.empty((rows, 1), dtype=dtype)

    def _of_rows(self, y: Any, t: Any) -> Any:
        """Values (N, U), of which the row's mean over U is taken.

        Args:
            y: predictions (N, units).
            t: targets (N, units), in a buffer that may be overwritten.
        """
        return self._formula[0](y, t, out=self._work[: len(y)])

    def _values(self, predictions: Any, y: Any) -> Any:
        t = sums.convert(y.reshape(predictions.shape), out=self._t[: len(predictions)])
        return self._of_rows(predictions, t)

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        values = self._values(predictions, y)
        sums.sum_all(values, out=self._number)
        sums.scale(self._number, 1 / values.shape[1], out=out)

    def _count_weighted(self, predictions: Any, y: Any, weight: Any, out: Any) -> None:
        values = self._values(predictions, y)
        units = values.shape[1]
        weighted.check(self, weight, 1 if self._meaning.one_row else units)
        work = self._weighed if units > 1 else self._column
        weighted.add_up(self, values, weight, work[: len(values)], out)

"""F scores, and R²: metrics of whole columns of the output."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import Backend
from minidl.kernels import counts, sums
from minidl.metrics.arguments import chosen_once
from minidl.metrics.base import Metric
from minidl.metrics.results import results, within
from minidl.names.register import register

#: Keras adds this number to divisors.
EPSILON = 1e-7
AVERAGES = (None, "micro", "macro", "weighted")
AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


class _Columns(Metric):
    """Base of metrics whose sums are four rows of numbers for the columns of the output."""

    class_numbers = False
    direction = "up"

    def _shape(self, units: int) -> tuple[int, ...]:
        return 4, units

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        xp = backend.xp
        self._t, self._w, *terms = (xp.empty((rows, units), dtype=dtype) for _ in range(6))
        self._terms = tuple(terms)
        self._ones = xp.ones((rows, units), dtype=dtype)
        self._column = xp.empty((units,), dtype=dtype)

    def _add(self, predictions: Any, y: Any, weight: Any) -> None:
        rows = len(predictions)
        t = sums.convert(y.reshape(predictions.shape), out=self._t[:rows])
        w = self._ones[:rows]
        if weight is not None:
            w = sums.weigh(w, weight, out=self._w[:rows])
        terms = tuple(term[:rows] for term in self._terms)
        for row, term in enumerate(self._write(predictions, t, w, terms)):
            counts.add_columns(self._sum[row], term, self._column)

    def _write(self, p: Any, t: Any, w: Any, terms: tuple[Any, ...]) -> tuple[Any, ...]:
        """The four arrays (N, O) whose columns are added up."""
        raise NotImplementedError


@register("f_beta_score")
class FBetaScore(_Columns):
    """F = (1 + β²) P R / (β² P + R), of the precision P and the recall R of each column.

    A row says yes to its largest prediction, or to all above a threshold. Keras adds 1e-7 to
    each divisor, and so do we.

    Args:
        average: None (the default): an array of the columns' F; "macro": their mean; "weighted":
            the mean weighted by the columns' targets; "micro": F of all elements together.
        beta: weight of recall against precision, > 0; default 1.
        threshold: in (0, 1]; default None: the largest of the row.
        name: the key in a History; default "fbeta_score".
        dtype: as for :class:`Metric`.
    """

    average: Any = checks.Attribute(lambda metric, name, value: _known(name, value, AVERAGES))
    beta: Any = checks.number(0, ends="()")
    threshold: Any = checks.number(0, 1, "(]", none=True)

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.average, self.beta, self.threshold = average, beta, threshold

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        self._row = backend.xp.empty((rows, 1), dtype=dtype)
        self._yes = backend.xp.empty((rows, units), dtype=dtype)

    def _write(self, p: Any, t: Any, w: Any, terms: tuple[Any, ...]) -> tuple[Any, ...]:
        rows = len(p)
        yes = self._yes[:rows]
        counts.say_yes(p, self.threshold, self._row[:rows], terms[0], yes)
        counts.agreement(yes, t, w, out=terms)
        return terms

    def result(self) -> Any:
        """F: an array of the columns, or a number, see ``average``."""
        cases = self._sums()
        if self.average == "micro":
            cases = cases.sum(axis=1, keepdims=True)
        tp, fp, fn, targets = cases
        precision, recall = tp / (tp + fp + EPSILON), tp / (tp + fn + EPSILON)
        square = self.beta**2
        score = precision * recall / (square * precision + recall + EPSILON) * (1 + square)
        if self.average == "weighted":
            score = (score * targets / (targets.sum() + EPSILON)).sum()
        elif self.average is not None:
            score = score.mean()
        return results(within(score, 0, 1, self._bound[2]))


@register
class F1Score(FBetaScore):
    """F = 2 P R / (P + R), of the precision P and the recall R of each column.

    Args:
        average: None (the default): an array of the columns' F; "macro": their mean; "weighted":
            the mean weighted by the columns' targets; "micro": F of all elements together.
        threshold: in (0, 1]; default None: a row says yes to its largest prediction.
        name: the key in a History; default "f1_score".
        dtype: as for :class:`Metric`.
    """

    beta: Any = checks.Attribute(chosen_once)

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name)
        self.dtype = dtype


@register
class R2Score(_Columns):
    """R² = 1 - Σ w (t - y)² / Σ w (t - t̄)² of each column, with t̄ the weighted mean of t.

    Args:
        class_aggregation: "uniform_average" (the default): the columns' mean;
            "variance_weighted_average": their mean weighted by Σ w (t - t̄)²; None: an array.
        num_regressors: number p of features, for the adjusted 1 - (1 - R²)(n - 1) / (n - p - 1);
            default 0: R² as it is.
        name: the key in a History; default "r2_score".
        dtype: as for :class:`Metric`.
    """

    class_aggregation: Any = checks.Attribute(
        lambda metric, name, value: _known(name, value, AGGREGATIONS)
    )
    num_regressors: Any = checks.Attribute(
        lambda metric, name, value: checks.integer(name, value, 0)
    )

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors

    def _write(self, p: Any, t: Any, w: Any, terms: tuple[Any, ...]) -> tuple[Any, ...]:
        counts.moments(p, t, w, out=terms[:3])
        return *terms[:3], w

    def result(self) -> Any:
        """R²: a number, or an array of the columns; of targets that are all the same 0, or NaN if
        the predictions are the same, too.
        """
        targets, squares, residual, weights = self._sums()
        with np.errstate(all="ignore"):
            total = squares - targets * (targets / weights)
            rounding = 4 * np.finfo(self._bound[2] or np.float64).eps * squares
            # No sum of squares is below 0: the targets differ by less than the type can tell.
            vanishes = (np.abs(total) <= rounding) | ((total < 0) & (residual > 0))
            total = np.where(vanishes, 0, total)
            score = 1 - residual / total
            score = np.where(np.isinf(score), 0, score)
            if self.class_aggregation == "uniform_average":
                score = score.mean()
            elif self.class_aggregation:
                score = (total * score).sum() / total.sum()
        score = within(score, -np.inf, 1, self._bound[2])
        return results(self._adjusted(score, self.rows * len(targets)))

    def _adjusted(self, score: Any, count: int) -> Any:
        p = self.num_regressors
        if not p:
            return score
        if p >= count - 1:
            warnings.warn(
                f"{self.name}: {count} numbers are too few for {p} regressors: R² is not adjusted; "
                f"at least {p + 2} are needed",
                stacklevel=3,
            )
            return score
        return 1 - (1 - score) * (count - 1) / (count - p - 1)


def _known(what: str, value: Any, known: tuple[str | None, ...]) -> Any:
    if value not in known:
        raise ValueError(f"{what}: expected one of {known}, received {value!r}")
    return value

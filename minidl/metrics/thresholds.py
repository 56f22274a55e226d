"""The base of metrics that compare predictions with thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl import checks
from minidl.backend import Backend
from minidl.kernels import counts, sums
from minidl.metrics.base import Metric
from minidl.metrics.results import results

#: How far AUC's first and last threshold lie below 0 and above 1, as in Keras.
EPSILON = 1e-7


class Cases(NamedTuple):
    """Weights of the four cases at each threshold, (T,) or (T, L)."""

    true_positives: Any
    false_positives: Any
    true_negatives: Any
    false_negatives: Any


class ThresholdMetric(Metric):
    """Base of metrics of yes and no: a prediction says yes where it lies above a threshold.

    The sums are a histogram: for targets no and yes, the weights of the predictions that lie above
    0, 1, … T of the T thresholds. Targets other than 0 are a yes.

    Args:
        name: the key in a History.
        thresholds: in any order.
    """

    class_numbers = False
    direction: str | None = "up"
    _top_k: int | None = None
    _class_id: int | None = None
    #: Number of columns that are counted apart.
    _labels = 1
    _label_weights: np.ndarray | None = None

    def __init__(self, name: str | None, thresholds: Sequence[float]) -> None:
        super().__init__(name=name)
        self._thresholds = tuple(thresholds)
        self._order = np.argsort(self._thresholds, kind="stable")
        self._sorted = np.asarray(self._thresholds, dtype=np.float64)[self._order]
        places = len(self._thresholds)
        even = np.arange(places) / max(places - 1, 1)
        # Keras computes the buckets of even thresholds, and compares other thresholds singly.
        self._steps = (
            places - 1 if places > 2 and np.allclose(self._sorted, even, 1e-5, EPSILON) else 0
        )
        self._low = int(self._sorted[0] < 0)

    def _shape(self, units: int) -> tuple[int, ...]:
        return 2, len(self._thresholds) + 1, self._labels

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        super().bind(rows, units, backend, dtype, from_logits)
        xp = backend.xp
        if self._class_id is not None and not 0 <= self._class_id < units:
            raise ValueError(
                f"{self.name}: class_id: expected a number of 0 … {units - 1}, received "
                f"{self._class_id}"
            )
        self._p, self._t = (xp.empty((rows, units), dtype=dtype) for _ in range(2))
        width = units if self._class_id is None else 1
        weights = 1.0 if self._label_weights is None else self._label_weights
        ones = np.broadcast_to(np.asarray(weights, dtype=dtype), (rows, width))
        self._ones = backend.to_device(np.ascontiguousarray(ones))
        self._w = xp.empty((rows, width), dtype=dtype)
        self._cases = tuple(xp.empty((rows, width), dtype=dtype) for _ in range(4))
        self._narrow = tuple(xp.empty((rows, width), dtype=dtype) for _ in range(2))
        self._limits = self._sorted.astype(dtype)

    def _add(self, predictions: Any, y: Any, weight: Any) -> None:
        rows = len(predictions)
        p, t, w = predictions, self._t[:rows], self._ones[:rows]
        sums.convert(y.reshape(rows, -1), out=t)
        if self._top_k is not None:
            p = counts.keep_top(p, min(self._top_k, p.shape[1]), out=self._p[:rows])
        if self._class_id is not None:
            column = slice(self._class_id, self._class_id + 1)
            p, t = (
                sums.convert(each[:, column], out=narrow[:rows])
                for each, narrow in zip((p, t), self._narrow, strict=True)
            )
            if weight is not None and weight.shape[1] > 1:
                weight = weight[:, column]
        if weight is not None:
            w = sums.weigh(w, weight, out=self._w[:rows])
        self._count_cases(p, t, w)

    def _count_cases(self, p: Any, t: Any, w: Any) -> None:
        """Add the elements of a batch to the histogram."""
        if len(self._thresholds) > 1 or self._labels > 1:
            counts.add_buckets(self._sum, p, t, w, self._limits, self._steps, self._low)
            return
        cases = tuple(each[: len(p)] for each in self._cases)
        counts.four_cases(p, t, w, float(self._sorted[0]), out=cases)
        for place, case in enumerate(cases):
            total = self._sum[place // 2, place % 2, 0, ...]
            sums.add_sum(total, case, self._number)

    @property
    def variables(self) -> list[np.ndarray]:
        """Copies of the cases of which the result is made, at each threshold."""
        return [getattr(self, name) for name in self._used]

    #: Names of the cases of which the result is made.
    _used: tuple[str, ...] = Cases._fields

    @property
    def true_positives(self) -> Any:
        """Weights of rightly said yes, at each threshold."""
        return results(self.cases().true_positives)

    @property
    def false_positives(self) -> Any:
        """Weights of wrongly said yes, at each threshold."""
        return results(self.cases().false_positives)

    @property
    def true_negatives(self) -> Any:
        """Weights of rightly said no, at each threshold."""
        return results(self.cases().true_negatives)

    @property
    def false_negatives(self) -> Any:
        """Weights of wrongly said no, at each threshold."""
        return results(self.cases().false_negatives)

    def cases(self) -> Cases:
        """The four cases at each threshold, in the order of the thresholds given."""
        histogram = self._sums()
        below = np.cumsum(histogram, axis=1)[:, :-1]
        above = np.flip(np.cumsum(np.flip(histogram, 1), axis=1), 1)[:, 1:]
        found = []
        for kind, case in ((above, 1), (above, 0), (below, 0), (below, 1)):
            in_order = np.empty_like(kind[case])
            in_order[self._order] = kind[case]
            found.append(in_order if self._labels > 1 else in_order[:, 0])
        return Cases(*found)


def checked(thresholds: Any, default: float) -> tuple[float, ...]:
    """Thresholds within 0 and 1, from a number, a sequence, or None for ``default`` alone.

    Raises:
        TypeError, ValueError: something else.
    """
    if thresholds is None:
        return (default,)
    several = thresholds if isinstance(thresholds, list | tuple | np.ndarray) else [thresholds]
    found = tuple(checks.real("threshold", each, 0, 1, ends="[]") for each in several)
    if not found:
        raise ValueError("thresholds: expected at least one, received none")
    return found


def share(part: Any, rest: Any) -> Any:
    """part / (part + rest), 0 where there is neither."""
    whole = np.asarray(part + rest, dtype=np.float64)
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole != 0)


def evenly(count: int) -> tuple[float, ...]:
    """``count`` equidistant thresholds from 0 to 1; of one, .5."""
    inner = [(i + 1) / (count - 1) for i in range(count - 2)]
    return (0.5,) if count == 1 else (0.0, *inner, 1.0)

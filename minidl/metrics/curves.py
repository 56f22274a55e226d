"""The area under the curve of receiver operating characteristics, or of precision and recall."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import Backend
from minidl.kernels.activations import sigmoid_forward
from minidl.metrics.arguments import chosen_once
from minidl.metrics.results import results, within
from minidl.metrics.thresholds import EPSILON, Cases, ThresholdMetric, evenly, share
from minidl.names.register import register

CURVES = ("ROC", "PR", "PRGAIN")
METHODS = ("interpolation", "majoring", "minoring")


@register
class AUC(ThresholdMetric):
    """Area under a curve, from the four cases at thresholds, as Keras approximates it.

    "ROC" is recall against the share FP / (FP + TN), "PR" precision against recall, "PRGAIN" their
    gains (Flach & Kull, "Precision-recall-gain curves", NIPS 2015, equation 1). Between
    thresholds the curve is straight for "interpolation"; the area is that of the lower or of the
    upper steps for "minoring" and "majoring". Of "PR" the true and false positives are
    interpolated, not precision (Davis & Goadrich, "The relationship between precision-recall and
    ROC curves", ICML 2006, section 4).

    Args:
        num_thresholds: so many equidistant thresholds, of which the first lies below 0 and the
            last above 1; default 200.
        curve: "ROC" (the default), "PR" or "PRGAIN".
        summation_method: "interpolation" (the default), "majoring" or "minoring".
        name: the key in a History; default "auc", numbered.
        dtype: as for :class:`Metric`.
        thresholds: thresholds within 0 and 1 in place of equidistant ones; default None.
        multi_label: True for one curve for each column and the mean of their areas; default False:
            one curve of all elements.
        num_labels: number of columns, for ``multi_label``; default None: as many as there are.
        label_weights: a weight for each column; default None: 1.
        from_logits: True for predictions before a sigmoid; default False.
    """

    num_thresholds: Any = checks.Attribute(chosen_once)
    curve: Any = checks.Attribute(chosen_once)
    summation_method: Any = checks.Attribute(chosen_once)
    thresholds: Any = checks.Attribute(chosen_once)
    multi_label: Any = checks.Attribute(chosen_once)
    num_labels: Any = checks.Attribute(chosen_once)
    label_weights: Any = checks.Attribute(chosen_once)
    from_logits: Any = checks.Attribute(chosen_once)

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Any = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        inner = evenly(checks.integer("num_thresholds", num_thresholds, 2))[1:-1]
        own = thresholds is not None
        if own:
            inner = tuple(sorted(checks.real("threshold", each, 0, 1, ends="[]")
                                 for each in np.ravel(thresholds)))  # fmt: skip
        super().__init__(name, (-EPSILON, *inner, 1 + EPSILON))
        self.dtype = dtype
        self.num_thresholds = len(inner) + 2
        self.curve = _one_of("curve", str(curve).upper(), CURVES)
        self.summation_method = _one_of("summation_method", str(summation_method).lower(), METHODS)
        self.thresholds = self._thresholds
        self._own = list(inner) if own else None
        self.multi_label = checks.truth("multi_label", multi_label)
        if num_labels is not None and not multi_label:
            raise ValueError("num_labels: expected multi_label=True beside it, received False")
        self.num_labels = num_labels
        self.label_weights = None if label_weights is None else np.ravel(label_weights).tolist()
        self.from_logits = checks.truth("from_logits", from_logits)
        if not multi_label and label_weights is not None:
            self._label_weights = np.asarray(self.label_weights, dtype=np.float64)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "thresholds": self._own}

    def _shape(self, units: int) -> tuple[int, ...]:
        return 2, len(self._thresholds) + 1, units if self.multi_label else 1

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        wanted = {units, self.num_labels or units}
        if self.label_weights is not None:
            wanted.add(len(self.label_weights))
        if len(wanted) > 1:
            raise ValueError(
                f"{self.name}: expected num_labels and label_weights for {units} columns, received "
                f"num_labels={self.num_labels}, label_weights={self.label_weights}"
            )
        self._labels = units if self.multi_label else 1
        super().bind(rows, units, backend, dtype, from_logits)

    def _count_cases(self, p: Any, t: Any, w: Any) -> None:
        if self.from_logits:
            p = sigmoid_forward(p, out=self._p[: len(p)])
        super()._count_cases(p, t, w)

    def result(self) -> Any:
        """The area; with ``multi_label`` the mean of the columns' areas."""
        cases = self.cases()
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = _interpolated(cases)
        else:
            x, y = _curve(self.curve, cases)
            low, high = y[1:], y[:-1]
            heights = {
                "interpolation": (low + high) / 2,
                "minoring": np.minimum(low, high),
                "majoring": np.maximum(low, high),
            }[self.summation_method]
            areas = ((x[:-1] - x[1:]) * heights).sum(axis=0)
        if self.multi_label:
            areas = np.average(areas, weights=self.label_weights)
        return results(within(areas, 0, 1, self._bound[2]))


def _curve(curve: str, cases: Cases) -> tuple[Any, Any]:
    """x and y at each threshold, x falling."""
    tp, fp, tn, fn = cases
    if curve == "ROC":
        return share(fp, tn), share(tp, fn)
    if curve == "PR":
        return share(tp, fn), share(tp, fp)
    odds = _over(tp + fn, tn + fp)
    recall = np.where(tp == 0, 0, 1 - odds * _over(fn, tp))
    precision = np.where(tp == 0, 1, 1 - odds * _over(fp, tp))
    return np.maximum(recall, 0), precision


def _interpolated(cases: Cases) -> Any:
    """Area under precision and recall, where between thresholds TP and TP + FP are straight."""
    tp, said = cases.true_positives, cases.true_positives + cases.false_positives
    dtp, dsaid = tp[:-1] - tp[1:], np.maximum(said[:-1] - said[1:], 0)
    slope = _over(dtp, dsaid)
    intercept = tp[1:] - slope * said[1:]
    growth = np.where((said[:-1] > 0) & (said[1:] > 0), _over(said[:-1], said[1:]), 1)
    yes = np.maximum(tp[1:] + cases.false_negatives[1:], 0)
    return _over(slope * (dtp + intercept * np.log(growth)), yes).sum(axis=0)


def _over(part: Any, whole: Any) -> Any:
    """part / whole, 0 where whole is 0."""
    return np.divide(part, whole, out=np.zeros_like(part, dtype=np.float64), where=whole != 0)


def _one_of(what: str, name: str, known: tuple[str, ...]) -> str:
    if name not in known:
        raise checks.unknown(what, name, known)
    return name

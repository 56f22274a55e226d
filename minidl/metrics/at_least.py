"""The best of one share of right answers where another comes to a given value."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.metrics.arguments import chosen_once
from minidl.metrics.results import results
from minidl.metrics.thresholds import ThresholdMetric, evenly, share
from minidl.names.register import register


class _AtLeast(ThresholdMetric):
    """Base of metrics that choose the best threshold under a condition.

    Args:
        value: the least value of another share, in [0, 1].
        num_thresholds: so many equidistant thresholds are tried.
        class_id: only this column counts; None: all do.
        name: the key in a History.
    """

    direction = "up"
    num_thresholds: Any = checks.Attribute(chosen_once)
    class_id: Any = checks.Attribute(chosen_once)
    _wanted = _sought = ""

    def __init__(
        self, value: float, num_thresholds: int, class_id: int | None, name: str | None
    ) -> None:
        number = checks.integer("num_thresholds", num_thresholds, 1)
        super().__init__(name, evenly(number))
        setattr(self, self._wanted, value)
        self.num_thresholds = number
        self.class_id = None if class_id is None else checks.integer("class_id", class_id, 0)
        self._class_id = self.class_id

    def result(self) -> Any:
        """The largest share sought, of the thresholds at which the condition holds; else 0."""
        cases = self.cases()
        demanded, sought = (
            share(*(getattr(cases, name) for name in _CASES[each]))
            for each in (self._wanted, self._sought)
        )
        return results(
            np.max(np.where(demanded >= getattr(self, self._wanted), sought, 0), initial=0)
        )


#: Each is the share of the first case among both.
_CASES = {
    "sensitivity": ("true_positives", "false_negatives"),
    "specificity": ("true_negatives", "false_positives"),
    "precision": ("true_positives", "false_positives"),
    "recall": ("true_positives", "false_negatives"),
}


@register
class SensitivityAtSpecificity(_AtLeast):
    """The largest sensitivity of the thresholds at which the specificity is at least a value.

    Sensitivity and recall are TP / (TP + FN), specificity is TN / (TN + FP), precision is
    TP / (TP + FP). 0 where no threshold will do.

    Args:
        specificity: the value, in [0, 1].
        num_thresholds: so many equidistant thresholds are tried; default 200.
        class_id: only this column counts; default None: all do.
        name: the key in a History; default "sensitivity_at_specificity", numbered.
        dtype: as for :class:`Metric`.
    """

    _wanted, _sought = "specificity", "sensitivity"
    specificity: Any = checks.number(0, 1, "[]")

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name)
        self.dtype = dtype


@register
class SpecificityAtSensitivity(_AtLeast):
    """The largest specificity of the thresholds at which the sensitivity is at least a value.

    Sensitivity and recall are TP / (TP + FN), specificity is TN / (TN + FP), precision is
    TP / (TP + FP). 0 where no threshold will do.

    Args:
        sensitivity: the value, in [0, 1].
        num_thresholds: so many equidistant thresholds are tried; default 200.
        class_id: only this column counts; default None: all do.
        name: the key in a History; default "specificity_at_sensitivity", numbered.
        dtype: as for :class:`Metric`.
    """

    _wanted, _sought = "sensitivity", "specificity"
    sensitivity: Any = checks.number(0, 1, "[]")

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name)
        self.dtype = dtype


@register
class PrecisionAtRecall(_AtLeast):
    """The largest precision of the thresholds at which the recall is at least a value.

    Sensitivity and recall are TP / (TP + FN), specificity is TN / (TN + FP), precision is
    TP / (TP + FP). 0 where no threshold will do.

    Args:
        recall: the value, in [0, 1].
        num_thresholds: so many equidistant thresholds are tried; default 200.
        class_id: only this column counts; default None: all do.
        name: the key in a History; default "precision_at_recall", numbered.
        dtype: as for :class:`Metric`.
    """

    _wanted, _sought = "recall", "precision"
    recall: Any = checks.number(0, 1, "[]")

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name)
        self.dtype = dtype


@register
class RecallAtPrecision(_AtLeast):
    """The largest recall of the thresholds at which the precision is at least a value.

    Sensitivity and recall are TP / (TP + FN), specificity is TN / (TN + FP), precision is
    TP / (TP + FP). 0 where no threshold will do.

    Args:
        precision: the value, in [0, 1].
        num_thresholds: so many equidistant thresholds are tried; default 200.
        class_id: only this column counts; default None: all do.
        name: the key in a History; default "recall_at_precision", numbered.
        dtype: as for :class:`Metric`.
    """

    _wanted, _sought = "precision", "recall"
    precision: Any = checks.number(0, 1, "[]")

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name)
        self.dtype = dtype

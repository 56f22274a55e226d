"""Counts of right and wrong yes and no, and shares made from the counts."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.metrics.arguments import chosen_once
from minidl.metrics.arrays import Meaning
from minidl.metrics.results import results
from minidl.metrics.thresholds import ThresholdMetric, checked, share
from minidl.names.register import register


class _Count(ThresholdMetric):
    """Base of the four counts.

    Args:
        thresholds: a number in [0, 1] or several; default .5. Of several the result is an array.
        dtype: as for :class:`Metric`.
        name: the key in a History.
    """

    direction = None
    thresholds: Any = checks.Attribute(chosen_once)

    def __init__(self, thresholds: Any = None, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(name, checked(thresholds, 0.5))
        self.thresholds, self.dtype = thresholds, dtype

    def result(self) -> Any:
        """The weights of the elements counted: a number, or an array for several thresholds."""
        found = getattr(self.cases(), self._used[0])
        return results(found[0] if len(found) == 1 else found)


@register
class TruePositives(_Count):
    """Number, or weight, of predictions above the threshold whose target is a yes.

    Args:
        thresholds: a number in [0, 1] or several; default .5. Of several the result is an array.
        dtype: as for :class:`Metric`.
        name: the key in a History; default "true_positives", numbered.
    """

    _used = ("true_positives",)


@register
class FalsePositives(_Count):
    """Number, or weight, of predictions above the threshold whose target is a no.

    Args:
        thresholds: a number in [0, 1] or several; default .5. Of several the result is an array.
        dtype: as for :class:`Metric`.
        name: the key in a History; default "false_positives", numbered.
    """

    _used = ("false_positives",)


@register
class TrueNegatives(_Count):
    """Number, or weight, of predictions not above the threshold whose target is a no.

    Args:
        thresholds: a number in [0, 1] or several; default .5. Of several the result is an array.
        dtype: as for :class:`Metric`.
        name: the key in a History; default "true_negatives", numbered.
    """

    _used = ("true_negatives",)


@register
class FalseNegatives(_Count):
    """Number, or weight, of predictions not above the threshold whose target is a yes.

    Args:
        thresholds: a number in [0, 1] or several; default .5. Of several the result is an array.
        dtype: as for :class:`Metric`.
        name: the key in a History; default "false_negatives", numbered.
    """

    _used = ("false_negatives",)


class _Share(ThresholdMetric):
    """Base of precision and recall.

    Args:
        thresholds: a number in [0, 1] or several; default .5, and with ``top_k`` none.
        top_k: only the k largest predictions of a row say yes; default None: all may.
        class_id: only this column counts; default None: all do.
        dtype: as for :class:`Metric`.
        name: the key in a History.
    """

    thresholds: Any = checks.Attribute(chosen_once)
    top_k: Any = checks.Attribute(chosen_once)
    class_id: Any = checks.Attribute(chosen_once)

    def __init__(
        self,
        thresholds: Any = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        # Predictions not among the largest are set to -10¹⁰, below any threshold.
        super().__init__(name, checked(thresholds, 0.5 if top_k is None else -1e10))
        self.thresholds, self.dtype = thresholds, dtype
        self.top_k = None if top_k is None else checks.integer("top_k", top_k, 1)
        self.class_id = None if class_id is None else checks.integer("class_id", class_id, 0)
        self._top_k, self._class_id = self.top_k, self.class_id
        if top_k is not None:  # of predictions (n,) the largest say yes
            self._meaning = Meaning(one_row=True)

    def result(self) -> Any:
        """The share, 0 where it has no meaning: a number, or an array for several thresholds."""
        cases = self.cases()
        found = share(*(getattr(cases, name) for name in self._used))
        return results(found[0] if len(found) == 1 else found)


@register
class Precision(_Share):
    """TP / (TP + FP): of all predictions that say yes, the share with a yes as target.

    Args:
        thresholds: a number in [0, 1] or several; default .5, and with ``top_k`` none.
        top_k: only the k largest predictions of a row say yes; default None: all may.
        class_id: only this column counts; default None: all do.
        dtype: as for :class:`Metric`.
        name: the key in a History; default "precision", numbered.
    """

    _used = "true_positives", "false_positives"


@register
class Recall(_Share):
    """TP / (TP + FN): of all that is a yes, the share to which the predictions say yes.

    Args:
        thresholds: a number in [0, 1] or several; default .5, and with ``top_k`` none.
        top_k: only the k largest predictions of a row say yes; default None: all may.
        class_id: only this column counts; default None: all do.
        dtype: as for :class:`Metric`.
        name: the key in a History; default "recall", numbered.
    """

    _used = "true_positives", "false_negatives"

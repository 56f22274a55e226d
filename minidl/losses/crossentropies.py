"""Cross-entropies: the value of each row, and its gradient at the predictions."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.backend import Backend
from minidl.kernels import losses as kernels
from minidl.kernels import probabilities, soft_targets, sums
from minidl.losses import clipped
from minidl.losses.arguments import along_units
from minidl.losses.base import Loss
from minidl.names.register import register


class Crossentropy(Loss):
    """The base of cross-entropies, on rows of K classes."""

    labels = "rows"
    activation: str | None = "softmax"
    #: Classes that share the targets of a row; None for one for each unit.
    classes: int | None = None
    label_smoothing: Any = checks.number(0, 1, "[]")
    axis: Any = checks.Attribute(along_units)

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        **options: Any,
    ) -> None:
        super().__init__(from_logits, **options)
        self.label_smoothing, self.axis = label_smoothing, axis

    def prepare(self, t: Any) -> None:
        """Move targets (N, units) towards the mean of their classes, in place."""
        if self.label_smoothing:
            soft_targets.smoothed(t, self.label_smoothing, self.classes or t.shape[1], out=t)


@register
class CategoricalCrossentropy(Crossentropy):
    """L = -Σ_k t_k log p_k for targets that are rows of numbers, probabilities as a rule.

    Probabilities p are divided by their row's sum first, which is 1 after a softmax. Targets are
    taken as they are: a one-hot row times a return is the step of a policy gradient.

    Args:
        from_logits: whether predictions come before their softmax; default False.
        label_smoothing: s, default 0: t (1 - s) + s / K stands in the place of t.
        axis: -1, the axis of the classes.
        options: ``reduction``, ``name`` and ``dtype`` as for :class:`Loss`.
    """

    #: True if rows of targets may have another sum than 1.
    any_sum = True

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any) -> None:
        super().bind(rows, units, backend, dtype)
        self._p, self._work = (backend.xp.empty((rows, units), dtype) for _ in range(2))
        self._row, self._other = (backend.xp.empty((rows, 1), dtype) for _ in range(2))

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        p, work, row = self._p[: len(t)], self._work[: len(t)], self._row[: len(t)]
        if self.from_logits:
            kernels.softmax_crossentropy_forward(predictions, t, p, work, row, out)
            if self.any_sum:
                soft_targets.surplus_forward(t, row, self._other[: len(t)], out)
        else:
            probabilities.shares_forward(predictions, row, out=p)
            probabilities.crossentropy_forward(p, t, out=work)
            sums.sum_units(work, out=out)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        p, work, row = self._p[: len(t)], self._work[: len(t)], self._row[: len(t)]
        if self.from_logits:
            kernels.softmax_crossentropy_backward(p, t, out=out)
            if self.any_sum:
                soft_targets.surplus_backward(p, self._other[: len(t)], work, out)
        else:
            probabilities.crossentropy_backward(p, t, out=out)
            probabilities.shares_backward(out, p, row, work, self._other[: len(t)])


@register
class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """L = -log p_y for targets that are class numbers.

    Probabilities are kept within [1e-7, 1 - 1e-7], then divided by their row's sum.

    Args:
        from_logits: whether predictions come before their softmax; default False.
        ignore_class: None; rows are left out by a ``sample_weight`` of 0.
        axis: -1, the axis of the classes.
        label_smoothing: s, default 0: t (1 - s) + s / K stands in the place of t, the row that is 1
            at the class y and else 0. Keras's class has none.
        options: ``reduction``, ``name`` and ``dtype`` as for :class:`Loss`.

    Examples:
        >>> loss = SparseCategoricalCrossentropy()
        >>> round(loss([1], [[0.25, 0.75]]), 4)  # -log 0.75
        0.2877
    """

    labels = "integers"
    any_sum = False
    ignore_class: Any = checks.only_none("and a sample_weight of 0 for rows that do not count")

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: None = None,
        axis: int = -1,
        *,
        label_smoothing: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, **options)
        self.ignore_class = ignore_class

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        if self.from_logits:
            super().row_losses(predictions, t, out)
        else:
            clipped.forward(self, predictions, t, out)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        if self.from_logits:
            super().row_gradients(predictions, t, out)
        else:
            clipped.backward(self, predictions, t, out)


@register("bce")
class BinaryCrossentropy(Crossentropy):
    """L = -t log p - (1 - t) log(1 - p), the mean over the units, for targets 0 and 1.

    Args:
        from_logits: whether predictions come before their sigmoid; default False.
        label_smoothing: s, default 0: t (1 - s) + s / 2 stands in the place of t.
        axis: -1, the axis of the units.
        options: ``reduction``, ``name`` and ``dtype`` as for :class:`Loss`.
    """

    labels = "binary"
    activation = "sigmoid"
    classes = 2

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any) -> None:
        super().bind(rows, units, backend, dtype)
        self._work = backend.xp.empty((rows, units), dtype)

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        work = self._work[: len(t)]
        if self.from_logits:
            kernels.sigmoid_crossentropy_forward(predictions, t, out=work)
        else:
            probabilities.binary_crossentropy_forward(predictions, t, out=work)
        sums.mean_units(work, out=out)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        if self.from_logits:
            kernels.sigmoid_crossentropy_backward(predictions, t, t.shape[1], out=out)
        else:
            probabilities.binary_crossentropy_backward(predictions, t, t.shape[1], out=out)

"""Focal cross-entropies, for classes of which one is rare."""

from __future__ import annotations

import copy
from typing import Any

from minidl import checks
from minidl.backend import Backend
from minidl.kernels import activations, focal, probabilities, sums
from minidl.losses.base import Loss
from minidl.losses.crossentropies import BinaryCrossentropy, Crossentropy
from minidl.losses.distances import UnitMean
from minidl.names.register import register


@register
class BinaryFocalCrossentropy(UnitMean, BinaryCrossentropy):
    """L = w q^γ (-t log p - (1 - t) log(1 - p)), q = t (1 - p) + (1 - t) p, the units' mean.

    Args:
        apply_class_balancing: True for w = α t + (1 - α)(1 - t); default False, w = 1.
        alpha: α, within [0, 1], default .25.
        gamma: γ, >= 0, default 2: the larger, the less count elements that are right already.
        from_logits: whether predictions come before their sigmoid; default False.
        label_smoothing: s, default 0: t (1 - s) + s / 2 stands in the place of t.
        axis: -1, the axis of the units.
        options: ``reduction``, ``name`` and ``dtype`` as for :class:`Loss`.
    """

    apply_class_balancing: Any = checks.flag()
    alpha: Any = checks.number(0, 1, "[]")
    gamma: Any = checks.number(0)

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        **options: Any,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, **options)
        self.apply_class_balancing = apply_class_balancing
        self.alpha, self.gamma = alpha, gamma

    def kernels(self) -> tuple[Any, ...]:
        weights = (self.alpha, 1 - self.alpha) if self.apply_class_balancing else (1.0, 1.0)
        forward, backward = focal.binary_focal_forward, focal.binary_focal_backward
        if self.from_logits:
            forward, backward = focal.sigmoid_focal_forward, focal.sigmoid_focal_backward
        return forward, backward, self.gamma, *weights


@register
class CategoricalFocalCrossentropy(Crossentropy):
    """L = -α Σ_k (1 - p_k)^γ t_k log p_k for targets that are rows of probabilities.

    Probabilities are divided by their row's sum, then kept within [1e-7, 1 - 1e-7].

    Args:
        alpha: α, >= 0, default .25.
        gamma: γ, >= 0, default 2: the larger, the less count rows that are right already.
        from_logits: whether predictions come before their softmax; default False.
        label_smoothing: s, default 0: t (1 - s) + s / K stands in the place of t.
        axis: -1, the axis of the classes.
        options: ``reduction``, ``name`` and ``dtype`` as for :class:`Loss`.
    """

    alpha: Any = checks.number(0)
    gamma: Any = checks.number(0)

    def __init__(
        self,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        **options: Any,
    ) -> None:
        super().__init__(from_logits, label_smoothing, axis, **options)
        self.alpha, self.gamma = alpha, gamma

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any) -> None:
        super().bind(rows, units, backend, dtype)
        self._p, self._work = (backend.xp.empty((rows, units), dtype) for _ in range(2))
        self._row, self._other = (backend.xp.empty((rows, 1), dtype) for _ in range(2))

    def joined_to(self, network: Any) -> Loss:
        """A copy; as in Keras, the loss takes the outputs of a softmax and not its logits."""
        return copy.copy(self)

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        p, work, row = self._p[: len(t)], self._work[: len(t)], self._row[: len(t)]
        shares = activations.softmax_forward if self.from_logits else probabilities.shares_forward
        shares(predictions, row, p)
        focal.categorical_focal_forward(p, t, self.alpha, self.gamma, out=work)
        sums.sum_units(work, out=out)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        p, work, row = self._p[: len(t)], self._work[: len(t)], self._row[: len(t)]
        if self.from_logits:
            focal.categorical_focal_backward(p, t, self.alpha, self.gamma, out=work)
            activations.softmax_backward(work, p, row, out)
        else:
            focal.categorical_focal_backward(p, t, self.alpha, self.gamma, out=out)
            probabilities.shares_backward(out, p, row, work, self._other[: len(t)])

"""The losses: the value of each row, and its gradient at the predictions."""

from __future__ import annotations

from typing import Any

from minidl.kernels import losses as kernels
from minidl.kernels import measures
from minidl.losses.base import Loss
from minidl.register import register


@register
class CategoricalCrossentropy(Loss):
    """L = -Σ_k t_k log p_k for targets that are rows of probabilities (one-hot, say)."""

    labels = "rows"
    activation = "softmax"

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        work = self._work[: len(t)]
        if self.from_logits:
            kernels.softmax_crossentropy_forward(
                predictions, t, self._p[: len(t)], work, self._row[: len(t)], out
            )
        else:
            kernels.crossentropy_forward(predictions, t, out=work)
            measures.sum_units(work, out=out)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        if self.from_logits:
            kernels.softmax_crossentropy_backward(self._p[: len(t)], t, out=out)
        else:
            kernels.crossentropy_backward(predictions, t, out=out)


@register
class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """L = -log p_y for targets that are class numbers."""

    labels = "integers"


class _UnitMean(Loss):
    """A row's loss is the mean over its units of an elementwise loss."""

    def _kernels(self) -> tuple[Any, Any]:
        raise NotImplementedError

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        work = self._work[: len(t)]
        self._kernels()[0](predictions, t, out=work)
        measures.mean_units(work, out=out)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        self._kernels()[1](predictions, t, t.shape[1], out=out)


@register
class BinaryCrossentropy(_UnitMean):
    """L = -t log p - (1 - t) log(1 - p), the mean over the units, for targets 0 and 1."""

    labels = "binary"
    activation = "sigmoid"

    def _kernels(self) -> tuple[Any, Any]:
        if self.from_logits:
            return kernels.sigmoid_crossentropy_forward, kernels.sigmoid_crossentropy_backward
        return kernels.binary_crossentropy_forward, kernels.binary_crossentropy_backward


@register("mse")
class MeanSquaredError(_UnitMean):
    """L = (y - t)², the mean over the units."""

    def __init__(self) -> None:
        super().__init__()

    def _kernels(self) -> tuple[Any, Any]:
        return kernels.squared_error_forward, kernels.squared_error_backward

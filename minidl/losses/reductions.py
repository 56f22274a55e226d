"""Reductions of a batch's losses other than the mean: Keras's ``reduction`` of a loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl.backend.array import Number
from minidl.kernels import counts, sums

if TYPE_CHECKING:
    from minidl.losses.base import Loss

#: The default; "mean" is the same.
MEAN = "sum_over_batch_size"
MEANS = (MEAN, "mean")
_BY_WEIGHT = "mean_with_sample_weight"
#: Reductions to one number; none leaves a number for each row.
REDUCING = (*MEANS, "sum", _BY_WEIGHT)
NONE = ("none", None)


def value(loss: Loss, losses: Any, weights: Any) -> Any:
    """The number of a batch, 0-d, in the loss's buffer, for a reduction that is not in MEANS.

    Args:
        loss: bound.
        losses: (N, 1), weighted.
        weights: (N, 1), or None.

    Raises:
        ValueError: the loss keeps one number a row.
    """
    out = loss._value
    if loss.reduction in NONE:
        raise ValueError(one_number(loss))
    if loss.reduction == _BY_WEIGHT and weights is None:
        sums.mean_all(losses, out=out)
    else:
        sums.sum_all(losses, out=out)
    if loss.reduction == _BY_WEIGHT and weights is not None:
        counts.one_by_sum(weights, loss._weightless, out=loss._share)
        sums.scale(out, loss._share, out=out)
    return out if loss.weight == 1 else sums.scale(out, loss.weight, out=out)


def gradient(loss: Loss, d: Any, weights: Any) -> Any:
    """The gradient of :func:`value`, written over the rows' weighted gradients, (N, units)."""
    factor = float(loss.weight)
    if loss.reduction == _BY_WEIGHT and weights is not None:
        sums.scale(d, loss._share, out=d)
    elif loss.reduction != "sum":
        factor = factor / len(d)
    return d if factor == 1 else sums.scale(d, factor, out=d)


def of_arrays(loss: Loss, losses: Any, weights: Any) -> Any:
    """The number for the rows' weighted losses (N,); with the reduction "none" the losses."""
    if loss.reduction in NONE:
        return losses
    if loss.reduction == "sum":
        return Number(losses.sum())
    if loss.reduction == _BY_WEIGHT and weights is not None:
        total = float(weights.sum())
        return Number(float(losses.sum()) / total if total else 0.0)
    return Number(losses.mean())


def one_number(loss: Loss) -> str:
    """The message that a loss for each row cannot be trained on."""
    return (
        f"{type(loss).__name__}(reduction={loss.reduction!r}) keeps a loss for each row; expected "
        "one number to train on, such as the mean: leave out reduction"
    )

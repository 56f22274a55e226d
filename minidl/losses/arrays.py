"""A loss of arrays from the user: checked, converted, and computed row by row."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl import checks
from minidl.backend import current
from minidl.backend.array import Array
from minidl.backend.floatx import in_floats
from minidl.losses import reductions

if TYPE_CHECKING:
    from minidl.losses.base import Loss


def call(loss: Loss, y_true: Any, y_pred: Any, sample_weight: Any) -> Any:
    """The loss as a number, or the loss of each row with the reduction "none".

    Args:
        loss: any loss; if the class defines ``call``, this method gives the losses of rows.
        y_true, y_pred: as for :func:`evaluate`.
        sample_weight: as for :func:`fitting`; None for weights of 1.
    """
    own = getattr(loss, "call", None)
    losses = evaluate(loss, y_true, y_pred) if own is None else own(y_true, y_pred)
    losses, weights = current().xp.asarray(losses), sample_weight
    if weights is not None:
        weights = current().to_device(checks.array("sample_weight", weights))
        weights = fitting(weights, losses)
        losses = losses * weights
    return reductions.of_arrays(loss, losses, weights)


def evaluate(loss: Loss, y_true: Any, y_pred: Any) -> Any:
    """The loss of each row: the given loss stays unchanged, a copy computes.

    Args:
        loss: any loss.
        y_true: targets, in the form of the loss.
        y_pred: predictions (..., units). A vector is one row, with a 0-d loss; beside a matrix of
            targets a vector is a column.

    Returns:
        An array of the predictions' shape without the last axis.

    Raises:
        TypeError: predictions that are not numbers, or class numbers that are not whole.
        ValueError: another shape, or class numbers beyond the units.
    """
    loss = copy.copy(loss)
    loss.reduction = reductions.MEAN
    backend = current()
    predictions = in_floats(backend.to_device(checks.array("predictions", y_pred)))
    targets = backend.to_device(checks.array("targets", y_true))
    if predictions.ndim == 1 and targets.ndim == 2:
        predictions = predictions.reshape(-1, 1)
    if 0 in predictions.shape or predictions.ndim == 0:
        raise ValueError(f"expected predictions (N, units), received shape {predictions.shape}")
    *rows, units = predictions.shape
    axis = getattr(loss, "axis", -1)
    if axis != -1 and len(rows) != 1:
        raise ValueError(
            f"axis: expected -1, the axis of the units, for predictions of shape "
            f"{predictions.shape}, received {axis}"
        )
    predictions = backend.xp.ascontiguousarray(predictions.reshape(-1, units))
    if loss.labels == "integers":
        targets = checks.whole("class numbers", targets)
        if bool(((targets < 0) | (targets >= units)).any()):
            raise ValueError(
                f"expected class numbers 0 … {units - 1}, received {targets.min()} … "
                f"{targets.max()}"
            )
    ends = ((), (1,)) if loss.labels == "integers" or units == 1 else ((units,),)
    if targets.shape not in [(*rows, *end) for end in ends]:
        raise ValueError(
            f"{type(loss).__name__}: expected targets of shape {(*rows, *ends[0])}, received "
            f"{targets.shape}"
        )
    loss.bind(len(predictions), units, backend, predictions.dtype)
    loss.forward(predictions, targets.reshape(len(predictions), -1))
    found = loss._losses[: len(predictions), 0].copy().reshape(rows)
    return found.view(Array) if isinstance(found, np.ndarray) else found


def fitting(weights: Any, losses: Any) -> Any:
    """Weights of losses, of their shape: a number, or one for each row, may stand for several.

    Raises:
        ValueError: weights that do not fit.
    """
    given = weights.shape
    if weights.ndim == losses.ndim + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    while 0 < weights.ndim < losses.ndim:
        weights = weights[..., None]
    try:
        return current().xp.broadcast_to(weights, losses.shape)
    except ValueError:
        hint = "" if losses.ndim else "; vectors are one row: reshape them to (-1, 1) for several"
        raise ValueError(
            f"sample_weight: expected a weight for each of the losses {losses.shape}, received "
            f"{given}{hint}"
        ) from None

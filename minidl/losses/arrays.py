"""A loss of arrays from the user: checked, converted, and computed row by row."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from minidl import checks
from minidl.backend import current, floating

if TYPE_CHECKING:
    from minidl.losses.base import Loss


def evaluate(loss: Loss, y_true: Any, y_pred: Any) -> Any:
    """The loss of each row, (N,): the given loss stays unchanged, a copy computes.

    Args:
        loss: any loss.
        y_true: targets, as the loss takes them.
        y_pred: predictions (N, units); (N,) means one unit.

    Raises:
        TypeError: predictions that are not numbers, or class numbers that are not whole.
        ValueError: another shape, or class numbers beyond the units.
    """
    loss = copy.copy(loss)
    backend = current()
    predictions = backend.to_device(y_pred)
    if predictions.dtype.kind not in "biuf":
        raise TypeError(f"expected predictions that are numbers, received {predictions.dtype}")
    if predictions.dtype.char not in "fd" or not predictions.dtype.isnative:
        predictions = predictions.astype(floating())
    predictions = backend.xp.ascontiguousarray(predictions)
    targets = backend.to_device(y_true)
    if predictions.ndim == 1:
        predictions = predictions.reshape(-1, 1)
    if predictions.ndim != 2:
        raise ValueError(f"expected predictions (N, units), received shape {predictions.shape}")
    rows, units = predictions.shape
    if loss.labels == "integers":
        targets = checks.whole("class numbers", targets)
    if loss.labels == "integers" and bool(((targets < 0) | (targets >= units)).any()):
        raise ValueError(
            f"expected class numbers 0 … {units - 1}, received {targets.min()} … {targets.max()}"
        )
    loss.bind(rows, units, backend, predictions.dtype)
    loss.forward(predictions, targets)
    return loss._losses[: len(predictions), 0].copy()

"""Arrays that a user hands to a metric: checked, and brought to rows of units."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from minidl import checks
from minidl.backend import current
from minidl.backend.floatx import in_floats


class Meaning(NamedTuple):
    """The meaning of the arrays that a metric takes.

    Attributes:
        one_row: True if predictions (n,) are one row of n units, False for n rows of one unit.
        numbers: True if targets are class numbers.
        broadcasts: True if a row's one target may stand for each unit.
        within: True if each class number is the number of a unit.
    """

    one_row: bool = False
    numbers: bool = False
    broadcasts: bool = False
    within: bool = False


def given(
    name: str, meaning: Meaning, y_true: Any, y_pred: Any, sample_weight: Any
) -> tuple[Any, Any, Any]:
    """Predictions (N, units), targets (N, units) or (N, 1), and weights (N, 1), (N, units) or None.

    Of more than two axes all but the last count rows.

    Args:
        name: of the metric, for messages.
        meaning: of the arrays.
        y_true, y_pred, sample_weight: as for ``update_state``.

    Raises:
        TypeError: not numbers.
        ValueError: no rows, shapes that do not fit together, or class numbers of no unit.
    """
    device = current().to_device
    p, y = (device(checks.array(name, each)) for each in (y_pred, y_true))
    p = in_floats(p)
    single = p.ndim < 2 and p.shape
    shapes = f"predictions {p.shape} and targets {y.shape}"
    if p.ndim < 2 and y.ndim == 2 and y.shape[-1] == 1:
        p = p.reshape(-1, 1)
    if p.ndim < 2:
        p = p.reshape((1, -1) if meaning.one_row and not meaning.numbers else (-1, 1))
        y = y.reshape((1, -1) if meaning.one_row and not meaning.numbers else (-1, 1))
    if 0 in p.shape:
        raise ValueError(f"{name}: expected rows of numbers, received {shapes}")
    leading = p.shape[:-1]
    p = current().xp.ascontiguousarray(p.reshape(-1, p.shape[-1]))
    rows, units = p.shape
    if y.size == rows and (meaning.numbers or units == 1 or meaning.broadcasts):
        y = y.reshape(rows, 1)
    elif meaning.numbers or y.shape[-1:] != (units,) or y.size != p.size:
        wanted = "a class number for each row" if meaning.numbers else "targets of the same shape"
        raise ValueError(
            f"{name}: expected arrays that fit together, predictions with {wanted}, received "
            f"{shapes}"
        )
    y = y.reshape(rows, -1)
    if meaning.numbers:
        y = checks.whole(f"{name}: class numbers", y)
        if meaning.within and bool(((y < 0) | (y >= units)).any()):
            raise ValueError(
                f"{name}: expected class numbers 0 … {units - 1}, received {y.min()} … {y.max()}"
            )
    weight = None
    if sample_weight is not None:
        weight = device(checks.array(name, sample_weight))
        if single and weight.shape == single:
            weight = weight.reshape(p.shape)
        weight = _weights(name, weight, leading, units)
        weight = weight.astype(p.dtype)
    return p, y, weight


def as_given(y: Any, predictions: Any) -> Any:
    """Targets as users write them: class numbers (N,) in the place of (N, 1)."""
    column = y.ndim == 2 and y.shape[1] == 1 and predictions.shape[1] > 1
    return y.reshape(-1) if column else y


def _weights(name: str, weight: Any, leading: tuple[int, ...], units: int) -> Any:
    """Weights (N, 1), or (N, units), of numbers for rows of the given axes."""
    xp = current().xp
    rows = math.prod(leading)
    if weight.shape == (*leading, 1):
        return xp.ascontiguousarray(weight).reshape(rows, 1)
    for shape in (leading, (*leading, units)):
        # One weight may stand for all, or for all units of a row, or of rows that belong together.
        fits = weight
        while fits.ndim < len(shape):
            fits = fits[..., None]
        try:
            full = xp.broadcast_to(fits, shape)
        except ValueError:
            continue
        return xp.ascontiguousarray(full).reshape(rows, -1)
    raise ValueError(
        f"{name}: expected a weight for each of {rows} rows, received weights {weight.shape}"
    )

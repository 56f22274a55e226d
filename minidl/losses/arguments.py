"""Checks of the arguments of losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minidl import checks
from minidl.losses.reductions import NONE, REDUCING

if TYPE_CHECKING:
    from minidl.losses.base import Loss


def on_logits(loss: Any, name: str, value: Any) -> bool:
    """True for predictions that are logits.

    Raises:
        TypeError: neither True nor False.
        ValueError: True for a loss that is not computed from logits.
    """
    given = checks.truth(name, value)
    if given and loss.activation is None:
        raise ValueError(
            f"from_logits: expected False, because {type(loss).__name__} has no form on logits, "
            f"received {value!r}"
        )
    return given


def known_reduction(loss: Any, name: str, value: Any) -> str | None:
    """``value`` as a reduction.

    Raises:
        ValueError: unknown.
    """
    if isinstance(value, str | None) and value in (*REDUCING, *NONE):
        return value
    raise ValueError(f"{name}: expected one of {', '.join(REDUCING)}, none, received {value!r}")


def along_units(loss: Any, name: str, axis: Any) -> int:
    """The axis of the units, of rows (N, units): -1 or 1.

    Raises:
        ValueError: another axis.
    """
    if isinstance(axis, bool) or axis not in (-1, 1):
        raise ValueError(f"{name}: expected -1, the axis of the units, received {axis!r}")
    return int(axis)


def fitting(loss: Loss, y: Any, rows: int, units: int) -> None:
    """Refuse targets that do not fit predictions (rows, units).

    Raises:
        ValueError: targets of another shape.
    """
    shapes = ((rows, 1), (rows,)) if loss.labels == "integers" else ((rows, units),)
    if y.shape not in shapes and not (units == 1 and y.shape == (rows,)):
        raise ValueError(
            f"{type(loss).__name__}: expected targets of shape {shapes[-1]}, received {y.shape}"
        )

"""Checks of the arguments of metrics, and of attributes that are set later."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.backend.floatx import FLOATS


def _precision(metric: Any, name: str, value: Any) -> Any:
    if value is not None and getattr(value, "__name__", str(value)) not in FLOATS:
        raise ValueError(
            f"{name}: expected one of {FLOATS} or None, because sums are of float64, received "
            f"{value!r}"
        )
    return value


def precision() -> Any:
    """An attribute, the least precision of the sums."""
    return checks.Attribute(_precision)


def chosen_once(metric: Any, name: str, value: Any) -> Any:
    """A value that is chosen when a metric is made.

    Raises:
        AttributeError: the metric has the value already.
    """
    if name in vars(metric):
        raise AttributeError(
            f"{name} is chosen when a metric is made; expected a new metric, and compile with it"
        )
    return value

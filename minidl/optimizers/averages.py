"""A moving average of the parameters, which may take their place."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.kernels import averaging


def checked(optimizer: Any, name: str, value: Any) -> int | None:
    """The check of ``ema_overwrite_frequency``: at least 1, or None."""
    return None if value is None else checks.integer(name, value, 1)


def average(optimizer: Any, theta: Any) -> None:
    """Let the average follow ``theta``; overwrite ``theta`` where that is due."""
    moving, done = optimizer.state["moving_average"], int(optimizer.iterations)
    momentum = optimizer.ema_momentum if done else 0.0
    averaging.moving_average(moving, theta, momentum, out=moving)
    every = optimizer.ema_overwrite_frequency
    if every and (done + 1) % every == 0:
        averaging.overwrite(moving, out=theta)

"""Learning rates that fall with the time step / decay_steps: the base, and the exponential."""

from __future__ import annotations

import math
from typing import Any

from minidl import checks
from minidl.names.register import register
from minidl.optimizers.schedule import LearningRateSchedule


class TimedDecay(LearningRateSchedule):
    """Base of rates that fall with the time step / decay_steps; with ``staircase`` rounded down.

    A class gives ``decay_rate`` a range and defines ``_rate``.
    """

    initial_learning_rate = checks.number(0)
    decay_steps = checks.number(0, ends="()")
    decay_rate: Any
    staircase = checks.flag()

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str | None = None,
    ) -> None:
        self.name = name
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase

    def _time(self, step: float) -> float:
        time: float = step / self.decay_steps
        return math.floor(time) if self.staircase else time


@register
class ExponentialDecay(TimedDecay):
    """initial · decay_rate^(step / decay_steps); with ``staircase`` the power is rounded down.

    Args:
        initial_learning_rate: >= 0.
        decay_steps: > 0, steps until the rate has been multiplied once by decay_rate.
        decay_rate: > 0.
        staircase: whether the rate falls in steps instead of smoothly; default False.
    """

    decay_rate = checks.number(0, ends="()")

    def _rate(self, step: float) -> float:
        try:
            return float(self.initial_learning_rate * self.decay_rate ** self._time(step))
        except OverflowError:  # Python's power, where NumPy's is infinite
            return math.inf

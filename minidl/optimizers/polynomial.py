"""Learning rates that fall as a polynomial of the time, or as one over it."""

from __future__ import annotations

import math

from minidl import checks
from minidl.names.register import register
from minidl.optimizers.exponential import TimedDecay
from minidl.optimizers.schedule import LearningRateSchedule


@register
class PolynomialDecay(LearningRateSchedule):
    """(initial - end) · (1 - step / decay_steps)^power + end, and ``end`` from decay_steps on.

    Args:
        initial_learning_rate: >= 0.
        decay_steps: > 0.
        end_learning_rate: >= 0, default 1e-4.
        power: > 0, default 1 (linear).
        cycle: True stretches decay_steps to the next multiple instead of staying at the end.
    """

    initial_learning_rate = checks.number(0)
    decay_steps = checks.number(0, ends="()")
    end_learning_rate = checks.number(0)
    power = checks.number(0, ends="()")
    cycle = checks.flag()

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 1e-4,
        power: float = 1.0,
        cycle: bool = False,
        name: str | None = None,
    ) -> None:
        self.name = name
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle

    def _rate(self, step: float) -> float:
        decay_steps = self.decay_steps
        if self.cycle:
            decay_steps *= max(1, math.ceil(step / decay_steps))
        left = 1 - min(step, decay_steps) / decay_steps
        span = self.initial_learning_rate - self.end_learning_rate
        return float(span * left**self.power + self.end_learning_rate)


@register
class InverseTimeDecay(TimedDecay):
    """initial / (1 + decay_rate · step / decay_steps); with ``staircase`` rounded down.

    Args:
        initial_learning_rate: >= 0.
        decay_steps: > 0.
        decay_rate: >= 0.
        staircase: whether step / decay_steps is rounded down; default False.
    """

    decay_rate = checks.number(0)

    def _rate(self, step: float) -> float:
        return float(self.initial_learning_rate / (1 + self.decay_rate * self._time(step)))

"""Learning rates that change with the step: functions of the step, computed on the host.

Step 0 is the first update. Formulas and argument names are Keras's.
"""

from __future__ import annotations

import math

from minidl import checks
from minidl.optimizers.cosine import CosineDecay, CosineDecayRestarts
from minidl.optimizers.piecewise import PiecewiseConstantDecay
from minidl.optimizers.polynomial import InverseTimeDecay, PolynomialDecay
from minidl.optimizers.schedule import LearningRateSchedule
from minidl.register import register

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
]


@register
class ExponentialDecay(LearningRateSchedule):
    """initial · decay_rate^(step / decay_steps); with ``staircase`` the power is rounded down.

    Args:
        initial_learning_rate: >= 0.
        decay_steps: > 0, steps until the rate has been multiplied once by decay_rate.
        decay_rate: > 0.
        staircase: whether the rate falls in steps instead of smoothly; default False.
    """

    initial_learning_rate = checks.number(0)
    decay_steps = checks.number(0, ends="()")
    decay_rate = checks.number(0, ends="()")
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

    def _rate(self, step: float) -> float:
        power = step / self.decay_steps
        if self.staircase:
            power = math.floor(power)
        return float(self.initial_learning_rate * self.decay_rate**power)

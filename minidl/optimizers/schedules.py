"""Learning rates that change with the step: functions of the step, computed on the host.

Step 0 is the first update. Formulas and argument names are Keras's.
"""

from __future__ import annotations

from minidl import checks
from minidl.optimizers import schedule
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
class ExponentialDecay(schedule.TimedDecay):
    """initial · decay_rate^(step / decay_steps); with ``staircase`` the power is rounded down.

    Args:
        initial_learning_rate: >= 0.
        decay_steps: > 0, steps until the rate has been multiplied once by decay_rate.
        decay_rate: > 0.
        staircase: whether the rate falls in steps instead of smoothly; default False.
    """

    decay_rate = checks.number(0, ends="()")

    def _rate(self, step: float) -> float:
        return float(self.initial_learning_rate * self.decay_rate ** self._time(step))

"""Learning rates that change with the step: functions of the step, computed on the host.

Step 0 is the first update. Formulas and argument names are Keras's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from minidl import checks
from minidl.register import kind, register


@kind("learning-rate schedule")
class LearningRateSchedule:
    """A learning rate for every step: ``schedule(step)``."""

    def __call__(self, step: int) -> float:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal schedule."""
        return dict(vars(self))


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
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase

    def __call__(self, step: int) -> float:
        power = step / self.decay_steps
        if self.staircase:
            power = math.floor(power)
        return float(self.initial_learning_rate * self.decay_rate**power)


@register
class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] up to and including step boundaries[i], the last value after.

    Args:
        boundaries: strictly increasing steps.
        values: one more than boundaries.

    Raises:
        ValueError: the counts do not match or the boundaries do not increase.
    """

    boundaries: Any = checks.Attribute(lambda self, name, value: self._checked(name, value))
    values: Any = checks.Attribute(lambda self, name, value: self._checked(name, value))

    def __init__(self, boundaries: Sequence[float], values: Sequence[float]) -> None:
        self.boundaries = boundaries
        self.values = values

    def _checked(self, name: str, given: Sequence[float]) -> Any:
        numbers = tuple(checks.real(name, number, 0) for number in given)
        both = {**vars(self), name: numbers}
        boundaries, values = both["boundaries"], both.get("values")
        if values is not None and len(values) != len(boundaries) + 1:
            raise ValueError(
                "PiecewiseConstantDecay: expected one more value than boundaries, received "
                f"{len(boundaries)} boundaries and {len(values)} values; to change the number of "
                "both, make a new schedule"
            )
        if any(a >= b for a, b in itertools.pairwise(boundaries)):
            raise ValueError(
                "PiecewiseConstantDecay: expected strictly increasing boundaries, received "
                f"{list(boundaries)}"
            )
        return numbers

    def __call__(self, step: int) -> float:
        passed = sum(step > boundary for boundary in self.boundaries)
        return float(self.values[passed])

    def get_config(self) -> dict[str, Any]:
        return {"boundaries": list(self.boundaries), "values": list(self.values)}


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
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.end_learning_rate = end_learning_rate
        self.power = power
        self.cycle = cycle

    def __call__(self, step: int) -> float:
        decay_steps = self.decay_steps
        if self.cycle:
            decay_steps *= max(1, math.ceil(step / decay_steps))
        left = 1 - min(step, decay_steps) / decay_steps
        span = self.initial_learning_rate - self.end_learning_rate
        return float(span * left**self.power + self.end_learning_rate)


@register
class InverseTimeDecay(LearningRateSchedule):
    """initial / (1 + decay_rate · step / decay_steps); with ``staircase`` rounded down.

    Args:
        initial_learning_rate: >= 0.
        decay_steps: > 0.
        decay_rate: >= 0.
        staircase: whether step / decay_steps is rounded down; default False.
    """

    initial_learning_rate = checks.number(0)
    decay_steps = checks.number(0, ends="()")
    decay_rate = checks.number(0)
    staircase = checks.flag()

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase

    def __call__(self, step: int) -> float:
        time = step / self.decay_steps
        if self.staircase:
            time = math.floor(time)
        return float(self.initial_learning_rate / (1 + self.decay_rate * time))


@register
class CosineDecay(LearningRateSchedule):
    """Half a cosine from the initial rate to alpha times it, after an optional warm-up.

    With p = step / decay_steps, at most 1: initial · ((1 - alpha) (1 + cos πp) / 2 + alpha).
    Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
    equation 5, without restarts.

    Args:
        initial_learning_rate: >= 0; the warm-up's start where there is one.
        decay_steps: > 0, counted from the end of the warm-up.
        alpha: end rate as a share of the rate that decays, >= 0, default 0.
        warmup_target: rate at the end of a linear warm-up, and that which decays; default
            None, no warm-up.
        warmup_steps: length of the warm-up, default 0.
    """

    initial_learning_rate = checks.number(0)
    decay_steps = checks.number(0, ends="()")
    alpha = checks.number(0)
    warmup_target = checks.number(0, none=True)
    warmup_steps = checks.number(0)

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.alpha = alpha
        self.warmup_target = warmup_target
        self.warmup_steps = warmup_steps

    def __call__(self, step: int) -> float:
        top, since = self.initial_learning_rate, float(step)
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                rise = (self.warmup_target - top) * step / self.warmup_steps
                return float(top + rise)
            top, since = self.warmup_target, step - self.warmup_steps
        cosine = math.cos(math.pi * min(since, self.decay_steps) / self.decay_steps)
        return float(top * ((1 - self.alpha) * (1 + cosine) / 2 + self.alpha))

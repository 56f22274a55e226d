"""Learning rates that change with the step: functions of the step, computed on the host.

Step 0 is the first update. Formulas and argument names are Keras's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend.array import Array, Number
from minidl.register import kind, register


@kind("learning-rate schedule")
class LearningRateSchedule:
    """A learning rate for every step: ``schedule(step)``; an array of rates for one of steps.

    A class of one's own defines ``__call__(step)``, as in Keras.
    """

    def __call__(self, step: Any) -> Any:
        steps = np.asarray(step)
        if not steps.ndim:
            return Number(self._rate(step))
        rates = [self._rate(each) for each in steps.reshape(-1).tolist()]
        return np.array(rates, dtype=np.float64).reshape(steps.shape).view(Array)

    def _rate(self, step: float) -> float:
        """The learning rate of one step."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(step)")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal schedule."""
        return dict(vars(self))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """A schedule of the arguments that :meth:`get_config` gave."""
        return cls(**config)


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

    def _rate(self, step: float) -> float:
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

    def _rate(self, step: float) -> float:
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

    def _rate(self, step: float) -> float:
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

    def _rate(self, step: float) -> float:
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

    def _rate(self, step: float) -> float:
        top, since = self.initial_learning_rate, float(step)
        if self.warmup_target is not None:
            if step < self.warmup_steps:
                rise = (self.warmup_target - top) * step / self.warmup_steps
                return float(top + rise)
            top, since = self.warmup_target, step - self.warmup_steps
        cosine = math.cos(math.pi * min(since, self.decay_steps) / self.decay_steps)
        return float(top * ((1 - self.alpha) * (1 + cosine) / 2 + self.alpha))


@register
class CosineDecayRestarts(LearningRateSchedule):
    """Half a cosine again and again, each period t_mul times as long and m_mul times as high.

    Period i begins at f_i = 1 + t_mul + … + t_mul^(i-1), in units of first_decay_steps. With f =
    step / first_decay_steps and p = (f - f_i) / t_mul^i:
    initial · ((1 - alpha) m_mul^i (1 + cos πp) / 2 + alpha).
    Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017,
    equation 5.

    Args:
        initial_learning_rate: >= 0.
        first_decay_steps: length of the first period, > 0.
        t_mul: factor of the lengths, >= 1, default 2.
        m_mul: factor of the heights, >= 0, default 1.
        alpha: end rate as a share of the initial rate, >= 0, default 0.
    """

    initial_learning_rate = checks.number(0)
    first_decay_steps = checks.number(0, ends="()")
    t_mul = checks.number(1)
    m_mul = checks.number(0)
    alpha = checks.number(0)

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
    ) -> None:
        self.initial_learning_rate = initial_learning_rate
        self.first_decay_steps = first_decay_steps
        self.t_mul = t_mul
        self.m_mul = m_mul
        self.alpha = alpha

    def _rate(self, step: float) -> float:
        done = step / self.first_decay_steps
        period = self._period(done)
        share = (done - self._start(period)) / self.t_mul**period
        cosine = self.m_mul**period * (1 + math.cos(math.pi * share)) / 2
        return float(self.initial_learning_rate * ((1 - self.alpha) * cosine + self.alpha))

    def _start(self, period: int) -> float:
        if self.t_mul == 1:
            return period
        return float((self.t_mul**period - 1) / (self.t_mul - 1))

    def _period(self, done: float) -> int:
        if self.t_mul == 1:
            return math.floor(done)
        period = math.floor(math.log1p(done * (self.t_mul - 1)) / math.log(self.t_mul))
        # The logarithms are rounded: a step at a restart belongs to the new period.
        while self._start(period + 1) <= done:
            period += 1
        while self._start(period) > done:
            period -= 1
        return period

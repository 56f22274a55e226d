"""Learning rates that fall as half a cosine, once or again and again."""

from __future__ import annotations

import math

from minidl import checks
from minidl.names.register import register
from minidl.optimizers.schedule import LearningRateSchedule


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
        name: str | None = None,
        warmup_target: float | None = None,
        warmup_steps: float = 0,
    ) -> None:
        self.name = name
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
        name: str | None = None,
    ) -> None:
        self.name = name
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

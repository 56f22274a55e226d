"""The base of learning-rate schedules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend.array import Array, Number
from minidl.configuration import Configured
from minidl.register import kind


@kind("learning-rate schedule")
class LearningRateSchedule(Configured):
    """A learning rate for every step: ``schedule(step)``; an array of rates for one of steps.

    A class of one's own defines ``__call__(step)``, as in Keras. The argument ``name``, for the
    reader, is that of each schedule.
    """

    name: str | None = None

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
        """Constructor arguments that make an equal schedule; a name only if one was given."""
        config = super().get_config()
        return {key: value for key, value in config.items() if (key, value) != ("name", None)}


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

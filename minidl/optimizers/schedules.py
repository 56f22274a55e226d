"""Learning rates that change with the step: functions of the step, computed on the host.

Step 0 is the first update. Formulas and argument names are Keras's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from minidl import checks
from minidl.optimizers.cosine import CosineDecay as CosineDecay
from minidl.optimizers.cosine import CosineDecayRestarts as CosineDecayRestarts
from minidl.optimizers.schedule import LearningRateSchedule as LearningRateSchedule
from minidl.register import register


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

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str | None = None
    ) -> None:
        self.name = name
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
        config = super().get_config()
        return {**config, "boundaries": list(self.boundaries), "values": list(self.values)}


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
        name: str | None = None,
    ) -> None:
        self.name = name
        self.initial_learning_rate = initial_learning_rate
        self.decay_steps = decay_steps
        self.decay_rate = decay_rate
        self.staircase = staircase

    def _rate(self, step: float) -> float:
        time = step / self.decay_steps
        if self.staircase:
            time = math.floor(time)
        return float(self.initial_learning_rate / (1 + self.decay_rate * time))

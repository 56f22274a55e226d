"""The learning rate of an optimizer: a number, or a function of the step."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.optimizers.rate import LearningRate, ScheduledRate


class HasLearningRate:
    """The part of an optimizer that knows the learning rate."""

    _learning_rate: Any
    _takes_step = False
    batches: int

    @property
    def learning_rate(self) -> Any:
        """The rate of the next step, a :class:`~minidl.optimizers.rate.LearningRate`.

        A number or a function can be set at any time.

        Raises:
            ValueError, TypeError: negative, NaN, or neither a number nor a function.
        """
        rate = self._learning_rate
        return ScheduledRate(self, rate) if callable(rate) else LearningRate(self)

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(value, ScheduledRate):
            value = value.schedule
        known = callable(value)
        self._takes_step = known and checks.positions(value) > 0
        self._learning_rate = value if known else checks.real("learning_rate", value, 0)

    def current_learning_rate(self) -> float:
        """The learning rate of the next update."""
        rate = self._learning_rate
        if callable(rate):
            rate = rate(self.batches) if self._takes_step else rate()
            return checks.real("learning_rate from the schedule", rate, 0)
        return float(rate)

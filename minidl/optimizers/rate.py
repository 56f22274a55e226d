"""The learning rate as an object: a number that can be read and set."""

from __future__ import annotations

import functools
import numbers
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import checks


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, LearningRate) else value


class LearningRate:
    """An optimizer's learning rate, as of the moment when the object is read.

    The object counts, compares and prints as the number. ``float(rate)`` keeps the number of now.

    Args:
        optimizer: of the rate.
    """

    __slots__ = ("_optimizer",)

    def __init__(self, optimizer: Any) -> None:
        self._optimizer = optimizer

    def __float__(self) -> float:
        return float(self._optimizer.current_learning_rate())

    @property
    def value(self) -> float:
        """The learning rate of the next update."""
        return float(self)

    def numpy(self) -> Any:
        """The learning rate of the next update, as NumPy's number."""
        return np.float64(self)

    def assign(self, value: Any) -> None:
        """Set the optimizer's learning rate; the next update uses it.

        Raises:
            ValueError, TypeError: negative, NaN, or no number.
        """
        self._optimizer.learning_rate = float(value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(float(self), dtype=dtype)

    def __repr__(self) -> str:
        return repr(float(self))

    def __format__(self, spec: str) -> str:
        return format(float(self), spec)

    def __hash__(self) -> int:
        return hash(float(self))

    def __eq__(self, other: object) -> bool:
        return bool(float(self) == _plain(other))

    def __round__(self, digits: int | None = None) -> Any:
        return round(float(self), digits)


class ScheduledRate(LearningRate):
    """The learning rate of an optimizer whose rate is a function of the step.

    Attributes:
        schedule: the function.
    """

    __slots__ = ("schedule",)

    def __init__(self, optimizer: Any, schedule: Callable[..., Any]) -> None:
        super().__init__(optimizer)
        self.schedule = schedule

    def __call__(self, *step: Any) -> Any:
        """The function's value."""
        return self.schedule(*step)

    def assign(self, value: Any) -> None:
        """Raise, because the rate follows the schedule.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            "the learning rate follows a schedule and cannot be assigned; expected "
            "optimizer.learning_rate = number, which replaces the schedule"
        )


def _operators() -> None:
    """Have the operators of float on both sides."""
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
        function = getattr(operator, name)
        setattr(LearningRate, f"__{name}__", functools.partialmethod(_left, function))
        setattr(LearningRate, f"__r{name}__", functools.partialmethod(_right, function))
    for name in ("lt", "le", "gt", "ge"):
        function = getattr(operator, name)
        setattr(LearningRate, f"__{name}__", functools.partialmethod(_left, function))
    for name in ("neg", "pos", "abs"):
        function = getattr(operator, name)
        setattr(LearningRate, f"__{name}__", functools.partialmethod(_alone, function))
    for made in (bool, int):
        setattr(LearningRate, f"__{made.__name__}__", functools.partialmethod(_alone, made))


def _left(rate: LearningRate, function: Callable[[Any, Any], Any], other: Any) -> Any:
    return function(float(rate), _plain(other))


def _right(rate: LearningRate, function: Callable[[Any, Any], Any], other: Any) -> Any:
    return function(_plain(other), float(rate))


def _alone(rate: LearningRate, function: Callable[[Any], Any]) -> Any:
    return function(float(rate))


_operators()
numbers.Real.register(LearningRate)


class Rated:
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

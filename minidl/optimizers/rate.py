"""The learning rate as the object that a user reads and sets: a number, Keras's variable."""

from __future__ import annotations

import functools
import numbers
import operator
from collections.abc import Callable
from typing import Any

import numpy as np


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

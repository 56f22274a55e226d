"""The learning rate at each epoch: set by a function, and noted among the epoch's values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minidl import checks
from minidl.callbacks.base import NONE, Callback, Logs
from minidl.printing import say

_NAME = "learning_rate"


class LearningRateScheduler(Callback):
    """Set the learning rate at the start of every epoch.

    ``logs`` and the History hold the learning rate of each epoch, "learning_rate".

    Args:
        schedule: function (epoch, learning rate now) -> learning rate, or of the epoch alone.
        verbose: 1 prints the learning rate; default 0.

    Raises:
        ValueError: the optimizer has a schedule, or another function of the step.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        if not callable(schedule):
            raise TypeError(f"schedule: expected a function of the epoch, received {schedule!r}")
        self.schedule = schedule
        self._takes_rate = checks.positions(schedule) > 1
        self.verbose = verbose

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self._check()
        name_rate(self.params)

    def _check(self) -> None:
        if callable(self.model.optimizer.learning_rate):
            raise ValueError(
                "LearningRateScheduler: expected an optimizer with a number as learning rate, "
                "received one with a schedule, which it would throw away"
            )

    def on_epoch_begin(self, epoch: int, logs: Logs = NONE) -> None:
        self._check()
        optimizer = self.model.optimizer
        now = (optimizer.current_learning_rate(),) if self._takes_rate else ()
        rate: Any = self.schedule(epoch, *now)
        # An array without axes is a number, too.
        optimizer.learning_rate = float(rate) if getattr(rate, "ndim", None) == 0 else rate
        if self.verbose:
            say(f"Epoch {epoch + 1}: learning rate {optimizer.learning_rate:g}")

    def on_epoch_end(self, epoch: int, logs: Logs = NONE) -> None:
        log_rate(self.model, logs)


def name_rate(params: Mapping[str, Any]) -> None:
    """Put the learning rate among the names that logs will hold."""
    names = params.get("metrics", [])
    if _NAME not in names:
        names.append(_NAME)


def log_rate(model: Any, logs: Logs) -> None:
    """Put the learning rate of now among the values of an epoch."""
    logs[_NAME] = float(model.optimizer.learning_rate)  # type: ignore[index]

"""Callbacks that act in every epoch or batch: learning rate, log file, a halt at NaN."""

from __future__ import annotations

import csv
import inspect
import os
from collections.abc import Callable, Mapping
from typing import IO, Any

from minidl.callbacks.base import Callback, Logs
from minidl.printing import say


class LearningRateScheduler(Callback):
    """Set the learning rate at the start of every epoch.

    Args:
        schedule: function (epoch, learning rate now) -> learning rate, or of the epoch alone.
        verbose: 1 prints it; default 0.

    Raises:
        ValueError: the optimizer has a schedule, or another function of the step.
    """

    repeats = True

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self.schedule = schedule
        self._takes_rate = len(inspect.signature(schedule).parameters) > 1
        self.verbose = verbose

    def set_model(self, model: Any, params: Mapping[str, Any]) -> None:
        super().set_model(model, params)
        self._check()

    def _check(self) -> None:
        if callable(self.model.optimizer.learning_rate):
            raise ValueError(
                "LearningRateScheduler: expected an optimizer with a number as learning rate, "
                "received one with a schedule, which it would throw away"
            )

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        self._check()
        optimizer = self.model.optimizer
        rate = (optimizer.current_learning_rate(),) if self._takes_rate else ()
        optimizer.learning_rate = self.schedule(epoch, *rate)
        if self.verbose:
            say(f"Epoch {epoch + 1}: learning rate {optimizer.learning_rate:g}")


class CSVLogger(Callback):
    """Write each epoch's values as a line of a CSV file.

    Args:
        filename: path of the file.
        separator: between values, default ",".
        append: whether to keep what the file holds; default False.
    """

    repeats = True

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        self.filename = filename
        self.separator = separator
        self.append = append
        self._file: IO[str] | None = None

    def on_train_begin(self, logs: Logs) -> None:
        has_lines = (
            self.append and os.path.exists(self.filename) and os.path.getsize(self.filename) > 0
        )
        mode = "a" if self.append else "w"
        self._file = open(self.filename, mode, newline="", encoding="utf-8")  # noqa: SIM115
        self._writer = csv.DictWriter(
            self._file, ["epoch", *self.params["metrics"]], delimiter=self.separator
        )
        if not has_lines:
            self._writer.writeheader()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._writer.writerow({"epoch": epoch, **logs})
        if self._file is not None:
            self._file.flush()

    def on_train_end(self, logs: Logs) -> None:
        if self._file is not None:
            self._file.close()


class TerminateOnNaN(Callback):
    """Stop training after the first batch that comes to NaN or infinity, and name the tensor.

    It looks for what ``fit(..., check_finite=True)`` looks for, prints what that would raise, and
    writes the step to the same file. The model is as the batch left it, as in Keras, and the
    epoch's values are those up to there.
    """

    repeats = True

    def stop(self, error: FloatingPointError) -> None:
        """Say what was found, and end training after the batch."""
        say(f"TerminateOnNaN: stopping at {error}")
        self.model.stop_training = True

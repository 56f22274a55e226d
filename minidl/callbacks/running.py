"""Callbacks that act in every epoch or batch: learning rate, log file, a halt at NaN."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Mapping
from typing import IO, Any

from minidl import checks
from minidl.callbacks.base import Callback, Logs
from minidl.printing import say


class LearningRateScheduler(Callback):
    """Set the learning rate at the start of every epoch.

    Args:
        schedule: function (epoch, learning rate now) -> learning rate, or of the epoch alone.
        verbose: 1 prints the learning rate; default 0.

    Raises:
        ValueError: the optimizer has a schedule, or another function of the step.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self.schedule = schedule
        self._takes_rate = checks.positions(schedule) > 1
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
        append: True keeps the earlier lines of the file; default False.
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        self.filename = filename
        self.separator = separator
        self.append = append
        self._file: IO[str] | None = None

    def on_train_begin(self, logs: Logs) -> None:
        exists = self.append and os.path.exists(self.filename)
        # How long the file was, where the lines of this training begin, and the lines.
        self._old = self._start = os.path.getsize(self.filename) if exists else 0
        self._lines = ""
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115
        if not self._start:
            self._write(csv.DictWriter.writeheader)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._write(lambda writer: writer.writerow({"epoch": epoch, **logs}))

    def on_train_end(self, logs: Logs) -> None:
        if self._file is not None:
            self._file.close()

    def get_state(self) -> dict[str, Any]:
        return {"start": self._start, "lines": self._lines}

    def set_state(self, state: dict[str, Any]) -> None:
        # Lines of epochs that the checkpoint does not know go; lost lines come back.
        lost = self._old < state["start"]
        self._start, self._lines = min(self._old, state["start"]), ""
        if self._file is not None and os.path.getsize(self.filename) > self._start:
            self._file.truncate(self._start)
            self._file.seek(0, os.SEEK_END)
        if lost and not self._start:
            self._write(csv.DictWriter.writeheader)
        self._append(state["lines"])

    def _write(self, what: Callable[[csv.DictWriter[str]], Any]) -> None:
        line = io.StringIO(newline="")
        fields = ["epoch", *self.params["metrics"]]
        what(csv.DictWriter(line, fields, delimiter=self.separator))
        self._append(line.getvalue())

    def _append(self, text: str) -> None:
        self._lines += text
        if self._file is not None:
            self._file.write(text)
            self._file.flush()


class TerminateOnNaN(Callback):
    """Stop training after the first batch that comes to NaN or infinity, and name the tensor.

    The check is that of ``fit(..., check_finite=True)``, with the same text, printed, and the same
    file of the step. The model is as the batch left it, as in Keras, and the epoch's values are the
    values up to there.
    """

    stopped = False

    def on_train_begin(self, logs: Logs) -> None:
        self.stopped = False

    def stop(self, error: FloatingPointError) -> None:
        """Print the finding, and end training after the batch."""
        say(f"TerminateOnNaN: stopping at {error}")
        self.stopped = self.model.stop_training = True

    def get_state(self) -> dict[str, Any]:
        return {"stopped": self.stopped}

    def set_state(self, state: dict[str, Any]) -> None:
        self.stopped = state["stopped"]
        if self.stopped:
            self.model.stop_training = True

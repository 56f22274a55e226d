"""Display of a running ``fit``: a bar for each epoch, or a line."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from minidl.callbacks import Callback, Logs
from minidl.printing import say


class ProgressBar(Callback):
    """A tqdm bar for every epoch, with the epoch's values at the end."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        from tqdm.auto import tqdm

        self._bar: Any = tqdm(
            total=self.params["steps"],
            desc=f"Epoch {epoch + 1}/{self.params['epochs']}",
            unit="step",
            # No bar is redrawn more often than a person can see.
            mininterval=0.2,
        )

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        self._bar.update()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._bar.set_postfix_str(values(logs))
        self._bar.close()

    def on_train_end(self, logs: Logs) -> None:
        if hasattr(self, "_bar"):
            self._bar.close()


class EpochLine(Callback):
    """One printed line for every epoch; at the end one on what a step called in Python."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        seconds = time.perf_counter() - self._start
        steps, epochs = self.params["steps"], self.params["epochs"]
        say(f"Epoch {epoch + 1}/{epochs} - {steps} steps - {seconds:.1f}s - {values(logs)}")

    def on_train_end(self, logs: Logs) -> None:
        recording = getattr(self.model, "recording", "")
        if "which is not minidl's" in recording:
            say(recording)


def values(logs: Logs) -> str:
    """The values of ``logs`` on a line."""
    return " - ".join(f"{name}: {_shown(value)}" for name, value in logs.items())


def _shown(value: Any) -> str:
    """A number, or an array, as one class of a metric has a number each."""
    several = [f"{each:.4f}" for each in np.ravel(value)]
    return f"[{' '.join(several)}]" if np.ndim(value) else several[0]

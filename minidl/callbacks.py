"""What happens between the steps of ``fit``: stopping, saving, logging, schedules.

A callback is told when training, an epoch or a batch begins and ends. ``logs`` holds the
values of the epoch so far under their History names, and nothing where something begins; for
a batch they are read from the device only if somebody looks.
"""

from __future__ import annotations

import csv
import inspect
import math
import os
from collections.abc import Callable, Mapping
from typing import IO, Any

from minidl import checks

Logs = Mapping[str, float]


class Callback:
    """Base of all callbacks: define the methods you need.

    Attributes:
        model: the model under training.
        params: "epochs", "steps" (batches in an epoch), "metrics" (names that logs will hold).
    """

    model: Any = None
    params: Mapping[str, Any] = {}

    def set_model(self, model: Any, params: Mapping[str, Any]) -> None:
        """Called once before training."""
        self.model = model
        self.params = params

    def on_train_begin(self, logs: Logs) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs) -> None:
        """After the last epoch, also when training was stopped or interrupted."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Before an epoch; the first is 0."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After an epoch and its validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before a batch; the first of an epoch is 0."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """After a batch's update."""


class History(Callback):
    """What ``fit`` returns.

    Attributes:
        epoch: numbers of the epochs.
        history: name -> value at each epoch.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.epoch.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


class Monitor(Callback):
    """Base of callbacks that watch one value for its best.

    Args:
        monitor: name of the value, for example "val_loss".
        mode: "min", "max", or "auto": max for accuracies, else min.
        min_delta: what counts as better, >= 0.

    Raises:
        ValueError: unknown mode; before training, a value that nobody computes.
    """

    #: Whether the value is looked at.
    watches = True

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise checks.unknown("mode", mode, ("auto", "min", "max"))
        self.monitor = monitor
        self.rising = mode == "max" or (mode == "auto" and "acc" in monitor)
        self.min_delta = checks.real("min_delta", min_delta, 0)
        self.reset_best()

    def set_model(self, model: Any, params: Mapping[str, Any]) -> None:
        super().set_model(model, params)
        if self.watches and self.monitor not in params["metrics"]:
            what = f"value for {type(self).__name__} to monitor"
            raise checks.unknown(what, self.monitor, params["metrics"])

    def reset_best(self) -> None:
        """Forget the best value."""
        self.best = -math.inf if self.rising else math.inf

    def improved(self, logs: Logs) -> bool:
        """Whether the value is better than the best by more than min_delta; keeps the best."""
        value = logs[self.monitor]
        better = (
            value - self.min_delta > self.best
            if self.rising
            else value + self.min_delta < self.best
        )
        if better:
            self.best = value
        return better


class EarlyStopping(Monitor):
    """Stop when a value has not improved for ``patience`` epochs (and not in the first).

    Args:
        monitor: default "val_loss".
        min_delta: smallest change that is an improvement; default 0.
        patience: epochs without improvement; default 0.
        verbose: 1 says when it stops; default 0.
        mode: "auto", "min" or "max".
        restore_best_weights: whether to end with the best epoch's weights; default False.

    Attributes:
        stopped_epoch: where it stopped, or 0.
        best_epoch: the best one.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        restore_best_weights: bool = False,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = checks.integer("patience", patience, 0)
        self.verbose = verbose
        self.restore_best_weights = restore_best_weights
        self.stopped_epoch = self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs) -> None:
        self.reset_best()
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.improved(logs):
            self.wait = 0
            self.best_epoch = epoch
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            return
        self.wait += 1
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs) -> None:
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)
        if self.verbose and self.stopped_epoch:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")


class ModelCheckpoint(Monitor):
    """Save the model after epochs.

    Args:
        filepath: may contain ``{epoch}`` and names of values, "best-{val_loss:.3f}.npz".
        monitor: default "val_loss"; only looked at with ``save_best_only``.
        verbose: 1 says when it saves; default 0.
        save_best_only: whether to save only when the value improved; default False.
        mode: "auto", "min" or "max".
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
    ) -> None:
        super().__init__(monitor, mode)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = self.watches = save_best_only

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.save_best_only and not self.improved(logs):
            return
        path = self.filepath.format(epoch=epoch + 1, **logs)
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        self.model.save(path)
        if self.verbose:
            print(f"Epoch {epoch + 1}: saved {path}")


class LearningRateScheduler(Callback):
    """Set the learning rate at the start of every epoch.

    Args:
        schedule: function (epoch, learning rate now) -> learning rate, or of the epoch alone.
        verbose: 1 prints it; default 0.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self.schedule = schedule
        self._takes_rate = len(inspect.signature(schedule).parameters) > 1
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        optimizer = self.model.optimizer
        rate = (optimizer.current_learning_rate(),) if self._takes_rate else ()
        optimizer.learning_rate = self.schedule(epoch, *rate)
        if self.verbose:
            print(f"Epoch {epoch + 1}: learning rate {optimizer.learning_rate:g}")


class ReduceLROnPlateau(Monitor):
    """Multiply the learning rate by ``factor`` when a value has stopped improving.

    Args:
        monitor: default "val_loss".
        factor: in (0, 1), default 0.1.
        patience: epochs without improvement before it acts; default 10.
        verbose: 1 says when it acts; default 0.
        mode: "auto", "min" or "max".
        min_delta: smallest change that is an improvement; default 1e-4.
        cooldown: epochs after a reduction in which none are counted; default 0.
        min_lr: the learning rate never falls below; default 0.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.factor = checks.real("factor", factor, 0, 1, closed=False)
        self.patience = checks.integer("patience", patience, 0)
        self.verbose = verbose
        self.cooldown = checks.integer("cooldown", cooldown, 0)
        self.min_lr = checks.real("min_lr", min_lr, 0)

    def set_model(self, model: Any, params: Mapping[str, Any]) -> None:
        super().set_model(model, params)
        if callable(model.optimizer.learning_rate):
            raise ValueError(
                "ReduceLROnPlateau: expected an optimizer with a number as learning rate, "
                "received a schedule"
            )

    def on_train_begin(self, logs: Logs) -> None:
        self.reset_best()
        self.wait = self.cooling = 0

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.cooling > 0:
            self.cooling -= 1
            self.wait = 0
        if self.improved(logs):
            self.wait = 0
        elif self.cooling <= 0:
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        optimizer = self.model.optimizer
        old = optimizer.learning_rate
        if old > self.min_lr:
            optimizer.learning_rate = max(old * self.factor, self.min_lr)
            self.cooling = self.cooldown
            self.wait = 0
            if self.verbose:
                print(f"Epoch {epoch + 1}: learning rate {old:g} -> {optimizer.learning_rate:g}")


class CSVLogger(Callback):
    """Write each epoch's values as a line of a CSV file.

    Args:
        filename: path of the file.
        separator: between values, default ",".
        append: whether to keep what the file holds; default False.
    """

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
        self._file = open(self.filename, "a" if self.append else "w", newline="")  # noqa: SIM115
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
    """Stop as soon as a batch's loss is NaN or infinite; reads the loss back at every batch."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        if not math.isfinite(logs["loss"]):
            print(f"Batch {batch}: loss is {logs['loss']}, stopping")
            self.model.stop_training = True


class LambdaCallback(Callback):
    """Functions in place of methods: ``LambdaCallback(on_epoch_end=lambda epoch, logs: ...)``.

    Raises:
        ValueError: an argument that is no method of :class:`Callback`.
    """

    def __init__(self, **functions: Callable[..., None]) -> None:
        known = [name for name in vars(Callback) if name.startswith("on_")]
        for name, function in functions.items():
            if name not in known:
                raise checks.unknown("callback method", name, known)
            setattr(self, name, function)

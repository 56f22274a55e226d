"""The end of a training where a value has stopped improving."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.callbacks.base import NONE, Logs
from minidl.callbacks.monitor import Monitor, finite
from minidl.printing import say


class EarlyStopping(Monitor):
    """Stop when a value has not improved for ``patience`` epochs (and not in the first).

    Args:
        monitor: default "val_loss".
        min_delta: smallest change that is an improvement; default 0.
        patience: epochs without improvement; default 0.
        verbose: 1 prints the end; default 0.
        mode: "auto", "min" or "max".
        baseline: while no epoch is better than this value, patience is not renewed; as in Keras, an
            epoch that is better than all before never ends the training itself. Default None.
        restore_best_weights: whether to end with the best epoch's weights, of those that are
            finite; default False.
        start_from_epoch: number of epochs at the beginning that are not looked at; default 0.

    Attributes:
        stopped_epoch: the last epoch, if the callback ended the training, or 0.
        best_epoch: the best one.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0.0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.baseline = None if baseline is None else finite("baseline", baseline)
        self.start_from_epoch = checks.integer("start_from_epoch", start_from_epoch, 0)
        self.patience = checks.integer("patience", patience, 0)
        self.verbose = verbose
        self.restore_best_weights = restore_best_weights
        self.stopped_epoch = self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs = NONE) -> None:
        self.reset_best()
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Logs = NONE) -> None:
        value = self.value(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.improved(logs):
            if self.baseline is None or self.better(value, self.baseline):
                self.wait = 0
            self.best_epoch = epoch
            if self.restore_best_weights:
                weights = self.model.get_weights()
                # The loss of an epoch can be finite and its last update not.
                if all(np.isfinite(array).all() for array in weights):
                    self.best_weights = weights
            return
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = NONE) -> None:
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)
        if self.verbose and self.stopped_epoch:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")

    def get_state(self) -> dict[str, Any]:
        names = ("wait", "stopped_epoch", "best_epoch", "best_weights")
        return {**super().get_state(), **{name: getattr(self, name) for name in names}}

    def set_state(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self.stopped_epoch:
            self.model.stop_training = True

"""A learning rate that falls where a value has stopped improving."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.callbacks.base import NONE, Logs
from minidl.callbacks.monitor import Monitor
from minidl.callbacks.rates import log_rate, name_rate
from minidl.printing import say


class ReduceLROnPlateau(Monitor):
    """Multiply the learning rate by ``factor`` when a value has stopped improving.

    Args:
        monitor: default "val_loss".
        factor: in (0, 1), default 0.1.
        patience: epochs without improvement before a reduction; default 10.
        verbose: 1 prints each reduction; default 0.
        mode: "auto", "min" or "max".
        min_delta: smallest change that is an improvement; default 1e-4.
        cooldown: epochs after a reduction in which none are counted; default 0.
        min_lr: the learning rate never falls below; default 0.

    ``logs`` and the History hold the learning rate of each epoch, "learning_rate".
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
        self.factor = checks.real("factor", factor, 0, 1, ends="()")
        self.patience = checks.integer("patience", patience, 0)
        self.verbose = verbose
        self.cooldown = checks.integer("cooldown", cooldown, 0)
        self.min_lr = checks.real("min_lr", min_lr, 0)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        if callable(model.optimizer.learning_rate):
            raise ValueError(
                "ReduceLROnPlateau: expected an optimizer with a number as learning rate, "
                "received a schedule"
            )
        name_rate(self.params)

    def on_train_begin(self, logs: Logs = NONE) -> None:
        self.reset_best()
        self.wait = self.cooling = 0

    def on_epoch_end(self, epoch: int, logs: Logs = NONE) -> None:
        log_rate(self.model, logs)
        if self.value(logs) is None:
            return
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
        old = float(optimizer.learning_rate)
        if old > self.min_lr:
            optimizer.learning_rate = max(old * self.factor, self.min_lr)
            self.cooling = self.cooldown
            self.wait = 0
            if self.verbose:
                say(f"Epoch {epoch + 1}: learning rate {old:g} -> {optimizer.learning_rate:g}")

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "wait": self.wait, "cooling": self.cooling}

    def set_state(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

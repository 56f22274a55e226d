"""Callbacks that watch one value for its best: stopping, slowing down."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl import checks
from minidl.callbacks.base import NONE, Callback, Logs, may_add_values
from minidl.callbacks.rates import log_rate, name_rate
from minidl.metrics.names import direction, numbered
from minidl.printing import say

#: Prefix -> what fit would have to be given for values of that name, and was not.
MISSING = {
    "val_": "validation_data or validation_split, received neither",
    "train_": "evaluate_train=True, received False",
}

#: The loss and its two parts.
FALLING = ("loss", "data_loss", "penalty")


def _stem(name: str) -> str:
    """The name of a value without the prefix."""
    return next((name.removeprefix(each) for each in MISSING if name.startswith(each)), name)


class Monitor(Callback):
    """Base of callbacks that watch one value for its best.

    Args:
        monitor: name of the value, for example "val_loss".
        mode: "min", "max", or "auto": the metric says whether larger values are better.
        min_delta: what counts as better, >= 0.

    Raises:
        ValueError: unknown mode; before training, a value that nobody computes, or for "auto" one
            of which nothing says whether larger values are better.
    """

    #: Whether the value is looked at.
    watches = True

    def __init__(self, monitor: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        if not isinstance(monitor, str):
            raise TypeError(f"monitor: expected the name of a value, received {monitor!r}")
        if mode not in ("auto", "min", "max"):
            raise checks.unknown("mode", mode, ("auto", "min", "max"))
        self.monitor = monitor
        self.mode = mode
        self.rising = mode == "max" or (mode == "auto" and direction(_stem(monitor)) == "up")
        self.min_delta = checks.real("min_delta", min_delta, 0)
        self.reset_best()

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        known = self.params.get("metrics")  # None outside of fit
        if known is not None and self.watches and self.monitor not in known:
            for prefix, words in MISSING.items():
                if self.monitor.removeprefix(prefix) in known:
                    raise ValueError(
                        f"{type(self).__name__} monitors {self.monitor!r}: expected {words}"
                    )
            if not may_add_values(model):
                raise self._unknown(known)
        if self.watches and self.mode == "auto":
            rising = self._asked(model) == "up"
            if rising != self.rising:
                self.rising = rising
                self.reset_best()

    def _asked(self, model: Any) -> str:
        """The direction of the value, "up" or "down": the metric says it; the loss falls.

        Raises:
            ValueError: nothing says it.
        """
        name = _stem(self.monitor)
        compiled = getattr(model, "_metrics", ())
        metrics = dict(zip(numbered(compiled), compiled, strict=True))
        if name in FALLING:
            return "down"
        found = metrics[name].direction if name in metrics else direction(name)
        if found is None:
            raise ValueError(
                f"{type(self).__name__} monitors {self.monitor!r}: expected mode='max' or "
                "mode='min', because nothing says whether larger values are better"
            )
        return found

    def _unknown(self, known: Iterable[str]) -> ValueError:
        what = f"value for {type(self).__name__} to monitor"
        return checks.unknown(what, self.monitor, known)

    def value(self, logs: Logs) -> float | None:
        """The value; None at the end of an epoch without it, such as one without a validation.

        Raises:
            ValueError: nobody gives such a value.
        """
        if self.monitor not in logs and self.monitor not in self.params.get("metrics", ()):
            raise self._unknown(logs)
        return logs.get(self.monitor)

    def reset_best(self) -> None:
        """Forget the best value."""
        self.best = -math.inf if self.rising else math.inf

    def improved(self, logs: Logs) -> bool:
        """Whether the value is better than the best by more than min_delta; keeps the best."""
        value = self.value(logs)
        if value is None or not self.better(value, self.best):
            return False
        self.best = value
        return True

    def better(self, value: float, than: float) -> bool:
        """Whether a value is better than another by more than min_delta."""
        if self.rising:
            return value - self.min_delta > than
        return value + self.min_delta < than

    def get_state(self) -> dict[str, Any]:
        return {"best": self.best}

    def set_state(self, state: dict[str, Any]) -> None:
        self.best = state["best"]


class EarlyStopping(Monitor):
    """Stop when a value has not improved for ``patience`` epochs (and not in the first).

    Args:
        monitor: default "val_loss".
        min_delta: smallest change that is an improvement; default 0.
        patience: epochs without improvement; default 0.
        verbose: 1 says when it stops; default 0.
        mode: "auto", "min" or "max".
        baseline: epochs whose value is not better than this one count as without improvement;
            default None.
        restore_best_weights: whether to end with the best epoch's weights, of those that are
            finite; default False.
        start_from_epoch: number of epochs at the beginning that are not looked at; default 0.

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


def finite(what: str, value: Any) -> float:
    """``value`` as a finite number of either sign.

    Raises:
        TypeError: not a number.
        ValueError: NaN or infinite.
    """
    return checks.real(what, value, -math.inf, ends="()")

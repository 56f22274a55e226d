"""The base of callbacks that wait for a value's best."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from minidl import checks
from minidl.callbacks.base import Callback, Logs, may_add_values
from minidl.metrics.names import direction, numbered

#: Prefix -> the argument of fit that values of that name need, and the value received.
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
    """Base of callbacks that wait for a value's best.

    Args:
        monitor: name of the value, for example "val_loss".
        mode: "min", "max", or "auto": the metric says whether larger values are better.
        min_delta: the least change that counts as better, >= 0.

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
        """The direction of the value, "up" or "down", as the metric says; the loss falls.

        Raises:
            ValueError: the direction is unknown.
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
        """The value; None at the end of an epoch without the value, as without a validation.

        Raises:
            ValueError: no metric or callback gives such a value.
        """
        if self.monitor not in logs and self.monitor not in self.params.get("metrics", ()):
            raise self._unknown(logs)
        return logs.get(self.monitor)

    def reset_best(self) -> None:
        """Forget the best value."""
        self.best = -math.inf if self.rising else math.inf

    def improved(self, logs: Logs) -> bool:
        """True if the value is better than the best by more than min_delta; keeps the best."""
        value = self.value(logs)
        if value is None or not self.better(value, self.best):
            return False
        self.best = value
        return True

    def better(self, value: float, than: float) -> bool:
        """True if a value is better than another by more than min_delta."""
        if self.rising:
            return value - self.min_delta > than
        return value + self.min_delta < than

    def get_state(self) -> dict[str, Any]:
        return {"best": self.best}

    def set_state(self, state: dict[str, Any]) -> None:
        self.best = state["best"]


def finite(what: str, value: Any) -> float:
    """``value`` as a finite number of either sign.

    Raises:
        TypeError: not a number.
        ValueError: NaN or infinite.
    """
    return checks.real(what, value, -math.inf, ends="()")

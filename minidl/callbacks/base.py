"""The base class of callbacks, and the record of a training.

A callback is told when training, an epoch or a batch begins and ends. ``logs`` holds the
values of the epoch so far under their History names, and nothing where something begins. The
values of a batch are read from the device only if somebody looks.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from minidl import checks

Logs = Mapping[str, float]


class Callback:
    """Base of all callbacks: define the methods you need.

    Attributes:
        model: the model under training, None once the model is gone: a callback does not keep the
            model alive.
        params: "epochs", "steps" (batches in an epoch), "metrics" (a list of the names that logs
            will hold; a callback that adds a value at the end of an epoch adds the name here).
    """

    params: Mapping[str, Any] = {}

    def set_model(self, model: Any, params: Mapping[str, Any]) -> None:
        """Called once before training."""
        weak = type(self).model is Callback.model  # not where a class has an attribute of its own
        self.__dict__["model"] = weakref.ref(model) if weak else model
        self.params = params

    @property
    def model(self) -> Any:
        """The model under training, or None; an assigned value is kept unchanged."""
        found = self.__dict__.get("model")
        return found() if isinstance(found, weakref.ref) else found

    @model.setter
    def model(self, model: Any) -> None:
        self.__dict__["model"] = model

    def on_train_begin(self, logs: Logs) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs) -> None:
        """After the last epoch, also when training was stopped or interrupted."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Before an epoch; the first is 0."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Called after an epoch and the epoch's validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before a batch; the first of an epoch is 0."""

    def on_train_batch_end(self, batch: int, logs: Logs) -> None:
        """After a batch's update."""

    def get_state(self) -> dict[str, Any]:
        """State of the callback, for a checkpoint: everything gathered since training began.

        A callback that remembers anything from one epoch to the next defines this method and
        :meth:`set_state`. A resumed training then goes on as if it had not stopped.

        Returns:
            Texts as keys; as values numbers, texts, None, arrays of NumPy, and lists and
            dictionaries of these.
        """
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take the state that :meth:`get_state` has returned, when training goes on.

        Called after ``on_train_begin``; in the middle of an epoch again after ``on_epoch_begin``.
        """


class Values(dict[str, list[float]]):
    """Name -> value at each epoch.

    Networks with and without penalties compare: where no weight is penalised, the names
    "data_loss" and "penalty" (and "val_…", "train_…") are not stored, as in Keras, and a look-up
    gives the loss and zeros.
    """

    def __missing__(self, name: str) -> list[float]:
        for part in ("", "val_", "train_"):
            loss = self.get(f"{part}loss")
            if loss is not None and name == f"{part}data_loss":
                return list(loss)
            if loss is not None and name == f"{part}penalty":
                return [0.0] * len(loss)
        raise KeyError(name)


class History(Callback):
    """The result of ``fit``.

    Attributes:
        epoch: numbers of the epochs.
        history: name -> value at each epoch; see :class:`Values`.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history = Values()

    def __getstate__(self) -> dict[str, Any]:
        # A record can be pickled without its model.
        return {key: value for key, value in vars(self).items() if key != "model"}

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.epoch.append(epoch)
        for name, value in logs.items():
            if name not in self.history and len(self.epoch) > 1:
                # Weights are penalised from this epoch on: until now the data's was the whole loss.
                self.history[name] = self._before(name)
            self.history.setdefault(name, []).append(value)

    def _before(self, name: str) -> list[float]:
        """Values of the epochs before this one, NaN where the name is new."""
        done = len(self.epoch) - 1
        try:
            return self.history[name][:done]
        except KeyError:
            return [math.nan] * done

    def get_state(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "history": dict(self.history)}

    def set_state(self, state: dict[str, Any]) -> None:
        self.epoch[:] = state["epoch"]
        self.history.clear()
        self.history.update({name: list(values) for name, values in state["history"].items()})


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

"""The record of a training: each value at each epoch."""

from __future__ import annotations

from typing import Any

from minidl.callbacks.base import NONE, Callback, Logs


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

    def on_epoch_end(self, epoch: int, logs: Logs = NONE) -> None:
        for name, value in logs.items():
            if name not in self.history:
                self.history[name] = self._before(name)
            self.history[name].append(value)
        self.epoch.append(epoch)

    def extend(self, other: History) -> None:
        """Add the epochs of another history, numbered on from here."""
        for name, values in other.history.items():
            if name not in self.history:
                self.history[name] = self._before(name)
            self.history[name] += values
        self.epoch += range(len(self.epoch), len(self.epoch) + len(other.epoch))

    def _before(self, name: str) -> list[float]:
        """Values of the epochs until now: none, but for a part of the loss.

        Where weights are penalised from now on, the data's was the whole loss until now.
        """
        try:
            return self.history[name][: len(self.epoch)]
        except KeyError:
            return []

    def get_state(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "history": dict(self.history)}

    def set_state(self, state: dict[str, Any]) -> None:
        self.epoch[:] = state["epoch"]
        self.history.clear()
        self.history.update({name: list(values) for name, values in state["history"].items()})

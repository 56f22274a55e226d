"""The callback that saves the model after epochs, each time or when a value is at its best."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Mapping
from typing import Any

from minidl import checks
from minidl.callbacks.base import Logs
from minidl.callbacks.monitors import Monitor
from minidl.printing import say
from minidl.replacing import clear_leftovers


class ModelCheckpoint(Monitor):
    """Save the model after epochs.

    Args:
        filepath: may contain ``{epoch}`` and names of values, "best-{val_loss:.3f}.npz".
        monitor: default "val_loss"; only looked at with ``save_best_only``.
        verbose: 1 says when it saves; default 0.
        save_best_only: whether to save only when the value improved; default False.
        mode: "auto", "min" or "max".
        keep: so many files are kept, the last ones; default None, all of them.

    A file holds all that training needs to go on from there, ``fit(..., resume=path)``: beside the
    model the optimizer, the History and what callbacks have gathered. It is written when every
    callback has been told that the epoch is over.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        *,
        keep: int | None = None,
    ) -> None:
        super().__init__(monitor, mode)
        self.keep = None if keep is None else checks.integer("keep", keep, 1)
        self.saved: list[str] = []
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = self.watches = save_best_only

    def set_model(self, model: Any, params: Mapping[str, Any]) -> None:
        super().set_model(model, params)
        try:
            self.filepath.format(epoch=1, **dict.fromkeys(params["metrics"], 0.0))
        except KeyError as error:
            known = ["epoch", *params["metrics"]]
            raise checks.unknown("value in ModelCheckpoint's path", error.args[0], known) from None
        model.optimizer.get_config()  # raises where the optimizer cannot be saved
        clear_leftovers(os.path.dirname(self.filepath) or ".")

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.save_best_only and not self.improved(logs):
            return
        path = self.filepath.format(epoch=epoch + 1, **logs)
        self.saved = [*(other for other in self.saved if other != path), path]
        old = self.saved[: -self.keep] if self.keep else []
        self.saved = self.saved[len(old) :]
        save = functools.partial(self._save, epoch, path, old)
        fitting = getattr(self.model, "fitting", None)
        if fitting is None:
            save()
        else:
            fitting.after_all(save)

    def _save(self, epoch: int, path: str, old: list[str]) -> None:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        fitting = getattr(self.model, "fitting", None)
        if fitting is None:
            self.model.save(path)
        else:
            fitting.write(path)
        for other in old:
            with contextlib.suppress(FileNotFoundError):
                os.remove(other)
        if self.verbose:
            say(f"Epoch {epoch + 1}: saved {path}")

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "saved": self.saved}

    def set_state(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

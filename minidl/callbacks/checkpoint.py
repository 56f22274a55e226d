"""The callback that saves the model during training, each time or at a value's best."""

from __future__ import annotations

import contextlib
import functools
import os
from typing import Any

from minidl import checks
from minidl.backend.weak import weakly
from minidl.callbacks.base import NONE, Logs, may_add_values
from minidl.callbacks.monitor import Monitor, finite
from minidl.printing import say
from minidl.saving.atomic import clear_leftovers
from minidl.saving.writing import check_ending

#: Longest name of a file, in bytes, on the file systems in use.
LONGEST = 255


class ModelCheckpoint(Monitor):
    """Save the model after epochs, or after so many steps.

    Args:
        filepath: may contain ``{epoch}``, ``{batch}`` where ``save_freq`` is a number, and names
            of values, "best-{val_loss:.3f}.npz". Epochs and batches are counted from 1.
        monitor: default "val_loss"; only looked at with ``save_best_only``.
        verbose: 1 prints each save; default 0.
        save_best_only: whether to save only when the value improved; default False.
        save_weights_only: True to write the weights alone, as ``model.save_weights`` does;
            default False.
        mode: "auto", "min" or "max".
        save_freq: "epoch" to save at the end of each epoch (the default), or a number of steps.
        initial_value_threshold: with ``save_best_only``, values that are not better than this one
            save nothing; default None.
        keep: number of files that are kept, the last; default None, all.

    A file of the whole model holds all that training needs to go on from there,
    ``fit(..., resume=path)``: beside the model the optimizer, the History and what callbacks have
    gathered. It is written when every callback has been told that the epoch, or the step, is over.
    The file has minidl's own form under any name: Keras reads ``model.save("best.keras")``.

    Raises:
        ValueError: before training, a path that has no such form, or that no file can have.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
        *,
        keep: int | None = None,
    ) -> None:
        self.initial_value_threshold = None
        if initial_value_threshold is not None:
            start = finite("initial_value_threshold", initial_value_threshold)
            self.initial_value_threshold = start
        super().__init__(monitor, mode)
        self.keep = None if keep is None else checks.integer("keep", keep, 1)
        self.saved: list[str] = []
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = self.watches = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        if save_freq != "epoch":
            self.save_freq = checks.integer("save_freq", save_freq, 1)
            # Only such a callback is told of steps: a callback without costs no time there.
            self.__dict__["on_train_batch_end"] = weakly(self._after_step)
        self._steps = self._epoch = 0

    def reset_best(self) -> None:
        """Forget the best value, but for the threshold."""
        super().reset_best()
        if self.initial_value_threshold is not None:
            self.best = self.initial_value_threshold

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        try:
            path = self._path(0, 0, dict.fromkeys(self.params["metrics"], 0.0))
        except KeyError as error:
            if not may_add_values(model):
                known = ["epoch", *self.params["metrics"]]
                what = "value in ModelCheckpoint's path"
                raise checks.unknown(what, error.args[0], known) from None
        except (IndexError, ValueError) as error:
            raise ValueError(
                "ModelCheckpoint: expected a path with names in braces, such as "
                f"'{{epoch:02d}}-{{val_loss:.3f}}.npz', received {self.filepath!r}: {error}"
            ) from None
        else:
            if os.path.isdir(path):
                raise ValueError(f"ModelCheckpoint: expected a file, received the folder {path!r}")
            name = os.path.basename(path)
            if not 0 < len(os.fsencode(name)) <= LONGEST:
                raise ValueError(
                    f"ModelCheckpoint: expected a file's name of 1 to {LONGEST} bytes, received "
                    f"{name!r}"
                )
            if not self.save_weights_only:
                check_ending(path)
        model.optimizer.get_config()  # raises where the optimizer cannot be saved
        clear_leftovers(os.path.dirname(self.filepath) or ".")

    def on_epoch_begin(self, epoch: int, logs: Logs = NONE) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs = NONE) -> None:
        if self.save_freq == "epoch":
            self._consider(epoch, None, logs)

    def _after_step(self, batch: int, logs: Logs = NONE) -> None:
        self._steps += 1
        if self._steps >= int(self.save_freq):
            self._steps = 0
            self._consider(self._epoch, batch, logs)

    def _consider(self, epoch: int, batch: int | None, logs: Logs) -> None:
        if self.save_best_only and not self.improved(logs):
            return
        path = self._path(epoch, batch, logs)
        self.saved = [*(other for other in self.saved if other != path), path]
        old = self.saved[: -self.keep] if self.keep else []
        self.saved = self.saved[len(old) :]
        save = functools.partial(self._save, epoch, path, old)
        fitting = getattr(self.model, "fitting", None)
        if fitting is None:
            save()
        else:
            fitting.after_all(save)

    def _path(self, epoch: int, batch: int | None, logs: Logs) -> str:
        numbers = {"epoch": epoch + 1}
        if batch is not None and self.save_freq != "epoch":
            numbers["batch"] = batch + 1
        return self.filepath.format(**{**logs, **numbers})

    def _save(self, epoch: int, path: str, old: list[str]) -> None:
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        fitting = getattr(self.model, "fitting", None)
        if self.save_weights_only:
            self.model.save_weights(path)
        elif fitting is None:
            self.model.save(path)
        else:
            fitting.write(path)
        for other in old:
            with contextlib.suppress(FileNotFoundError):
                os.remove(other)
        if self.verbose:
            say(f"Epoch {epoch + 1}: saved {path}")

    def get_state(self) -> dict[str, Any]:
        return {**super().get_state(), "saved": self.saved, "_steps": self._steps}

    def set_state(self, state: dict[str, Any]) -> None:
        vars(self).update(state)

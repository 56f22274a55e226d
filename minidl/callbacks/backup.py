"""BackupAndRestore: an interrupted training goes on from the last checkpoint."""

from __future__ import annotations

import os

from minidl import checks
from minidl.callbacks.base import Callback


class BackupAndRestore(Callback):
    """Keep checkpoints of the training in a folder, and begin with the last checkpoint there.

    A resumed training comes to the weights, the History and the files of an undisturbed one, bit
    for bit, on the same machine with the same number of threads. A checkpoint holds the model with
    optimizer and step, the position in the epoch, the sums of loss and metrics, the History, and
    the ``get_state`` of all callbacks. All random numbers are addressed by the step.
    ``fit(..., resume=folder)`` is the short form, which keeps the checkpoints.

    ``fit`` refuses a checkpoint of another architecture, optimizer, loss or data set, and names the
    differences. A damaged checkpoint is passed over with a warning.

    While ``fit`` runs in the main thread, SIGTERM ends the training as Ctrl-C does, but after the
    step under way and with a checkpoint of that moment: ``model`` and ``model.history`` are kept,
    and ``fit`` raises KeyboardInterrupt. An earlier Python handler is called first, when the
    checkpoint is written, and comes back when ``fit`` ends. Ctrl-C itself writes no checkpoint.

    One training at a time uses a folder. The lock ends with the process.

    Args:
        backup_dir: the folder; made if missing.
        save_freq: "epoch", a checkpoint at each epoch's end (the default), or a number of steps
            between checkpoints, counted from the model's first step.
        double_checkpoint: True keeps two checkpoints at least, as ``keep`` does by default.
        delete_checkpoint: True removes the checkpoints of a finished training (the default). Other
            files in the folder stay.
        keep: number of checkpoints kept, the last ones; default 2, so that there is another if
            the last one is damaged.

    Raises:
        ValueError, TypeError: an empty folder name, another ``save_freq``, or ``keep`` below 1.
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
        *,
        keep: int = 2,
    ) -> None:
        self.backup_dir = os.fspath(backup_dir)
        if not self.backup_dir:
            raise ValueError("backup_dir: expected the name of a folder, received none")
        if save_freq != "epoch":
            if isinstance(save_freq, str):
                raise ValueError(
                    f"save_freq: expected 'epoch' or a number of steps, received {save_freq!r}"
                )
            save_freq = checks.integer("save_freq", save_freq, 1)
        self.save_freq = save_freq
        self.delete_checkpoint = delete_checkpoint
        self.keep = max(checks.integer("keep", keep, 1), 2 if double_checkpoint else 1)

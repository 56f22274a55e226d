"""TensorBoard: values and weights as event files, which the program of that name shows."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend.sparse import outside
from minidl.backend.weak import weakly
from minidl.callbacks.base import NONE, Callback, Logs


class TensorBoard(Callback):
    """Write event files for TensorBoard; needs tensorboardX, of the extra ``tensorboard``.

    The folder "train" holds the values of training, "epoch_loss" and so on by epoch; the folder
    "validation" those that begin with "val_", under the same names.

    Args:
        log_dir: the folder; default "logs".
        histogram_freq: each so many epochs the histograms of all weights are written; default 0,
            never.
        write_graph, write_images, embeddings_freq, embeddings_metadata, profile_batch: there is
            nothing to write, because a network here is one row of layers; a warning says so where
            images, embeddings or a profile are asked for.
        write_steps_per_second: not written; a warning says so.
        update_freq: "epoch" (the default); or "batch" or a number of steps, after which
            "batch_loss" and so on are written too.

    Raises:
        ImportError: tensorboardX is not installed.
        TypeError, ValueError: another ``update_freq``, or a negative ``histogram_freq``.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        try:
            import tensorboardX  # noqa: F401
        except ImportError:
            raise ImportError(
                "TensorBoard needs the package tensorboardX; install it with "
                "pip install 'minidl[tensorboard]'"
            ) from None
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = checks.integer("histogram_freq", histogram_freq, 0)
        asked = {
            "write_images": write_images,
            "write_steps_per_second": write_steps_per_second,
            "profile_batch": profile_batch,
            "embeddings_freq": embeddings_freq,
            "embeddings_metadata": embeddings_metadata,
        }
        without = [name for name, value in asked.items() if value]
        if without:
            warnings.warn(
                f"TensorBoard: {', '.join(without)} change nothing, because minidl writes values "
                "and histograms only",
                stacklevel=outside(),
            )
        every = 1 if update_freq == "batch" else update_freq
        if every != "epoch":
            self._every = checks.integer("update_freq", every, 1)
            # Only such a callback is told of steps: a callback without costs no time there.
            self.__dict__["on_train_batch_end"] = weakly(self._after_step)
        self.update_freq = update_freq
        self._writers: dict[str, Any] = {}

    def on_epoch_end(self, epoch: int, logs: Logs = NONE) -> None:
        for name, value in logs.items():
            kind = "validation" if name.startswith("val_") else "train"
            self._write(kind, f"epoch_{name.removeprefix('val_')}", value, epoch)
        if "learning_rate" not in logs:
            rate = self.model.optimizer.current_learning_rate()
            self._write("train", "epoch_learning_rate", rate, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: Logs = NONE) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _after_step(self, batch: int, logs: Logs = NONE) -> None:
        step = self.model.step - 1
        if step % self._every == 0:
            for name, value in logs.items():
                self._write("train", f"batch_{name}", value, step)

    def _write_weights(self, epoch: int) -> None:
        model = self.model
        for layer in model.leaves:
            for key in (*layer.tensors, *layer.statistics):
                values = model.backend.to_host(getattr(layer, key))
                name = f"{layer.name}/{key}/histogram"
                self._writer("train").add_histogram(name, values, epoch)

    def _write(self, kind: str, name: str, value: Any, step: int) -> None:
        if np.ndim(value) == 0:  # a metric may have several numbers, for which there is no curve
            self._writer(kind).add_scalar(name, float(value), step)

    def _writer(self, kind: str) -> Any:
        if kind not in self._writers:
            import tensorboardX

            self._writers[kind] = tensorboardX.SummaryWriter(os.path.join(self.log_dir, kind))
        return self._writers[kind]

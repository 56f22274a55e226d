"""One run of an experiment: the engine, the seed, the number of epochs, and a progress bar."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from tqdm import tqdm

import minidl
from examples import explicit_loop
from minidl.callbacks import History

Data = tuple[Any, Any]


class Session:
    """Surroundings of an experiment.

    Experiments make their networks of ``session.keras``, which is minidl here. The names are
    Keras's: another module in the same place, with a :meth:`published_loop`, runs the same
    experiments.

    Args:
        title: shown beside the bar.
        seed: of initial weights, masks and orders.
        corrected: True mends the tutorial's slip.
        epochs: instead of the tutorial's; None leaves the tutorial's.
        quick: True runs a fifth of the tutorial's epochs.

    Attributes:
        seconds: spent in training, validation included.
    """

    keras: Any = minidl

    def __init__(
        self,
        title: str,
        seed: int = 0,
        corrected: bool = False,
        epochs: int | None = None,
        quick: bool = False,
    ) -> None:
        self.title = title
        self.seed = seed
        self.corrected = corrected
        self.seconds = 0.0
        self._epochs, self._quick = epochs, quick
        self.set_seed()

    def set_seed(self) -> None:
        """Make all random numbers a function of the seed."""
        self.keras.utils.set_random_seed(self.seed)

    def epochs(self, published: int) -> int:
        """The number of epochs to run for a tutorial's number."""
        if self._epochs is not None:
            return self._epochs
        return max(1, round(published / 5)) if self._quick else published

    def rows(self, x: Any) -> Any:
        """CSR rows in the engine's form."""
        return x

    def labels(self, y: Any) -> Any:
        """Labels 0 and 1, (N,), in the engine's form beside outputs (N, 1)."""
        return y

    def fit(
        self, model: Any, x: Any, y: Any, epochs: int, callbacks: Any = (), **options: Any
    ) -> History:
        """``model.fit`` for the tutorial's epochs; returns the History."""
        epochs = self.epochs(epochs)
        with self._bar(epochs) as bar:
            tick = self.keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: bar.update())
            found = model.fit(
                x, y, epochs=epochs, callbacks=[tick, *callbacks], verbose=0, **options
            )
        # The values without the model, which would live as long.
        history = History()
        history.epoch, history.history = list(found.epoch), dict(found.history)
        return history

    def published_loop(
        self, model: Any, optimizer: Any, train: Data, test: Data, epochs: int, batch_size: int
    ) -> History:
        """Tutorial 001's loop over one-hot labels; the epochs' averages as a History.

        The penalties are left out. Loss and accuracy of a batch are computed after the update: the
        loss in training mode once more, so that dropout draws a second mask and the statistics of
        batch normalization move a second time; the accuracy in inference mode.
        """
        loss = self.keras.losses.CategoricalCrossentropy(from_logits=True)
        random = np.random.default_rng(self.seed)
        history = History()
        epochs = self.epochs(epochs)
        with self._bar(epochs) as bar:
            for epoch in range(epochs):
                averages = explicit_loop.run_epoch(
                    model, loss, optimizer, train, test, batch_size, random, step=_published_step
                )
                history.on_epoch_end(
                    epoch,
                    {
                        "loss": averages["loss"],
                        "accuracy": averages["train accuracy"],
                        "val_accuracy": averages["test accuracy"],
                    },
                )
                bar.update()
        return history

    @contextmanager
    def _bar(self, epochs: int) -> Iterator[Any]:
        start = time.perf_counter()
        with tqdm(total=epochs, desc=f"{self.title:<20}", unit="epoch") as bar:
            yield bar
        self.seconds += time.perf_counter() - start


def _published_step(
    model: Any, loss: Any, optimizer: Any, images: Any, labels: Any
) -> tuple[Any, Any]:
    loss.forward(model.forward(images, training=True, logits=True), labels)
    model.backward(loss.backward(), logits=True)
    optimizer.update(model.theta, model.grad)
    value = loss.forward(model.forward(images, training=True, logits=True), labels)
    return value, explicit_loop.accuracy(model.forward(images), labels)

"""Trainings with everything that has a state, which the tests of resuming interrupt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

import minidl
from minidl import callbacks, layers, optimizers, regularizers
from minidl.callbacks import Callback
from minidl.optimizers import schedules

ROWS, FEATURES, CLASSES = 230, 6, 3
#: 184 rows are trained on, in batches of 32: five whole ones and a smaller one.
STEPS = 6
EPOCHS = 10


def data() -> tuple[np.ndarray, np.ndarray]:
    """Rows that a small network learns in part, so that all callbacks have something to do."""
    random = np.random.default_rng(7)
    x = random.normal(size=(ROWS, FEATURES))
    y = np.argmax(x[:, :CLASSES] + random.normal(size=(ROWS, CLASSES)), axis=1)
    return x.astype(np.float32), y


class Best(Callback):
    """A callback of somebody else's, with a state of its own kinds."""

    def on_train_begin(self, logs: Any) -> None:
        self.seen: list[Any] = []
        self.least = np.full(2, np.inf)
        self.last: Any = np.float32(0)

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.seen.append({"epoch": epoch, "even": epoch % 2 == 0, "name": f"epoch {epoch}"})
        self.least = np.minimum(self.least, [logs["loss"], logs["val_loss"]])
        self.last = np.float32(logs["loss"])

    def get_state(self) -> dict[str, Any]:
        return {"seen": self.seen, "least": self.least, "last": self.last}

    def set_state(self, state: dict[str, Any]) -> None:
        self.seen, self.least, self.last = state["seen"], state["least"], state["last"]


@dataclass(frozen=True)
class Training:
    """A kind of training.

    Attributes:
        optimizer: makes one.
        others: makes the callbacks beside those that all trainings have.
        regularizer: makes that of the first layer.
        options: of ``fit``.
    """

    optimizer: Callable[[], Any]
    others: Callable[[], list[Callback]] = list
    regularizer: Callable[[], Any] = lambda: regularizers.L2(1e-3)
    sparse: bool = False
    dtype: str = "float32"
    options: dict[str, Any] = field(default_factory=dict)

    def model(self, seed: int = 3) -> minidl.Sequential:
        """A compiled network."""
        minidl.utils.set_random_seed(seed)
        made = minidl.Sequential(
            [
                layers.Input((FEATURES,)),
                layers.Dense(16, activation="relu", kernel_regularizer=self.regularizer()),
                layers.BatchNormalization(momentum=0.8),
                layers.Dropout(0.3),
                layers.Dense(8, activation="tanh"),
                layers.Dropout(0.2, seed=5),
                layers.Dense(CLASSES, activation="softmax"),
            ],
            dtype=self.dtype,
        )
        made.compile(
            self.optimizer(),
            "sparse_categorical_crossentropy",
            metrics=["accuracy", "sparse_categorical_crossentropy"],
        )
        return made

    def fit(
        self,
        model: minidl.Sequential,
        log: Path,
        epochs: int = EPOCHS,
        more: Sequence[Callback] = (),
        **options: Any,
    ) -> Outcome:
        """Train, and say what came of it."""
        x, y = data()
        best, own = callbacks.EarlyStopping(patience=4, restore_best_weights=True), Best()
        listeners = [callbacks.CSVLogger(log), best, *self.others(), own, *more]
        history = model.fit(
            scipy.sparse.csr_matrix(x * (x > 0)) if self.sparse else x,
            y,
            32,
            epochs,
            0,
            listeners,
            validation_split=0.2,
            **{**self.options, **options},
        )
        return Outcome.of(model, history, log, best, own)


@dataclass
class Outcome:
    """All that a training leaves behind; two of them are equal if every bit is."""

    weights: list[bytes]
    state: dict[str, bytes]
    counts: tuple[Any, ...]
    epochs: list[int]
    history: dict[str, list[float]]
    log: str
    stopped: tuple[Any, ...]
    own: tuple[Any, ...]

    @classmethod
    def of(
        cls,
        model: minidl.Sequential,
        history: callbacks.History,
        log: Path,
        best: callbacks.EarlyStopping,
        own: Best,
    ) -> Outcome:
        """What a model, its History and its callbacks are now."""
        optimizer: Any = model.optimizer
        return cls(
            [array.tobytes() for array in model.get_weights()],
            {
                name: model.backend.to_host(vector).tobytes()
                for name, vector in optimizer.state.items()
            },
            (
                model.seed,
                model.step,
                optimizer.batches,
                optimizer.accumulated_learning_rate,
                optimizer.current_learning_rate(),
            ),
            list(history.epoch),
            dict(history.history),
            log.read_text(),
            (best.stopped_epoch, best.best_epoch, best.best, best.wait),
            (own.seen, own.least.tolist(), own.last, type(own.last)),
        )


def plateau() -> list[Callback]:
    """Reduces the learning rate some times in ten epochs."""
    return [callbacks.ReduceLROnPlateau(patience=1, factor=0.5, min_delta=0.02, cooldown=1)]


def falling() -> list[Callback]:
    """A learning rate of the epoch and of the one before."""
    return [callbacks.LearningRateScheduler(lambda epoch, rate: rate * (0.9 if epoch else 1))]


TRAININGS = {
    "Adam, plateau": Training(lambda: optimizers.Adam(0.02), plateau),
    "Nadam, scheduler": Training(lambda: optimizers.Nadam(0.02), falling, dtype="float64"),
    "SGD, schedule": Training(
        lambda: optimizers.SGD(schedules.ExponentialDecay(0.3, 7, 0.9), momentum=0.8),
        options={"evaluate_train": True, "class_weight": {0: 2.0}},
    ),
    "proximal": Training(
        lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        plateau,
        lambda: regularizers.L1(1e-3, proximal=True),
    ),
    "sparse rows": Training(lambda: optimizers.RMSprop(0.01, clipnorm=1.0), plateau, sparse=True),
    "gathered and averaged": Training(
        lambda: optimizers.Lion(
            0.005,
            weight_decay=0.1,
            use_ema=True,
            ema_momentum=0.9,
            gradient_accumulation_steps=3,
            exclude_from_weight_decay=["bias"],
        ),
        plateau,
    ),
    "in order": Training(
        lambda: optimizers.AdamW(0.02),
        options={"shuffle": False, "sample_weight": np.linspace(0.1, 2, ROWS)},
    ),
}

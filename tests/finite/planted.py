"""Trainings that come to NaN or infinity at a known step, in a known tensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minidl
from minidl import layers, losses
from minidl.backend import to_host
from minidl.callbacks import Callback
from minidl.initializers import Constant
from minidl.optimizers import SGD, Adam
from minidl.optimizers.schedules import PiecewiseConstantDecay

ROWS, FEATURES, BATCH, EPOCHS = 90, 4, 2, 3  # 45 steps an epoch


@dataclass
class Case:
    """A model and what it comes to.

    Attributes:
        make: a new model, compiled.
        phase, layer, tensor: of what is found.
        step: at which.
        spoil: called with x, y and the model before epoch 1, or None.
        x: features, or None for random ones.
        y: targets, or None for class numbers.
        own: whether it has classes that no file can name.
        rows: whether rows of the batch are named.
        options: of fit.
    """

    make: Callable[[], minidl.Sequential]
    phase: str
    layer: str
    tensor: str
    step: int | None = None
    spoil: Callable[[np.ndarray, np.ndarray, Any], None] | None = None
    x: Callable[[], np.ndarray] | None = None
    y: Callable[[], np.ndarray] | None = None
    own: bool = False
    rows: bool = True
    options: dict[str, Any] = field(default_factory=dict)

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """New arrays."""
        random = np.random.default_rng(5)
        x = self.x() if self.x else random.normal(size=(ROWS, FEATURES)).astype(np.float32)
        return x, self.y() if self.y else random.integers(0, 3, ROWS)

    def fit(self, made: minidl.Sequential, *callbacks: Callback, **options: Any) -> Any:
        """Train; data are spoiled before epoch 1."""
        x, y = self.data()
        told = [*callbacks]
        if self.spoil is not None:
            told.append(Spoil(self.spoil, x, y))
        options = {"shuffle": False, "verbose": 0, **self.options, **options}
        return made.fit(x, y, BATCH, EPOCHS, callbacks=told, **options).history


class Spoil(Callback):
    """Calls a function before epoch 1."""

    def __init__(self, how: Callable[[np.ndarray, np.ndarray, Any], None], *data: Any) -> None:
        self.how, self.data = how, data

    def on_epoch_begin(self, epoch: int, logs: Any) -> None:
        if epoch == 1:
            self.how(*self.data, self.model)


class StopAt(Callback):
    """Ends training after so many steps."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        if self.model.step == self.step:
            self.model.stop_training = True


class LogLoss(losses.Loss):
    """-log of the first output, which may be 0; of somebody else."""

    labels = "integers"

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        out[...] = -self._backend.xp.log(predictions[:, :1])

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        out[...] = 0
        out[:, :1] = -1 / predictions[:, :1]


class NanAt(layers.Layer):
    """Passes rows on, and NaN in the second row at its call number 7; of somebody else."""

    calls = 0

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.y = x.copy()
        if training and self.calls == 7:
            self.y[1] = np.nan
        self.calls += training
        return self.y

    def backward(self, dy: Any) -> Any:
        return dy


def build(*parts: Any, optimizer: Any = None, loss: Any = None, features: int = FEATURES) -> Any:
    """A compiled model in float32; names begin anew."""
    minidl.utils.set_random_seed(4)
    made = minidl.Sequential([layers.Input((features,)), *parts], dtype="float32")
    loss = loss or "sparse_categorical_crossentropy"
    made.compile(optimizer or SGD(0.01), loss, metrics=["accuracy"])
    return made


def hidden() -> list[Any]:
    """A usual network, with dropout."""
    return [
        layers.Dense(6, "relu", name="first"),
        layers.Dropout(0.2, name="dropped"),
        layers.Dense(5, "tanh", name="second"),
    ]


def top() -> Any:
    """Three classes."""
    return layers.Dense(3, "softmax", name="top")


def zero() -> Any:
    """A unit without weights yet."""
    return layers.Dense(1, kernel_initializer="zeros", name="only")


def full(value: float) -> Callable[[], np.ndarray]:
    """Targets of one size."""
    return lambda: np.full((ROWS, 1), value, np.float32)


def put(row: int, value: float) -> Callable[[np.ndarray, np.ndarray, Any], None]:
    """A number in a row of x."""

    def spoil(x: np.ndarray, y: np.ndarray, model: Any) -> None:
        x[row, 2] = value

    return spoil


def tell(change: Callable[[Any], None]) -> Callable[[np.ndarray, np.ndarray, Any], None]:
    """A change of the model."""
    return lambda x, y, model: change(model)


def column(value: float) -> Callable[[], np.ndarray]:
    """A lone feature, of this size."""
    return lambda: np.linspace(value, 2 * value, ROWS, dtype=np.float32).reshape(-1, 1)


def positive() -> np.ndarray:
    """Features above 0."""
    return np.random.default_rng(6).uniform(0.5, 1, (ROWS, FEATURES)).astype(np.float32)


def _set(name: str, value: float) -> Callable[[Any], None]:
    """Write into a layer's tensor, on any device."""

    def change(model: Any) -> None:
        layer, tensor = name.split()
        found = next(each for each in model.layers if each.name == layer)
        getattr(found, tensor)[...] = value

    return change


CASES = {
    "NaN in a row of data": Case(
        lambda: build(*hidden(), top()), "data", "", "x", 45 + 8, put(17, np.nan)
    ),
    "infinity in a row of data, which a sigmoid hides": Case(
        lambda: build(layers.Dense(3, "sigmoid", name="first"), top()),
        "data", "", "x", 45 + 20, put(40, np.inf),
    ),
    "overflow of data that are scaled": Case(
        lambda: build(layers.Rescaling(100.0, name="scaled"), *hidden(), top()),
        "forward", "scaled", "y", 45 + 44, put(89, 3e38),
    ),
    "NaN in targets": Case(
        lambda: build(*hidden(), layers.Dense(1), loss="mse"), "data", "", "y", 45 + 3,
        lambda x, y, model: y.__setitem__((7, 0), np.nan),
        y=lambda: np.linspace(0, 1, ROWS, dtype=np.float32).reshape(-1, 1),
    ),
    "a large learning rate": Case(
        lambda: build(*hidden(), top(), optimizer=SGD(PiecewiseConstantDecay([50], [0.01, 1e38]))),
        "", "", "",
    ),
    "infinity that a tanh hides": Case(
        lambda: build(*hidden(), top()), "forward", "second", "z", 45,
        tell(lambda model: (_set("first W", 1e25)(model), _set("second W", 1e20)(model))),
        x=positive,
    ),
    "infinity that an activation layer hides": Case(
        lambda: build(
            layers.Dense(6, name="first"), layers.Dense(5, name="second"),
            layers.Activation("sigmoid"), top(),
        ),
        "forward", "second", "z", 45,
        tell(lambda model: (_set("first W", 1e25)(model), _set("second W", 1e20)(model))),
        x=positive,
    ),
    "a variance that overflows": Case(
        lambda: build(layers.BatchNormalization(name="norm"), top(), optimizer=Adam(), features=1),
        "forward", "norm", "moving_variance", 0, x=column(1e25), rows=False,
    ),
    "log of 0 in a loss of somebody's own": Case(
        lambda: build(
            layers.Dense(3, "relu", bias_initializer=Constant(30), name="first"), loss=LogLoss()
        ),
        "forward", "LogLoss", "losses", 45, own=True,
        spoil=tell(lambda model: (_set("first W", 0)(model), _set("first b", 0)(model))),
    ),
    "NaN of a layer of somebody's own": Case(
        lambda: build(*hidden(), NanAt("own"), top()), "forward", "own", "y", 7, own=True
    ),
    "a gradient that overflows": Case(
        lambda: build(zero(), loss="mse", features=1),
        "backward", "only", "dW", 0, x=column(1e29), y=full(1e11),
        rows=False,
    ),
    "a gradient that is clipped": Case(
        lambda: build(
            zero(), loss="mse", features=1,
            optimizer=SGD(1e-35, clipvalue=1.0),
        ),
        "backward", "only", "dW", 0, x=column(1e29), y=full(1e11),
        rows=False,
    ),
    "a square that overflows in the optimizer": Case(
        lambda: build(layers.Dense(1, name="only"), loss="mse", features=1, optimizer=Adam(1e-30)),
        "update", "only", "v of W", 0, x=column(1e15), y=full(1e6),
        rows=False,
    ),
    "weights that overflow": Case(
        lambda: build(
            layers.Dense(1, name="only"), loss="mse", features=1,
            optimizer=SGD(PiecewiseConstantDecay([50], [1e-12, 1e38])),
        ),
        "update", "only", "W", 51, x=column(1e3), y=full(1e3),
        rows=False,
    ),
    "statistics that a callback has spoiled": Case(
        lambda: build(layers.BatchNormalization(name="norm"), *hidden(), top()),
        "before", "norm", "moving_mean", 45, tell(_set("norm moving_mean", np.nan)), rows=False,
    ),
    "weights that a callback has spoiled": Case(
        lambda: build(*hidden(), top()), "before", "second", "b", 45,
        tell(_set("second b", np.nan)), rows=False,
    ),
}  # fmt: skip


#: Data are copied to a device before training: what happens to them later does not reach it.
ON_HOSTS = [name for name in CASES if "data" in name or "targets" in name]
ANYWHERE = [name for name in CASES if name not in ON_HOSTS]


def steps_before(case: Case, step: int) -> minidl.Sequential:
    """The model after so many steps that nobody watches."""
    made = case.make()
    made.build((case.data()[0].shape[1],))
    assert made.optimizer is not None
    made.optimizer.build(made.theta, made.parameters)
    if step:
        case.fit(made, StopAt(step))
    return made


def everything(made: minidl.Sequential) -> list[np.ndarray]:
    """Copies of all that a step moves."""
    assert made.optimizer is not None
    vectors = (made.theta, made.statistics.theta, *made.optimizer.state.values())
    counters = [made.step, made.optimizer.iterations, made.optimizer.accumulated_learning_rate]
    return [*(to_host(vector).copy() for vector in vectors), np.array(counters)]

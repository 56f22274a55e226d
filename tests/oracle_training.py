"""Keras's training loop and callbacks as the oracle; Keras itself comes from ``tests.oracle``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from operator import attrgetter
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from tests.oracle import keras
from tests.specs import Spec


class Fitted(NamedTuple):
    """What came out of a fit."""

    history: dict[str, list[float]]
    epochs: list[int]
    evaluated: list[float]
    predicted: np.ndarray
    weights: list[np.ndarray]
    optimizer_steps: int


def named(package: Any, item: Any) -> Any:
    """A name as it is, "losses.f" as the function, a spec as the object that it makes."""
    if isinstance(item, Spec):
        return item.make(package, np.float64 if package is keras else float)
    return attrgetter(item)(package) if "." in item else item


def fit(
    layers: Sequence[Spec],
    weights: Sequence[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    *,
    optimizer: Any,
    loss: Any,
    metrics: Sequence[Any] = (),
    weighted_metrics: Sequence[Any] = (),
    **options: Any,
) -> Fitted:
    """Train a Keras network from these weights; evaluate and predict on x with no weights."""
    made = [named(keras, layer) for layer in layers]
    model = keras.Sequential([keras.layers.Input(x.shape[1:]), *made])
    model.set_weights(list(weights))
    model.compile(
        named(keras, optimizer),
        named(keras, loss),
        metrics=[named(keras, metric) for metric in metrics],
        weighted_metrics=[named(keras, metric) for metric in weighted_metrics],
        run_eagerly=True,  # a graph takes longer to make than these epochs to run
    )
    history = model.fit(x, y, shuffle=False, verbose=0, **options)
    # What evaluate and predict do with a batch; to make a data set of it would take longer.
    model.reset_metrics()
    evaluated = model.test_on_batch(x, y)
    return Fitted(
        history.history,
        history.epoch,
        evaluated if isinstance(evaluated, list) else [evaluated],
        np.asarray(model(x, training=False)),
        model.get_weights(),
        int(model.optimizer.iterations),
    )


def parameter_names(method: str) -> list[str]:
    """Of a method of ``keras.Sequential``, without self."""
    return list(inspect.signature(getattr(keras.Sequential, method)).parameters)[1:]


def rows_trained_on(rows: int, validation_split: float) -> int:
    """How many of the rows Keras keeps for training."""
    seen: list[int] = []

    class Count(keras.callbacks.Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            seen.append(self.params["steps"])

    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    data = np.zeros((rows, 1))
    split = {"validation_split": validation_split, "batch_size": 1}
    model.fit(data, data, verbose=0, epochs=0, callbacks=[Count()], **split)
    return seen[0]


@functools.cache
def _metrics() -> list[Any]:
    """As a model that was compiled with accuracy holds them: they tell Keras's mode "auto"."""
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Flatten()])
    model.compile("sgd", "mse", metrics=["accuracy"], run_eagerly=True)
    model.evaluate(np.zeros((1, 1)), np.zeros((1, 1)), verbose=0)
    return model.metrics


class Model(SimpleNamespace):
    """What a callback sees of a model: weights that name the epoch, a rate, a flag."""

    def __init__(self, learning_rate: float = 0.1) -> None:
        super().__init__(
            stop_training=False,
            optimizer=SimpleNamespace(learning_rate=learning_rate),
            weights=[np.array([-1.0])],
            metrics=_metrics(),
            saved=[],
        )

    def get_weights(self) -> list[np.ndarray]:
        """The weights."""
        return [weight.copy() for weight in self.weights]

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        """Replace them."""
        self.weights = list(weights)

    def save(self, path: str, overwrite: bool = True) -> None:
        """Note the path."""
        self.saved.append(path)


class Played(NamedTuple):
    """What a callback made of a script.

    Attributes:
        stopped: after which epoch it stopped training, or None.
        rates: the learning rate in each epoch and at the end.
        weights: the number of the epoch whose weights are left.
        best_epoch: where the callback knows it.
        saved: paths that it saved to.
    """

    stopped: int | None
    rates: list[float]
    weights: float
    best_epoch: int | None
    saved: list[str]


def play(callback: Spec, script: Sequence[Mapping[str, float]]) -> Played:
    """Run a Keras callback over epochs whose values are given."""
    made, model = callback.make(keras), Model()
    made.set_model(model)
    made.on_train_begin()
    return act(made, model, script)


def act(callback: Any, model: Any, script: Sequence[Mapping[str, float]]) -> Played:
    """Run a callback, of Keras or minidl, that training has begun for."""
    rates, stopped = [], None
    for epoch, logs in enumerate(script):
        callback.on_epoch_begin(epoch, {})
        rates.append(float(model.optimizer.learning_rate))
        model.weights = [np.array([float(epoch)])]
        callback.on_epoch_end(epoch, dict(logs))
        if model.stop_training:
            stopped = epoch
            break
    callback.on_train_end({})
    return Played(
        stopped,
        [*rates, float(model.optimizer.learning_rate)],
        float(model.weights[0][0]),
        getattr(callback, "best_epoch", None),
        model.saved,
    )


def csv_log(path: Any, scripts: Sequence[Sequence[Mapping[str, float]]], **options: Any) -> None:
    """Write Keras's CSVLogger's file for several fits in a row."""
    for script in scripts:
        logger = keras.callbacks.CSVLogger(path, **options)
        logger.set_model(Model())
        logger.on_train_begin()
        for epoch, logs in enumerate(script):
            logger.on_epoch_end(epoch, dict(logs))
        logger.on_train_end()


def lambda_callback(functions: Mapping[str, Any], epochs: int, batches: int) -> None:
    """Call a Keras LambdaCallback as fit does."""
    callbacks = keras.callbacks.CallbackList([keras.callbacks.LambdaCallback(**functions)])
    callbacks.on_train_begin()
    for epoch in range(epochs):
        callbacks.on_epoch_begin(epoch)
        for batch in range(batches):
            callbacks.on_train_batch_begin(batch)
            callbacks.on_train_batch_end(batch, {"loss": 0.0})
        callbacks.on_epoch_end(epoch, {"loss": 0.0})
    callbacks.on_train_end()


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """``keras.utils.to_categorical``."""
    return np.asarray(keras.utils.to_categorical(x, num_classes))


def summary_totals(layers: Sequence[Spec], input_shape: tuple[int, ...]) -> list[str]:
    """The lines of ``Sequential.summary`` that count parameters."""
    made = [named(keras, layer) for layer in layers]
    lines: list[str] = []
    keras.Sequential([keras.layers.Input(input_shape), *made]).summary(
        print_fn=lambda text: lines.extend(text.splitlines())
    )
    return [line.rstrip() for line in lines if "params:" in line]


def seeded(seed: int) -> None:
    """``keras.utils.set_random_seed``."""
    keras.utils.set_random_seed(seed)


def normalize(x: Any, axis: int = -1, order: float = 2) -> np.ndarray:
    """``keras.utils.normalize``."""
    return np.asarray(keras.utils.normalize(x, axis, order))

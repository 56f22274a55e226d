"""Keras's models as the oracle: frozen layers, models within models, files of weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tests.oracle import keras

L = keras.layers


class Trained(NamedTuple):
    """What came out of a fit."""

    loss: list[float]
    weights: list[np.ndarray]
    counts: list[int]


def _trained(model: Any, x: np.ndarray, y: np.ndarray, optimizer: Any, loss: str) -> Trained:
    model.compile(optimizer, loss, run_eagerly=True)
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, shuffle=False).history
    parts = model.trainable_weights, model.non_trainable_weights
    counts = [sum(int(np.prod(w.shape)) for w in part) for part in parts]
    return Trained(history["loss"], model.get_weights(), counts)


def frozen(
    weights: Sequence[np.ndarray], layers: Sequence[int], x: np.ndarray, y: np.ndarray
) -> Trained:
    """The network of ``tests/test_freezing.py``, trained without some of its layers."""
    model = keras.Sequential(
        [
            L.Input((4,)),
            L.Dense(6, activation="tanh", kernel_regularizer="l2"),
            L.BatchNormalization(momentum=0.5),
            L.Dense(5, activation="tanh"),
            L.Dense(3, activation="softmax"),
        ]
    )
    model.set_weights(list(weights))
    for index in layers:
        model.layers[index].trainable = False
    # Keras keeps the weights in another order where layers are frozen: read by layer.
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=0.3)
    found = _trained(model, x, y, optimizer, "sparse_categorical_crossentropy")
    return found._replace(weights=[w for layer in model.layers for w in layer.get_weights()])


def transferred(
    weights: Sequence[np.ndarray], x: np.ndarray, y: np.ndarray, trainable: bool
) -> Trained:
    """A base of two layers in a model with a new head: trained, the base frozen or not."""
    base = keras.Sequential([L.Input((4,)), L.Dense(6, activation="tanh"), L.Dense(5)])
    base.trainable = trainable
    model = keras.Sequential([base, L.ReLU(), L.Dense(3, activation="softmax")])
    model.build((None, 4))
    model.set_weights(list(weights))
    return _trained(
        model, x, y, keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy"
    )._replace(weights=[*base.get_weights(), *model.layers[-1].get_weights()])


def _network() -> Any:
    inner = keras.Sequential([L.Input((5,)), L.Dense(4), L.Dropout(0.2)])
    return keras.Sequential(
        [L.Input((3,)), L.Dense(5), L.BatchNormalization(), inner, L.ReLU(), L.Dense(2)]
    )


def write_weights(path: str) -> list[np.ndarray]:
    """A file of the network of ``tests/test_weight_files.py``; the weights in it."""
    model = _network()
    model.compile("adam", "mse")
    model.save_weights(path)
    found: list[np.ndarray] = model.get_weights()
    return found


def read_weights(path: str) -> list[np.ndarray]:
    """The weights of that network after reading a file."""
    model = _network()
    model.load_weights(path)
    found: list[np.ndarray] = model.get_weights()
    return found

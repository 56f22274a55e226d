"""``load_model(..., compile=False)``: the network of a file, without its training."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import FileFormatError, layers, losses
from minidl.models import load_model, save_model
from tests.oracle import keras

RNG = np.random.default_rng(0)
X, Y = RNG.random((8, 4)), RNG.random((8, 2))


class Squares(losses.Loss):
    """A loss that no register knows."""

    def row_losses(self, predictions: Any, t: Any, out: Any) -> None:
        out[...] = np.square(predictions - t).mean(axis=1, keepdims=True)

    def row_gradients(self, predictions: Any, t: Any, out: Any) -> None:
        out[...] = 2 * (predictions - t) / t.shape[1]


def trained(loss: Any) -> minidl.Sequential:
    model = minidl.Sequential([layers.Input((4,)), layers.Dense(3, "tanh"), layers.Dense(2)])
    model.compile("adam", loss, metrics=["mae"])
    model.fit(X, Y, epochs=2, verbose=0)
    return model


@pytest.mark.parametrize("name", ["a.npz", "a.keras"])
def test_the_network_comes_back_and_can_be_compiled(name: str, tmp_path: Path) -> None:
    model = trained("mse")
    save_model(model, tmp_path / name)
    loaded = load_model(tmp_path / name, None, False)  # Keras's places
    assert loaded.optimizer is None
    np.testing.assert_array_equal(loaded.theta, model.theta)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    loaded.compile("sgd", "mae")
    assert load_model(tmp_path / name).optimizer.iterations == 2


def test_a_loss_of_an_unknown_class_is_left_unread(tmp_path: Path) -> None:
    model = trained(Squares())
    model.save(tmp_path / "a.npz")
    with pytest.raises(FileFormatError, match="Squares"):
        load_model(tmp_path / "a.npz")
    loaded = load_model(tmp_path / "a.npz", compile=False)
    np.testing.assert_array_equal(loaded.theta, model.theta)


def test_a_file_of_keras_with_a_loss_that_minidl_lacks(tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    theirs = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
    theirs.compile("sgd", keras.losses.Tversky())
    keras.models.save_model(theirs, path)
    with pytest.warns(UserWarning, match="not compiled"):
        load_model(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load_model(path, compile=False)
    assert loaded.optimizer is None
    assert not keras.models.load_model(path, compile=False).compiled
    for ours, tensor in zip(loaded.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, tensor)

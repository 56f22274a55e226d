"""Dead units and update-to-weight ratios, by layer and epoch."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.backend import to_host
from minidl.callbacks import Callback, CSVLogger, EarlyStopping, LambdaCallback, LayerHealth
from minidl.layers import BatchNormalization, Dense, Dropout, Input, LeakyReLU, ReLU, Softmax
from minidl.optimizers import SGD
from tests.playing import counting

pytestmark = pytest.mark.usefixtures("executor")

X = np.random.default_rng(0).standard_normal((22, 5)).astype(np.float32)
Y = np.arange(22) % 3
DEAD = {"dead_units/first", "dead_units/relu"}
RATIOS = {f"update_ratio/{name}" for name in ("first", "second", "norm", "top")}


def model() -> minidl.Sequential:
    minidl.utils.set_random_seed(2)
    made = minidl.Sequential(
        [
            Input((5,)),
            Dense(8, "relu", name="first"),
            Dropout(0.3),
            Dense(6, name="second"),
            BatchNormalization(name="norm"),
            ReLU(name="relu"),
            Dense(3, name="top"),
            Softmax(),
        ]
    )
    made.compile(SGD(0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


class Look(Callback):
    """Computes both by itself, at each batch."""

    def __init__(self, sample: Any = None) -> None:
        self.dead: list[dict[str, float]] = []
        self.ratios: list[dict[str, float]] = []

    def on_train_batch_begin(self, batch: int, logs: Any) -> None:
        self.before = {layer.name: self.weights(layer) for layer in self.model.layers}

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        layers = {layer.name: layer for layer in self.model.layers}
        self.now = {
            f"dead_units/{name}": np.mean(to_host(layers[name].y).max(axis=0) == 0)
            for name in ("first", "relu")
        }
        for name in ("first", "second", "norm", "top"):
            before, after = self.before[name], self.weights(layers[name])
            ratio = np.linalg.norm(after - before) / np.linalg.norm(before)
            self.now[f"update_ratio/{name}"] = ratio

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.dead.append({name: self.now[name] for name in DEAD})
        self.ratios.append({name: self.now[name] for name in RATIOS})

    @staticmethod
    def weights(layer: Any) -> np.ndarray:
        found = [to_host(getattr(layer, key)).ravel() for key in layer.tensors]
        return np.concatenate([np.zeros(0), *found]).astype(np.float64)


@pytest.mark.parametrize("size", [5, 11])
def test_what_is_recorded(size: int) -> None:
    """In the History, of the last step; the last batch may be smaller. Validation disturbs none."""
    look = Look()
    options: dict[str, Any] = {"verbose": 0, "validation_data": (X[::-1] + 0.1, Y)}
    model().fit(X, Y, size, 4, callbacks=look, **options)
    history = model().fit(X, Y, size, 4, callbacks=LayerHealth(), **options).history
    assert {name for name in history if "/" in name} == DEAD | RATIOS
    for epoch in range(4):
        for name, value in {**look.dead[epoch], **look.ratios[epoch]}.items():
            assert history[name][epoch] == pytest.approx(value, rel=1e-4, abs=1e-7)
    assert len({*history["update_ratio/top"]}) == 4


@pytest.mark.parametrize("rows", [1, 3, 22])
def test_units_are_looked_at_on_a_sample(rows: int) -> None:
    """Of any size, as in inference: dropout and the batch's statistics have no part in it."""
    made = model()
    history = made.fit(X, Y, 5, 2, 0, LayerHealth(X[:rows])).history
    made.forward(X[:rows])
    for name in ("first", "relu"):
        layer = next(each for each in made.layers if each.name == name)
        expected = np.mean(to_host(layer.y).max(axis=0) == 0)
        assert history[f"dead_units/{name}"][-1] == pytest.approx(expected)


def test_a_unit_with_a_large_negative_bias_is_dead() -> None:
    made = model()
    made.build()
    made.layers[0].b[:6] = -1e6
    assert made.fit(X, Y, 5, 1, 0, LayerHealth()).history["dead_units/first"] == [0.75]


def test_leaky_units_never_die_and_other_activations_are_left_out() -> None:
    made = minidl.Sequential([Dense(4, "tanh"), Dense(4), LeakyReLU(name="leaky"), Dense(1)])
    made.compile(SGD(0.0), "mse")
    history = made.fit(X, Y, 5, 1, 0, LayerHealth()).history
    assert {n: v for n, v in history.items() if "dead" in n} == {"dead_units/leaky": [0]}
    assert {v for n, (v,) in history.items() if "ratio" in n} == {0}


def test_weights_of_0_that_move() -> None:
    made = minidl.Sequential([Dense(1, kernel_initializer="zeros", name="only")])
    made.compile(SGD(0.1), "mse")
    assert made.fit(X, Y, 22, 1, 0, LayerHealth()).history["update_ratio/only"] == [np.inf]


def test_an_epoch_that_ends_early_has_no_values() -> None:
    made = model()

    def stop(batch: int, logs: Any) -> None:
        made.stop_training = True

    history = made.fit(X, Y, 5, 1, 0, [LayerHealth(), LambdaCallback(on_train_batch_end=stop)])
    assert np.isnan([history.history[name] for name in DEAD | RATIOS]).all()


def test_other_callbacks_have_the_values(tmp_path: Path, capsys: Any) -> None:
    told: list[dict[str, float]] = []
    note = LambdaCallback(on_epoch_end=lambda epoch, logs: told.append(dict(logs)))
    stop = EarlyStopping("update_ratio/top", patience=1, mode="min", min_delta=1e9)
    logger = CSVLogger(tmp_path / "log.csv")
    made = model()
    history = made.fit(X, Y, 5, 3, 2, [LayerHealth(), note, stop, logger]).history
    assert stop.stopped_epoch == 1
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    for name in DEAD | RATIOS:
        assert history[name] == [logs[name] for logs in told]
        assert history[name] == [float(row[name]) for row in rows]
    assert "update_ratio/top: " in capsys.readouterr().out


def test_training_is_what_it_would_be() -> None:
    plain, watched = model(), model()
    first = plain.fit(X, Y, 5, 3, 0).history
    second = watched.fit(X, Y, 5, 3, 0, LayerHealth()).history
    assert first["loss"] == pytest.approx(second["loss"], rel=1e-6)
    for one, two in zip(plain.get_weights(), watched.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("executor", ["compiled"], indirect=True)
def test_steps_are_played_all_the_same(executor: str) -> None:
    with counting() as played:
        model().fit(X[:20], Y[:20], 5, 3, 0, LayerHealth())
    assert len(played) == 3 * 4 - 2

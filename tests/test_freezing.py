"""Layers whose ``trainable`` is False: what moves, what the loss counts, and Keras's numbers."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers, optimizers
from minidl.models import load_model
from tests import oracle_models

X = np.random.default_rng(3).normal(size=(40, 4))
Y = np.arange(40) % 3
EXECUTORS = ["python", "blocks", "compiled"]


def model(optimizer: Any, frozen: tuple[int, ...] = ()) -> Any:
    minidl.utils.set_random_seed(5)
    made = minidl.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(6, activation="tanh", kernel_regularizer="l2"),
            layers.BatchNormalization(momentum=0.5),
            layers.Dense(5, activation="tanh"),
            layers.Dense(3, activation="softmax"),
        ],
        dtype="float64",
    )
    made.compile(optimizer, "sparse_categorical_crossentropy")
    for index in frozen:
        made.layers[index].trainable = False
    return made


@pytest.mark.parametrize("executor", EXECUTORS)
def test_frozen_tensors_stay_whatever_the_optimizer_has_gathered(executor: str) -> None:
    """Momentum, moments and weight decay of before would move them."""
    minidl.backend.use("numpy", executor=executor)
    for optimizer in (optimizers.SGD(0.1, momentum=0.9), optimizers.AdamW(0.05, weight_decay=0.1)):
        made = model(optimizer)
        made.fit(X, Y, batch_size=8, epochs=4, verbose=0)
        for index in (0, 1, 3):
            made.layers[index].trainable = False
        before = made.get_weights()
        made.fit(X, Y, batch_size=8, epochs=8, initial_epoch=4, verbose=0)
        same = [np.array_equal(a, b) for a, b in zip(before, made.get_weights(), strict=True)]
        assert same == [True] * 6 + [False] * 2 + [True] * 2
        made.layers[0].trainable = True
        made.fit(X, Y, batch_size=8, epochs=12, initial_epoch=8, verbose=0)
        same = [np.array_equal(a, b) for a, b in zip(before, made.get_weights(), strict=True)]
        assert same == [False] * 2 + [True] * 4 + [False] * 2 + [True] * 2


def test_executors_agree_and_a_callback_may_freeze() -> None:
    """To the last bit; from the batch after which the callback says so."""

    class Freeze(minidl.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.layers[2].trainable = batch % 3 == 0

    found = []
    for executor in EXECUTORS:
        minidl.backend.use("numpy", executor=executor)
        made = model(optimizers.Adam(0.05, global_clipnorm=0.5), (0, 1))
        made.fit(X, Y, batch_size=8, epochs=6, verbose=0)
        made.fit(X, Y, batch_size=8, epochs=9, initial_epoch=6, verbose=0, callbacks=[Freeze()])
        found.append(made.get_weights())
    for weights in found[1:]:
        for a, b in zip(weights, found[0], strict=True):
            np.testing.assert_array_equal(a, b)


class Shift(layers.Layer):
    """y = x + b."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.add_tensor("b", "bias", input_shape, minidl.initializers.Zeros())

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        return x + self.b

    def backward(self, dy: Any) -> Any:
        self.db[...] = dy.sum(axis=0)
        return dy


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_callback_thaws_and_freezes_a_layer_of_ones_own(executor: str) -> None:
    minidl.backend.use("numpy", executor=executor)
    made = model(optimizers.SGD(0.1))
    made.add(Shift())
    made.compile(optimizers.SGD(0.1), "mse")
    made.layers[-1].trainable = False
    shifts = []

    def change(epoch: int, logs: Any) -> None:
        shifts.append(made.layers[-1].b.copy())
        made.layers[-1].trainable = epoch // 20 == 1

    callback = minidl.callbacks.LambdaCallback(on_epoch_end=change)
    made.fit(X, np.eye(3)[Y], batch_size=20, epochs=60, verbose=0, callbacks=callback)
    moved = [bool((a != b).any()) for a, b in itertools.pairwise(shifts)]
    assert moved == [19 < epoch < 40 for epoch in range(59)]


@pytest.mark.parametrize("frozen", [(0, 1), (1,), (3,)], ids=str)
def test_numbers_are_those_of_keras(frozen: tuple[int, ...]) -> None:
    """Clipping by the norm of all, statistics, and penalties of what does not train."""
    made = model(optimizers.SGD(0.1, momentum=0.9, global_clipnorm=0.3), frozen)
    start = made.get_weights()
    history = made.fit(X, Y, batch_size=8, epochs=2, verbose=0, shuffle=False).history
    expected = oracle_models.frozen(start, frozen, X, Y)
    # float64 and some tens of steps' roundings.
    np.testing.assert_allclose(history["loss"], expected.loss, rtol=1e-10)
    for a, b in zip(made.get_weights(), expected.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    counts = [sum(w.size for w in part)
              for part in (made.trainable_weights, made.non_trainable_weights)]  # fmt: skip
    assert counts == expected.counts


def test_the_summary_counts(capsys: Any) -> None:
    made = model("sgd", (0, 1))
    made.summary(show_trainable=True)
    shown = capsys.readouterr().out
    assert " Trainable params: 53 (" in shown
    assert " Non-trainable params: 54 (" in shown
    assert [line.split()[-1] for line in shown.splitlines()[4:8]] == ["N", "N", "Y", "Y"]


def test_saved_and_loaded(tmp_path: Path) -> None:
    made = model("sgd", (1,))
    made.save(tmp_path / "m.npz")
    loaded = load_model(tmp_path / "m.npz")
    assert [layer.trainable for layer in loaded.layers] == [True, False, True, True]
    for each in (made, loaded):
        each.fit(X, Y, verbose=0)
    for a, b in zip(made.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_whole_model() -> None:
    made = model("sgd")
    made.trainable = False
    assert made.trainable_weights == []
    before = made.get_weights()
    made.fit(X, Y, verbose=0)
    for a, b in zip(before, made.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    made.trainable = True
    assert [layer.trainable for layer in made.layers] == [True] * 4


@pytest.mark.parametrize("frozen", [(0, 1), (1,), (3,)], ids=str)
def test_the_gradient_check_looks_at_what_trains(frozen: tuple[int, ...]) -> None:
    made = model("sgd", frozen)
    found = minidl.gradient_check.gradcheck(made, X[:6], Y[:6])
    names = {check.name for check in found.checks}
    assert {weight.path for weight in made.trainable_weights} <= names
    assert names.isdisjoint(weight.path for weight in made.non_trainable_weights)

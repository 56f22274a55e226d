"""Trainings that go on from a file: Keras's in minidl, minidl's in Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.interop.keras.optimizers import GROUPS
from tests.interop import keras_models
from tests.oracle import keras

# Both sides compute in float64; over 50 steps rounding of 1e-16 grows by the condition of a step.
TOLERANCE = 1e-9
CHANCE = np.random.default_rng(0)
X = CHANCE.normal(size=(4, 8, 4))
Y = np.eye(3)[CHANCE.integers(3, size=(4, 8))]
O = keras.optimizers  # noqa: E741
S = keras.optimizers.schedules

# Keras computes schedules in float32, which has these rates exactly.
CASES: dict[str, Any] = {
    "SGD": lambda: O.SGD(S.ExponentialDecay(0.0625, 16, 0.5, True), momentum=0.9, nesterov=True),
    "RMSprop": lambda: O.RMSprop(0.01, momentum=0.5, centered=True, global_clipnorm=1.0),
    "Adam": lambda: O.Adam(0.01, amsgrad=True, use_ema=True, ema_overwrite_frequency=7),
    "AdamW": lambda: O.AdamW(
        S.PiecewiseConstantDecay([9, 60], [0.0625, 0.25, 0.125]), weight_decay=0.01, clipnorm=0.5
    ),
    "Nadam": lambda: O.Nadam(0.01),
    "Adagrad": lambda: O.Adagrad(0.05, use_ema=True),
    "Adamax": lambda: O.Adamax(0.01, gradient_accumulation_steps=3),
    "Adadelta": lambda: O.Adadelta(1.0, clipvalue=0.5),
    "Lion": lambda: O.Lion(0.001),
    "Ftrl": lambda: O.Ftrl(0.05, l1_regularization_strength=0.001),
}


def go_on(model: Any, count: int) -> None:
    for index in range(count):
        model.train_on_batch(X[index % 4], Y[index % 4])


def tensors(model: Any) -> list[np.ndarray]:
    """As :func:`keras_models.tensors`."""
    state = minidl.interop.keras.optimizers.state(model).values()
    return [*model.get_weights(), *state]


def assert_same(own: Any, their: Any) -> None:
    for a, b in zip(tensors(own), keras_models.tensors(their), strict=True):
        np.testing.assert_allclose(a, b, rtol=TOLERANCE, atol=TOLERANCE)


#: By default: a state of three groups, one with a number at its end, one within an accumulation.
SHORT = ("Adam", "Nadam", "Adamax")


@pytest.mark.parametrize(
    "kind",
    [pytest.param(each, marks=[] if each in SHORT else pytest.mark.thorough) for each in CASES],
)
def test_fifty_steps_more(kind: str, tmp_path: Path) -> None:
    """In minidl from Keras's file, and then in Keras from minidl's."""
    path = tmp_path / "model.keras"
    their = keras_models.trained_alike(CASES[kind]())
    train = keras_models.trainer(their, X, Y)
    train(6)
    their.save(path)
    own = minidl.load_model(path)
    assert own.dtype == np.float64
    assert_same(own, their)
    train(50)
    go_on(own, 50)
    assert_same(own, their)
    own.save(path)
    again = keras_models.load(path)
    assert_same(own, again)
    keras_models.trainer(again, X, Y)(50)
    go_on(own, 50)
    assert_same(own, again)


@pytest.mark.parametrize("kind", SHORT)
def test_the_first_steps_after_a_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    keras_models.trained_alike(CASES[kind]()).save(path)
    own = minidl.load_model(path)
    own.save(path)
    their = keras_models.load(path)
    assert_same(own, their)
    keras_models.trainer(their, X, Y)(5)
    go_on(own, 5)
    assert_same(own, their)


def test_every_optimizer_of_both_has_a_case() -> None:
    both = {name for name in dir(minidl.optimizers) if hasattr(O, name) and name[0].isupper()}
    assert both - {"Optimizer"} == {*GROUPS} == {*CASES}

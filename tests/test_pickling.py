"""Models pickled and deep-copied: through their own file format, or as a configuration."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import joblib
import numpy as np
import pytest

import minidl
from minidl import layers, models

ROWS = np.random.default_rng(0).standard_normal((20, 3))
TARGETS = (ROWS.sum(axis=1) > 0).astype(int)


class Tripled(layers.Dense):
    """A class of somebody else's, without ``@register``."""


class Named(minidl.Sequential):
    """A kind of model of somebody else's."""


def trained(kind: Any = minidl.Sequential) -> Any:
    model = kind(
        [
            layers.Input((3,)),
            Tripled(8, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(1, "sigmoid"),
        ],
        dtype="float64",
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(ROWS, TARGETS, epochs=3, batch_size=8, verbose=0)
    return model


def through_joblib(model: Any, folder: Any) -> Any:
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


@pytest.mark.parametrize(
    "copied",
    [lambda m, _: copy.deepcopy(m), lambda m, _: copy.copy(m),
     lambda m, _: pickle.loads(pickle.dumps(m)), through_joblib],
    ids=["deepcopy", "copy", "pickle", "joblib"],
)  # fmt: skip
def test_a_copy_trains_on_as_the_model_does(copied: Any, tmp_path: Any) -> None:
    model = trained()
    other = copied(model, tmp_path)
    assert not np.shares_memory(other.theta, model.theta)
    assert other.history.history == model.history.history
    np.testing.assert_array_equal(other.predict(ROWS), model.predict(ROWS))
    for each in (model, other):  # optimizer, dropout and shuffle go on from the same state
        each.fit(ROWS, TARGETS, epochs=5, initial_epoch=3, batch_size=8, verbose=0)
    np.testing.assert_array_equal(other.theta, model.theta)
    np.testing.assert_array_equal(other.statistics.theta, model.statistics.theta)


def test_a_model_without_a_shape_is_copied_too() -> None:
    model = minidl.Sequential([layers.Dense(4, "relu"), layers.Dense(1)])
    model.compile("sgd", "mse")
    other = pickle.loads(pickle.dumps(model))
    assert other.input_row is None
    for each in (model, other):
        each.fit(ROWS, TARGETS, epochs=1, verbose=0)
    np.testing.assert_array_equal(other.theta, model.theta)


def test_the_class_is_kept_and_a_model_in_functional_form_becomes_sequential() -> None:
    assert type(copy.deepcopy(trained(Named))) is Named
    x = layers.Input((3,))
    model = models.Model(x, layers.Dense(2)(x))
    other = copy.deepcopy(model)
    assert type(other) is minidl.Sequential
    np.testing.assert_array_equal(other.predict(ROWS), model.predict(ROWS))


def test_weights_that_are_not_finite_are_kept() -> None:
    model = trained()
    model.theta[0] = np.nan
    assert np.isnan(pickle.loads(pickle.dumps(model)).theta[0])


def test_a_network_without_a_file_says_so() -> None:
    with pytest.raises(TypeError, match="expected a Sequential"):
        copy.deepcopy(models.Network([layers.Dense(2)]))


def _predicted(model: Any) -> np.ndarray:
    found: np.ndarray = model.predict(ROWS)
    return found


def test_another_process_predicts_the_same() -> None:
    model = trained()
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        found = pool.submit(_predicted, model).result(timeout=120)
    # Another process may choose another BLAS kernel for eight units: a few units in the last place.
    np.testing.assert_allclose(found, model.predict(ROWS), rtol=1e-12)

"""Estimators around networks of one's own."""

from __future__ import annotations

import copy
import pickle
from functools import partial
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers
from minidl.callbacks import EarlyStopping
from minidl.estimators import NetworkClassifier, NetworkRegressor

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((80, 4))
VALUES = X @ RANDOM.standard_normal((4, 3))
CLASS = np.array(["a", "b", "c"])[VALUES.argmax(axis=1)]


def fast() -> minidl.optimizers.Adam:
    return minidl.optimizers.Adam(0.02)


def network(features: int, outputs: int) -> minidl.Sequential:
    return minidl.Sequential(
        [layers.Input((features,)), layers.Dense(12, "relu"), layers.Dense(outputs)]
    )


def ended(features: int, outputs: int, activation: str) -> minidl.Sequential:
    return minidl.Sequential([layers.Dense(12, "relu"), layers.Dense(outputs, activation)])


def ending(activation: str) -> Any:
    return partial(ended, activation=activation)


@pytest.mark.parametrize("build", [network, ending("softmax"), network(4, 3)])
@pytest.mark.parametrize("loss", [None, "sparse_categorical_crossentropy"])
def test_classes_of_any_type(build: Any, loss: Any) -> None:
    made = NetworkClassifier(build, optimizer=fast(), loss=loss, epochs=60,
                             metrics=["accuracy"], random_state=0)  # fmt: skip
    assert made.fit(X, CLASS).score(X, CLASS) > 0.95
    np.testing.assert_allclose(made.predict_proba(X).sum(axis=1), 1, rtol=1e-6)
    assert set(made.predict(X)) == {"a", "b", "c"}
    assert made.history_.history["accuracy"][-1] > 0.9
    again = copy.deepcopy(made).fit(X, CLASS)
    np.testing.assert_array_equal(again.network_.theta, made.network_.theta)
    other = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(other.predict_proba(X), made.predict_proba(X))


def test_two_classes_and_several_labels() -> None:
    for build in (network, ending("softmax")):
        made = NetworkClassifier(build, optimizer=fast(), epochs=80, random_state=0)
        made.fit(X, VALUES[:, 0] > 0)
        assert made.network_.output_row == (2,)
        assert made.score(X, VALUES[:, 0] > 0) > 0.9
    one = NetworkClassifier(lambda features, _: ending("sigmoid")(features, 1), random_state=0)
    assert one.fit(X, VALUES[:, 0] > 0).predict_proba(X).shape == (80, 2)
    labels = (VALUES > 0).astype(int)
    for build in (network, ending("sigmoid")):
        made = NetworkClassifier(build, optimizer=fast(), epochs=80, random_state=0).fit(X, labels)
        assert made.network_.output_activation == "sigmoid"
        assert (made.predict(X) == labels).mean() > 0.9


def test_a_sigmoid_for_each_class_gives_probabilities() -> None:
    made = NetworkClassifier(ending("sigmoid"), epochs=2, random_state=0).fit(X, CLASS)
    outputs, found = made.network_.predict(X), made.predict_proba(X)
    np.testing.assert_allclose(found, outputs / outputs.sum(axis=1, keepdims=True), rtol=1e-6)
    np.testing.assert_array_equal(made.predict(X), made.classes_[found.argmax(axis=1)])


@pytest.mark.parametrize("outputs", [1, 2])
def test_one_class_alone(outputs: int) -> None:
    made = NetworkClassifier(lambda features, _: network(features, outputs), epochs=1)
    assert set(made.fit(X, np.full(len(X), "a")).predict(X)) == {"a"}


def test_losses_and_ends_that_do_not_suit_the_targets() -> None:
    labels = (VALUES > 0).astype(int)
    with pytest.raises(ValueError, match=r"loss: expected one that takes several labels.*Sparse"):
        NetworkClassifier(network, loss="sparse_categorical_crossentropy").fit(X, labels)
    constant = NetworkClassifier(lambda features, _: ending("softmax")(features, 1))
    with pytest.raises(ValueError, match=r"build: expected a sigmoid, .* a softmax over one"):
        constant.fit(X, VALUES[:, 0] > 0)


def test_values_in_one_column_or_several() -> None:
    for y in (VALUES[:, 0], VALUES):
        made = NetworkRegressor(network, epochs=150, optimizer=fast(),
                                random_state=0).fit(X, y)  # fmt: skip
        assert made.predict(X).shape == y.shape
        assert made.score(X, y) > 0.95


def test_an_eval_set_is_watched_by_callbacks_and_training_goes_on() -> None:
    made = NetworkRegressor(
        network, epochs=200, callbacks=EarlyStopping("val_loss", patience=1, min_delta=1e9),
        warm_start=True, random_state=0,
    )  # fmt: skip
    made.fit(X, VALUES, eval_set=(X[:20], VALUES[:20]))
    assert len(made.history_.history["val_loss"]) < 5
    before = len(made.history_.epoch)
    made.set_params(callbacks=None, epochs=3).fit(X, VALUES)
    made.partial_fit(X, VALUES)
    assert len(made.history_.epoch) == before + 4
    steps = made.network_.step
    classifier = NetworkClassifier(network).partial_fit(X[:9], CLASS[:9], classes=["a", "b", "c"])
    assert (steps, classifier.network_.step) == (before + 4, 1)


def test_a_built_network_keeps_its_weights() -> None:
    made = network(4, 3)
    made.build()
    start = made.theta.copy()
    still: Any = {"optimizer": minidl.optimizers.SGD(0.0), "epochs": 1}
    estimator = NetworkRegressor(lambda features, outputs: made, **still).fit(X, VALUES)
    np.testing.assert_array_equal(estimator.network_.theta, start)
    fresh = NetworkRegressor(made, **still).fit(X, VALUES)
    assert not np.array_equal(fresh.network_.theta, start)


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda features, outputs: 3, TypeError, "returned int"),
        (lambda features, outputs: network(features, 7), ValueError, "expected a network of 3 out"),
        (5, ValueError, "'build' parameter of NetworkClassifier must be a callable"),
    ],
)
def test_errors_name_what_build_should_give(build: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        NetworkClassifier(build).fit(X, CLASS)

"""Fitted estimators of scikit-learn as models, and models as estimators."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor

import minidl
from minidl import estimators, interop, layers

CHANCE = np.random.default_rng(0)
X = CHANCE.normal(size=(60, 4))
LABELS = np.array(["ant", "bee", "cat"])[np.arange(60) % 3]
# Sums of up to 9 products in another order: some roundings of each type's 2⁻⁵² and 2⁻²³.
RTOL = {"float64": 1e-12, "float32": 1e-5}


def fitted(kind: Any, y: Any, dtype: str = "float64", **options: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # three epochs are meant
        return kind(hidden_layer_sizes=(9, 5), max_iter=3, random_state=0, **options).fit(
            X.astype(dtype), y
        )


def outputs(estimator: Any, dtype: str = "float64") -> Any:
    """Probabilities, as columns, or predictions."""
    rows = X.astype(dtype)
    if not hasattr(estimator, "predict_proba"):
        return estimator.predict(rows).reshape(60, -1)
    found = estimator.predict_proba(rows)
    return (
        found[:, 1:]
        if estimator.out_activation_ == "logistic"
        and len(estimator.classes_) == 2
        and estimator.n_outputs_ == 1
        else found
    )


CASES = {
    "classes": (MLPClassifier, LABELS, "relu"),
    "two classes": (MLPClassifier, LABELS == "bee", "tanh"),
    "labels": (MLPClassifier, (X[:, :3] > 0).astype(int), "logistic"),
    "numbers": (MLPRegressor, X[:, 0], "identity"),
    "several numbers": (MLPRegressor, X[:, :2], "relu"),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_there_and_back(case: str, dtype: str) -> None:
    kind, y, activation = CASES[case]
    estimator = fitted(kind, y, dtype, activation=activation)
    model = interop.from_sklearn(estimator)
    assert model.dtype == dtype
    predictions = model.predict(X.astype(dtype))
    np.testing.assert_allclose(predictions, outputs(estimator, dtype), rtol=RTOL[dtype], atol=1e-7)
    plain = kind is MLPRegressor or case == "labels"
    back = interop.to_sklearn(model, None if plain else estimator.classes_)
    assert type(back) is kind
    np.testing.assert_array_equal(outputs(back, dtype), outputs(estimator, dtype))
    np.testing.assert_array_equal(back.predict(X.astype(dtype)), estimator.predict(X.astype(dtype)))
    before = back.coefs_[0].copy()
    back.partial_fit(X.astype(dtype), y)
    assert back.coefs_[0].dtype == dtype
    # The first step of a new Adam is the learning rate long, but for gradients near epsilon.
    moved = np.abs(back.coefs_[0] - before).max()
    np.testing.assert_allclose(moved, back.learning_rate_init, rtol=1e-2)
    assert len(back.loss_curve_) == 1


def test_counts_of_poisson_regression() -> None:
    y = CHANCE.poisson(2.0, 60)
    try:
        estimator = fitted(MLPRegressor, y, loss="poisson")
    except TypeError as error:  # scikit-learn before 1.7
        pytest.fail(f"expected a scikit-learn whose MLPRegressor takes a loss: {error}")
    model = interop.from_sklearn(estimator)
    np.testing.assert_allclose(model.predict(X), outputs(estimator), rtol=RTOL["float64"])
    np.testing.assert_array_equal(interop.to_sklearn(model).predict(X), estimator.predict(X))


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_training_goes_on_in_minidl(solver: str) -> None:
    model = interop.from_sklearn(fitted(MLPClassifier, LABELS, solver=solver))
    assert type(model.optimizer).__name__ == ("SGD" if solver == "sgd" else "Adam")
    y = np.unique(LABELS, return_inverse=True)[1]
    losses = model.fit(X, y, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]


def test_a_network_of_minidl() -> None:
    """Dropout goes, a softmax over two classes becomes one unit, a layer without bias has zeros."""
    model = minidl.Sequential(
        [
            layers.Input((4,)),
            layers.Dropout(0.5),
            layers.Dense(6, use_bias=False),
            layers.Tanh(),
            layers.GaussianNoise(0.1),
            layers.Dense(5, "tanh"),
            layers.Dense(2, "softmax"),
        ],
        dtype="float64",
    )
    estimator = interop.to_sklearn(model, ["no", "yes"])
    assert estimator.get_params()["hidden_layer_sizes"] == (6, 5)
    assert estimator.intercepts_[0].tolist() == [0.0] * 6
    expected = model.predict(X)
    np.testing.assert_allclose(estimator.predict_proba(X), expected, rtol=RTOL["float64"])
    assert (estimator.predict(X) == np.array(["no", "yes"])[expected.argmax(axis=1)]).all()


class Louder(layers.Dense):
    """Computes something else."""

    def forward(self, *arguments: Any) -> Any:
        return 2 * super().forward(*arguments)


class Tripled(layers.Dropout):
    """Computes something else, too."""

    def forward(self, x: Any, *_: Any) -> Any:
        return 3 * x


def test_refusals() -> None:
    with pytest.raises(TypeError, match="received LogisticRegression"):
        interop.from_sklearn(LogisticRegression())
    with pytest.raises(NotFittedError):
        interop.from_sklearn(MLPClassifier())
    with pytest.raises(TypeError, match=r"minidl's MLPClassifier, whose network is .*network_"):
        interop.from_sklearn(fitted(estimators.MLPClassifier, LABELS, batch_normalization=True))
    wrong = minidl.Sequential(
        [
            layers.Input((2, 2)),
            layers.Flatten(),
            layers.Dense(3, "relu", name="first"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(3, "tanh", name="second"),
            layers.Dense(3, "elu", name="last"),
        ]
    )
    with pytest.raises(ValueError, match=r"'flatten.*norm.*second.*tanh.*last.*elu"):
        interop.to_sklearn(wrong)
    alone = minidl.Sequential([layers.Input((2,)), layers.Dense(1, "softmax", name="one")])
    with pytest.raises(ValueError, match="'one', the last, with a softmax over one unit"):
        interop.to_sklearn(alone)
    louder = minidl.Sequential([layers.Input((2,)), Louder(3), Tripled(0.5), layers.Dense(1)])
    with pytest.raises(ValueError, match=r"'louder' \(Louder\); 'tripled' \(Tripled\)$"):
        interop.to_sklearn(louder)
    three = interop.from_sklearn(fitted(MLPClassifier, LABELS))
    for classes in (["a", "b"], ["a", "b", "b"], ["b", "a", "c"]):
        with pytest.raises(ValueError, match="classes: expected"):
            interop.to_sklearn(three, classes)
    with pytest.raises(ValueError, match="None for a regressor"):
        interop.to_sklearn(interop.from_sklearn(fitted(MLPRegressor, X[:, 0])), [0, 1])

"""Perceptrons beside scikit-learn's: equal weights and curves after the same training in float64.

Both start from the weights that ``random_state`` gives. The sums of a product are rounded in
another order, an error of 1e-16 that training multiplies. A wrong factor in any formula
would change more than 1e-9 by far.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import sklearn.neural_network as theirs
from scipy import sparse
from sklearn.base import BaseEstimator

import minidl
from minidl import estimators
from minidl.estimators.base import Rows
from minidl.estimators.parts import evened

RANDOM = np.random.default_rng(7)
X = RANDOM.standard_normal((60, 5))
WEIGHT = RANDOM.uniform(0.2, 2, 60)
SUM = X @ RANDOM.standard_normal((5, 3))
TARGETS: dict[str, Any] = {
    "binary": np.where(SUM[:, 0] > 0, "yes", "no"),
    "multiclass": SUM.argmax(axis=1) * 10,
    "multilabel": (SUM > 0).astype(int),
    "value": SUM[:, 0],
    "values": SUM,
    "counts": RANDOM.poisson(np.exp(SUM[:, 0] / 3)),
}
# L-BFGS's line searches multiply rounding. The Poisson loss is here y - t log(y + 1e-7), and a
# gradient that is 1e-7 off moves weights near 0 by more of their size.
RTOL, COUNTS = {"lbfgs": 1e-6}, 1e-5


def pair(kind: str, **arguments: Any) -> tuple[Any, Any]:
    """minidl's and scikit-learn's estimator for a kind of targets."""
    name = "MLPClassifier" if kind in ("binary", "multiclass", "multilabel") else "MLPRegressor"
    if kind == "counts":
        arguments["loss"] = "poisson"
    arguments = {"hidden_layer_sizes": (7, 4), "random_state": 3, "max_iter": 25, **arguments}
    return getattr(estimators, name)(**arguments), getattr(theirs, name)(**arguments)


def fitted(estimator: BaseEstimator, *data: Any, **more: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ConvergenceWarning, of both
        return estimator.fit(*data, **more)


def compare(one: Any, other: Any, rtol: float = 1e-9) -> None:
    """Weights, curves, counts and predictions."""
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(one, name) == getattr(other, name), name
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(one, name), getattr(other, name), strict=True):
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)
    for name in ("loss_", "best_loss_", "loss_curve_", "validation_scores_"):
        a, b = getattr(one, name, None), getattr(other, name, None)
        assert (a is None) == (b is None), name
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=rtol)
    if hasattr(one, "classes_"):
        assert one.predict(X).dtype == other.predict(X).dtype
        np.testing.assert_array_equal(one.predict(X), other.predict(X))
        np.testing.assert_allclose(one.predict_proba(X), other.predict_proba(X), rtol=1e-5)
    else:
        np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-5, atol=1e-9)


SOLVERS: dict[str, dict[str, Any]] = {
    "adam": {"solver": "adam", "learning_rate_init": 0.02},
    "sgd": {"solver": "sgd", "learning_rate_init": 0.05},
    "plain": {"solver": "sgd", "momentum": 0, "learning_rate": "invscaling",
              "learning_rate_init": 0.3, "power_t": 0.1},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.02},
    "lbfgs": {"solver": "lbfgs", "max_iter": 12},
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "solver"),
    # Of several values, scikit-learn's L-BFGS follows another gradient than its loss's: below.
    [(k, s) for k in TARGETS for s in SOLVERS if (k, s) != ("values", "lbfgs")],
)
def test_equal_weights_after_equal_steps(kind: str, solver: str) -> None:
    ours, other = pair(kind, **SOLVERS[solver], alpha=0.05, activation="tanh")
    for each in (ours, other):
        fitted(each, X, TARGETS[kind], sample_weight=WEIGHT)
    compare(ours, other, COUNTS if kind == "counts" else RTOL.get(solver, 1e-9))


def test_lbfgs_minimizes_the_loss_whose_gradient_it_follows() -> None:
    ours, other = pair("values", solver="lbfgs", activation="identity", max_iter=2000, tol=1e-9)
    for each in (ours, other):
        fitted(each, X, TARGETS["values"])
    # scikit-learn reports the mean over outputs and steps along the gradient of the sum.
    error = ((ours.predict(X) - SUM) ** 2).sum(axis=1).mean() / 2
    penalty = sum((W**2).sum() for W in ours.coefs_) * ours.alpha / 2 / len(X)
    np.testing.assert_allclose(ours.loss_, error + penalty, rtol=1e-9)
    assert ours.score(X, SUM) >= other.score(X, SUM) - 1e-6


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_each_activation(activation: str) -> None:
    ours, other = pair("multiclass", activation=activation, alpha=1.0)
    compare(fitted(ours, X, TARGETS["multiclass"]), fitted(other, X, TARGETS["multiclass"]))


def test_batches_in_order_and_both_ways_of_early_stopping() -> None:
    arguments = {"batch_size": 15, "shuffle": False, "alpha": 0.1, "max_iter": 60}
    ours, other = pair("multiclass", **arguments)
    compare(fitted(ours, X, TARGETS["multiclass"]), fitted(other, X, TARGETS["multiclass"]))
    # 45 of 60 rows to train on, from the same split.
    arguments |= {
        "early_stopping": True,
        "validation_fraction": 0.25,
        "n_iter_no_change": 3,
        "tol": 0.03,
    }
    for kind in ("binary", "value"):
        ours, other = pair(kind, **arguments, learning_rate_init=0.03)
        compare(fitted(ours, X, TARGETS[kind]), fitted(other, X, TARGETS[kind]))
        assert ours.n_iter_ < 60
        assert ours.best_validation_score_ == pytest.approx(other.best_validation_score_)


def test_the_deviance_is_that_of_the_rows_that_are_trained_on() -> None:
    ours, other = pair("counts", early_stopping=True, validation_fraction=0.5)
    compare(fitted(ours, X, TARGETS["counts"]), fitted(other, X, TARGETS["counts"]), COUNTS)


def test_held_out_values_need_no_shares_of_true_and_false() -> None:
    ours, other = pair("value", early_stopping=True, validation_fraction=0.25)
    one_is_true = np.arange(60) == 7
    compare(fitted(ours, X, one_is_true), fitted(other, X, one_is_true))


def test_a_smaller_last_batch_has_the_gradient_of_its_rows() -> None:
    # No penalty, which is divided by the mean number of rows.
    arguments: dict[str, Any] = {"batch_size": 25, "shuffle": False, "alpha": 0.0}
    ours, other = pair("multiclass", **arguments)
    for each in (ours, other):
        fitted(each, X, TARGETS["multiclass"], sample_weight=WEIGHT)
    compare(ours, other)
    # Rows of weight 0, which fill it up where rows are shuffled, have no gradient.
    filled, _ = pair("multiclass", **arguments)
    x, y, weight = evened(Rows(X, TARGETS["multiclass"], WEIGHT), 25)
    assert len(x) == 75
    fitted(filled, x, y, sample_weight=weight)
    for a, b in zip(filled.coefs_, other.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("executor", ["python", "blocks", "compiled"])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "value", "values"])
def test_the_loss_of_an_epoch_is_the_mean_over_rows(
    kind: str, shuffle: bool, executor: str
) -> None:
    """Of a network that stands still, in any order of rows; the last batch has 10 of 25 rows."""
    arguments: dict[str, Any] = {
        "batch_size": 25, "shuffle": shuffle, "alpha": 0.5, "solver": "sgd", "max_iter": 5,
        "learning_rate_init": 1e-14,
    }  # fmt: skip
    with minidl.backend.use("numpy", executor=executor):
        ours, other = pair(kind, **arguments)
        for each in (ours, other):
            fitted(each, X, TARGETS[kind])
        assert len(X) % 25 == 10
        np.testing.assert_allclose(ours.loss_curve_, other.loss_curve_, rtol=1e-10)
        # With weights, a row counts with its weight.
        weighted, _ = pair(kind, **{**arguments, "alpha": 0.0})
        fitted(weighted, X, TARGETS[kind], sample_weight=WEIGHT)
    single, _ = pair(kind, **{**arguments, "alpha": 0.0, "shuffle": False, "batch_size": len(X)})
    fitted(single, X, TARGETS[kind], sample_weight=WEIGHT)
    if shuffle:
        np.testing.assert_allclose(weighted.loss_curve_, single.loss_curve_, rtol=1e-10)


def test_the_rules_that_end_training() -> None:
    for more in ({"learning_rate": "adaptive"}, {"learning_rate": "constant"}):
        ours, other = pair(
            "binary", solver="sgd", tol=0.02, n_iter_no_change=2, max_iter=500,
            learning_rate_init=0.2, **more,
        )  # fmt: skip
        compare(fitted(ours, X, TARGETS["binary"]), fitted(other, X, TARGETS["binary"]))
        assert ours.n_iter_ < 500
        assert float(ours.network_.optimizer.learning_rate) == pytest.approx(
            other._optimizer.learning_rate, rel=1e-12
        )


def test_warm_start_and_partial_fit_go_on_as_there() -> None:
    ours, other = pair("value", warm_start=True, solver="sgd", learning_rate="invscaling",
                       learning_rate_init=0.1)  # fmt: skip
    for _ in range(2):
        compare(fitted(ours, X, SUM[:, 0]), fitted(other, X, SUM[:, 0]))
    ours, other = pair("multiclass")
    for start in (0, 20, 40):
        rows = slice(start, start + 20)
        for each in (ours, other):
            each.partial_fit(X[rows], TARGETS["multiclass"][rows], classes=[0, 10, 20])
        compare(ours, other)


def test_sparse_rows_and_each_type_of_numbers() -> None:
    dense = np.where(X > 0.3, X, 0)
    for container in (sparse.csr_matrix, sparse.csc_array):
        ours, other = pair("binary")
        for each in (ours, other):
            fitted(each, container(dense), TARGETS["binary"])
        compare(ours, other)
    ours, _ = pair("value")
    assert fitted(ours, X.astype(np.float32), SUM[:, 0]).coefs_[0].dtype == np.float32
    assert ours.predict(X.astype(np.float32)).dtype == np.float32
    assert fitted(ours, (X * 9).astype(int), SUM[:, 0]).coefs_[0].dtype == np.float64


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_every_argument_and_public_name_of_scikit_learns(name: str) -> None:
    ours, other = getattr(estimators, name), getattr(theirs, name)
    defaults = ours().get_params()
    for argument, value in other().get_params().items():
        assert defaults[argument] == value, argument
    target = "binary" if name == "MLPClassifier" else "value"
    one, two = (fitted(kind(max_iter=2), X, TARGETS[target]) for kind in (ours, other))
    public = {each for each in dir(two) if not each.startswith("_")}
    # Names of scikit-learn's base class are there by inheritance; all others have to be.
    assert public - set(dir(one)) == set()

"""Estimators within scikit-learn's compositions, in its files, and on a cluster."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_validate,
    learning_curve,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import minidl
from minidl import layers
from minidl.estimators import MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor

RANDOM = np.random.default_rng(1)
X = RANDOM.standard_normal((90, 4)) * [1, 10, 100, 1]
VALUE = X @ [1.0, 0.1, 0.01, 0.0]
LABEL = np.where(VALUE > 0, "up", "down")


def network(features: int, outputs: int) -> minidl.Sequential:
    return minidl.Sequential([layers.Dense(8, "relu"), layers.Dense(outputs)])


def classifier(**arguments: Any) -> MLPClassifier:
    given = {"max_iter": 60, "learning_rate_init": 0.03, "random_state": 0, **arguments}
    return MLPClassifier(8, **given)


ALL = [
    classifier(),
    MLPRegressor(hidden_layer_sizes=8, max_iter=20, random_state=0),
    NetworkClassifier(network, epochs=5, random_state=0),
    NetworkRegressor(network, epochs=5, random_state=0),
]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def fitted(estimator: Any) -> Any:
    return clone(estimator).fit(X, LABEL if "Classifier" in type(estimator).__name__ else VALUE)


@pytest.mark.parametrize("estimator", ALL, ids=lambda each: type(each).__name__)
def test_clones_and_files(estimator: Any, tmp_path: Path) -> None:
    made = fitted(estimator)
    copied = clone(made)
    assert not hasattr(copied, "network_")
    assert copied.get_params() == made.get_params()
    joblib.dump(made, tmp_path / "made.joblib")
    import skops.io  # takes its time

    kinds = skops.io.get_untrusted_types(data=skops.io.dumps(made))
    assert all(kind.split(".")[0] in ("minidl", "tests") for kind in kinds)
    for other in (
        pickle.loads(pickle.dumps(made)),
        joblib.load(tmp_path / "made.joblib"),
        skops.io.loads(skops.io.dumps(made), trusted=kinds),
    ):
        np.testing.assert_array_equal(other.predict(X), made.predict(X))
        assert other.history_.history == made.history_.history


def test_pipelines_and_searches() -> None:
    steps = make_pipeline(StandardScaler(), classifier())
    assert steps.fit(X, LABEL).score(X, LABEL) > 0.9
    grid = {"mlpclassifier__hidden_layer_sizes": [4, (6, 3)], "mlpclassifier__dropout": [0, 0.2]}
    found = GridSearchCV(steps, grid, cv=2).fit(X, LABEL)
    assert found.score(X, LABEL) > 0.8
    halving = HalvingGridSearchCV(
        steps, grid, cv=2, resource="mlpclassifier__max_iter", max_resources=40, random_state=0
    ).fit(X, LABEL)
    assert halving.best_estimator_[-1].max_iter == halving.n_resources_[-1]


@pytest.mark.thorough  # processes that import everything
@pytest.mark.parametrize("estimator", ALL, ids=lambda each: type(each).__name__)
def test_a_search_in_two_processes(estimator: Any) -> None:
    name = "epochs" if "Network" in type(estimator).__name__ else "max_iter"
    y = LABEL if "Classifier" in type(estimator).__name__ else VALUE
    found = GridSearchCV(estimator, {name: [2, 4]}, cv=2, n_jobs=2).fit(X, y)
    alone = GridSearchCV(estimator, {name: [2, 4]}, cv=2).fit(X, y)
    for key in ("mean_test_score", "rank_test_score"):
        np.testing.assert_allclose(found.cv_results_[key], alone.cv_results_[key], rtol=1e-4)


def test_validation_curves_and_importances() -> None:
    made = make_pipeline(StandardScaler(), classifier())
    scores = cross_validate(made, X, LABEL, cv=3, return_estimator=True)
    assert scores["test_score"].mean() > 0.8
    _, train, _ = learning_curve(made, X, LABEL, cv=2, train_sizes=[0.5, 1.0])
    assert train.shape == (2, 2)
    made.fit(X, LABEL)
    importances = permutation_importance(made, X, LABEL, n_repeats=3, random_state=0)
    assert importances.importances_mean.argmin() == 3


def test_calibration_bagging_and_stacking() -> None:
    made = make_pipeline(StandardScaler(), classifier())
    for outer in (
        CalibratedClassifierCV(made, cv=2),
        BaggingClassifier(made, n_estimators=3, random_state=0),
        StackingClassifier([("mlp", made), ("linear", LogisticRegression())], cv=2),
    ):
        assert outer.fit(X, LABEL).score(X, LABEL) > 0.8
    several = MultiOutputRegressor(MLPRegressor(hidden_layer_sizes=4, max_iter=3))
    several.fit(X, np.c_[VALUE, -VALUE])
    assert several.predict(X).shape == (90, 2)


def test_tables_go_through_by_their_names() -> None:
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=list("abcd"))
    steps = make_pipeline(StandardScaler(), classifier()).set_output(transform="pandas")
    made = steps.fit(table, LABEL)[-1]
    assert list(made.feature_names_in_) == list("abcd")
    with pytest.raises(ValueError, match="feature names should match"):
        made.predict(table[list("dcba")])


def test_metadata_is_routed() -> None:
    weight = np.where(LABEL == "up", 5.0, 1.0)
    with config_context(enable_metadata_routing=True):
        inner = classifier().set_fit_request(sample_weight=True, eval_set=True)
        steps = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), inner)
        made = steps.fit(X, LABEL, sample_weight=weight, eval_set=(X[:20], LABEL[:20]))[-1]
    assert len(made.validation_scores_) == made.n_iter_
    direct = classifier().fit(StandardScaler().fit_transform(X), LABEL, sample_weight=weight)
    np.testing.assert_array_equal(made.coefs_[0], direct.coefs_[0])


@pytest.mark.thorough
def test_a_search_on_a_cluster_of_two_processes() -> None:
    from dask.distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        found = GridSearchCV(classifier(), {"max_iter": [2, 4]}, cv=2).fit(X, LABEL)
    alone = GridSearchCV(classifier(), {"max_iter": [2, 4]}, cv=2).fit(X, LABEL)
    np.testing.assert_allclose(
        found.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"]
    )

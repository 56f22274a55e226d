"""scikit-learn's checks of estimators, without an expected failure."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from sklearn.utils.estimator_checks import check_estimator

import minidl
from minidl import layers
from minidl.estimators import MLPClassifier, MLPRegressor, NetworkClassifier, NetworkRegressor

pytestmark = pytest.mark.thorough


def network(features: int, outputs: int) -> minidl.Sequential:
    # float64: the checks of weights compare to 1e-9.
    return minidl.Sequential([layers.Dense(20, "relu"), layers.Dense(outputs)], dtype="float64")


@pytest.mark.parametrize(
    "estimator",
    [
        # As many epochs as scikit-learn gives its own perceptrons here.
        MLPClassifier(max_iter=100),
        MLPRegressor(max_iter=100),
        NetworkClassifier(network),
        NetworkRegressor(network),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_no_check_fails(estimator: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of convergence, and of checks that are left out
        check_estimator(estimator)

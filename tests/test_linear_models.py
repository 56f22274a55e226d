"""One Dense unit gives scikit-learn's linear models, and tutorial 000's published numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine
from sklearn.linear_model import Lasso, LinearRegression, Ridge
from sklearn.metrics import mean_absolute_error, mean_squared_error
from sklearn.model_selection import train_test_split

import minidl
from examples.replays.linear import fit_linear, lasso_sweeps

# These take long.
pytestmark = pytest.mark.thorough

# Both sides minimise the same function; what differs is rounding, grown by the condition of
# the features, which for wine is some 1e7 before and 56 after scaling. Beyond that only how
# far scikit-learn iterates: as it is called in the tutorial, its Lasso stops at 8e-4.
EXACT, AS_PUBLISHED = 1e-9, 1e-3


class Data(NamedTuple):
    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def iris() -> Data:
    """Virginica: petal length, sepal length."""
    data = load_iris()
    rows = data.data[data.target == 2]
    return Data(rows[:, 2:3], rows[:, 0], rows[:, 2:3], rows[:, 0])


def wine() -> Data:
    """The tutorial's split."""
    data = load_wine()
    x, x_test, y, y_test = train_test_split(data.data, data.target, test_size=0.3, random_state=101)
    return Data(x, y, x_test, y_test)


def published(found: tuple[np.ndarray, float], data: Data, expected: str, digits: int = 4) -> None:
    """Assert the MAE, MSE and RMSE on the test rows."""
    coefficients, intercept = found
    prediction = data.x_test @ coefficients + intercept
    mse = mean_squared_error(data.y_test, prediction)
    errors = [mean_absolute_error(data.y_test, prediction), mse, np.sqrt(mse)]
    numbers = [float(number) for number in expected.split()]
    assert [f"{e:.{digits}f}" for e in errors] == [f"{n:.{digits}f}" for n in numbers]


def same(found: tuple[np.ndarray, float], model: Any, rtol: float) -> None:
    """Assert scikit-learn's raw-unit coefficients, zero for zero."""
    coefficients, intercept = found
    np.testing.assert_array_equal(coefficients == 0, model.coef_ == 0)
    np.testing.assert_allclose(coefficients, model.coef_, rtol=rtol)
    np.testing.assert_allclose(intercept, model.intercept_, rtol=rtol)


WINE = {
    "least squares": (LinearRegression(), {}, ".25128974 .10624587 .32595379"),
    "Ridge": (Ridge(0.05), {"l2": 0.05 / 124}, ".25114670 .10568076 .32508578"),
    "Lasso": (Lasso(0.05), {"l1": 2 * 0.05}, ".24233732 .09559569 .30918553"),
}


@pytest.mark.parametrize("name", WINE)
@pytest.mark.usefixtures("executor")
def test_wine(name: str) -> None:
    data = wine()
    model, penalty, errors = WINE[name]
    found = fit_linear(data.x, data.y, **penalty)
    same(found, model.fit(data.x, data.y), AS_PUBLISHED)
    published(found, data, errors)
    if name == "Lasso":
        model = Lasso(0.05, tol=1e-14, max_iter=100_000).fit(data.x, data.y)
        assert np.count_nonzero(found[0]) == 7
    same(found, model, EXACT)


@pytest.mark.parametrize(
    ("model", "penalty", "line"),
    [
        (LinearRegression(), {}, "1.00 1.06"),
        (Lasso(), {"l1": 2.0}, "0.00 6.59"),
        (Ridge(), {"l2": 1 / 50}, "0.93 1.41"),
    ],
    ids=["least squares", "Lasso", "Ridge"],
)
def test_iris(model: Any, penalty: dict[str, float], line: str) -> None:
    """Lasso's slope is 0: alpha is above the covariance of the two lengths, .297."""
    data = iris()
    found = fit_linear(data.x, data.y, **penalty)
    same(found, model.fit(data.x, data.y), EXACT)
    (slope,), intercept = found
    assert f"{slope:.2f} {intercept:.2f}" == line
    if isinstance(model, Lasso):
        assert slope == 0.0


def test_sweeps_of_coordinate_descent() -> None:
    """Lasso(alpha=.05) stops after 21, and with max_iter=5 long before it has converged."""
    data = wine()
    published(lasso_sweeps(data.x, data.y, 0.05, sweeps=21), data, WINE["Lasso"][2], digits=8)
    found = lasso_sweeps(data.x, data.y, 0.05, sweeps=5)
    published(found, data, ".24845769 .10262989 .32035900", digits=8)
    printed = "0 0 0 .03295564 .00109495 0 -.4027847 0 0 .06023131 0 -.12001119 -.00078971"
    np.testing.assert_allclose(found[0], [float(c) for c in printed.split()], atol=1e-8)
    assert np.count_nonzero(found[0]) == 6


def test_many_sweeps_reach_the_same_minimum() -> None:
    data = wine()
    coefficients, intercept = lasso_sweeps(data.x, data.y, 0.05, sweeps=300)
    found = fit_linear(data.x, data.y, l1=0.1)
    np.testing.assert_allclose(coefficients, found[0], rtol=EXACT, atol=0)
    assert intercept == pytest.approx(found[1], rel=EXACT)


@pytest.mark.parametrize("alpha", [0.001, 0.02, 0.3, 3.0, 1000.0])
def test_penalties_of_any_strength(alpha: float) -> None:
    """Lasso from all features to none, Ridge; and at data of another kind, with more features."""
    random = np.random.default_rng(7)
    x = random.normal(size=(80, 20)) * np.geomspace(0.1, 100, 20)
    y = x @ random.normal(size=20) + random.normal(size=80)
    for features, target in ((wine().x, wine().y), (x, y)):
        lasso = Lasso(alpha, tol=1e-14, max_iter=1_000_000).fit(features, target)
        same(fit_linear(features, target, l1=2 * alpha), lasso, 1e-7)
        ridge = Ridge(alpha).fit(features, target)
        same(fit_linear(features, target, l2=alpha / len(features)), ridge, 1e-7)


def test_elastic_nets_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected one penalty, received l1 = 0.1 and l2 = 0.2"):
        fit_linear(np.ones((2, 1)), np.ones(2), 0.1, 0.2)


def test_the_recipe_leaves_the_floating_type_as_it_was() -> None:
    fit_linear(iris().x, iris().y)
    assert minidl.floatx() == "float32"

"""Rounding leads no share above 1, no cosine beyond ± 1 and no R² above 1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import metrics
from tests import oracle
from tests.specs import Spec, spec


def perfect(random: np.random.Generator, dtype: str) -> tuple[Any, ...]:
    """Targets, predictions that are right with any threshold from .4 to .6, and weights."""
    rows = int(random.integers(2, 60))
    y = (random.random((rows, 2)) > 0.5).astype(dtype)
    p = np.where(y > 0, 0.6 + 0.4 * random.random(y.shape), 0.4 * random.random(y.shape))
    return y, p.astype(dtype), random.random(rows).astype(dtype)


def equal(random: np.random.Generator, dtype: str) -> tuple[Any, ...]:
    """Targets of any size, predictions that are equal to them, and weights."""
    y = random.normal(size=(int(random.integers(2, 60)), 3)).astype(dtype)
    return y, y.copy(), random.random(len(y)).astype(dtype)


def far(random: np.random.Generator, dtype: str) -> tuple[Any, ...]:
    """Targets that differ by little more than the type can tell, and predictions near them."""
    y = (1e4 + 1e-3 * random.normal(size=(int(random.integers(2, 200)), 2))).astype(dtype)
    return y, (y * (1 + 1e-6)).astype(dtype), random.random(len(y)).astype(dtype)


def area(curve: str, how: str) -> Callable[..., metrics.Metric]:
    def make(random: np.random.Generator) -> metrics.Metric:
        count = int(random.choice([3, 5, 10, 20, 200]))
        own = random.random(count) if random.random() < 0.5 else None
        return metrics.AUC(count, curve, how, thresholds=own)

    return make


def plain(kind: str, **arguments: Any) -> Callable[..., metrics.Metric]:
    return lambda random: getattr(metrics, kind)(**arguments)


CASES: dict[str, tuple[Callable[..., metrics.Metric], Any, float]] = {
    **{
        f"AUC {curve} {how}": (area(curve, how), perfect, 0)
        for curve in ("ROC", "PR", "PRGAIN")
        for how in ("interpolation", "majoring", "minoring")
    },
    "BinaryAccuracy": (plain("BinaryAccuracy"), perfect, 0),
    "Accuracy": (plain("Accuracy"), equal, 0),
    "CategoricalAccuracy": (plain("CategoricalAccuracy"), equal, 0),
    "TopKCategoricalAccuracy": (plain("TopKCategoricalAccuracy", k=2), equal, 0),
    "FBetaScore": (plain("FBetaScore", average="weighted", beta=1e8), perfect, 0),
    "CosineSimilarity": (plain("CosineSimilarity"), equal, -1),
    "R2Score": (plain("R2Score"), equal, -np.inf),
    "R2Score far": (plain("R2Score", class_aggregation=None), far, -np.inf),
    "R2Score by variance": (
        plain("R2Score", class_aggregation="variance_weighted_average"), far, -np.inf),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_results_keep_to_their_range(name: str, dtype: str) -> None:
    """With weights and without, over two batches; 1 stays 1, and what is below stays below."""
    make, data, low = CASES[name]
    random = np.random.default_rng(1)
    for _ in range(300):
        metric, (y, p, weight) = make(random), data(random, dtype)
        weighs = random.random() < 0.6
        for part in np.array_split(np.arange(len(y)), 2):
            metric.update_state(y[part], p[part], weight[part] if weighs else None)
        found = np.asarray(metric.result())
        assert np.all((found >= low) & (found <= 1) | np.isnan(found)), (found, y, p, weight)


def test_a_cosine_keeps_to_its_range_from_below() -> None:
    """Of opposite rows."""
    random = np.random.default_rng(2)
    for _ in range(300):
        y, p, weight = equal(random, "float32")
        assert -1 <= metrics.CosineSimilarity()(y, -p, weight) < -0.9999


@pytest.mark.parametrize(
    "made",
    [spec(f"metrics.{kind}") for kind in ("BinaryAccuracy", "CosineSimilarity", "AUC")],
    ids=str,
)
def test_what_weights_below_0_lead_out_of_the_range_stays_there(made: Spec) -> None:
    """As in Keras: only what rounding does is put right."""
    y = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    p = np.array([[0.1, 0.9], [0.2, 0.9], [0.9, 0.8], [0.2, 0.9]])
    weight = np.array([1.0, -0.9, 0.5, 0.1])
    found = made.make(minidl)(y, p, weight)
    assert found > 1
    np.testing.assert_allclose(found, oracle.metric(made, [(y, p, weight)]), rtol=1e-11)

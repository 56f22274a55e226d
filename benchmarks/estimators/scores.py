"""Test scores of minidl's and scikit-learn's perceptrons, over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import sklearn.neural_network
from sklearn.model_selection import train_test_split

import minidl.estimators
from benchmarks.estimators.jobs import Data, of_scikit_learn, reviews

SEEDS = range(10)
WORDS = 2000

#: Name -> class, data, arguments.
SETS: dict[str, tuple[str, Callable[[], Data], dict[str, Any]]] = {
    "iris": ("MLPClassifier", of_scikit_learn("iris"), {}),
    "wine": ("MLPClassifier", of_scikit_learn("wine"), {}),
    "digits": ("MLPClassifier", of_scikit_learn("digits"), {"max_iter": 40}),
    "breast cancer": ("MLPClassifier", of_scikit_learn("breast_cancer"), {}),
    "diabetes": ("MLPRegressor", of_scikit_learn("diabetes"),
                 {"max_iter": 400, "learning_rate_init": 0.01, "early_stopping": True}),
    "IMDB, sparse": ("MLPClassifier", lambda: reviews(WORDS),
                     {"hidden_layer_sizes": 16, "max_iter": 3}),
}  # fmt: skip


def table() -> str:
    """Means, standard deviations and the distance of the means, in Markdown."""
    lines = [
        "| data set | score | minidl | scikit-learn | difference, in standard deviations |",
        "|---|---|---:|---:|---:|",
    ]
    for name, (kind, load, arguments) in SETS.items():
        ours, theirs = (
            of_seeds(getattr(package, kind), load(), arguments)
            for package in (minidl.estimators, sklearn.neural_network)
        )
        spread = (statistics.variance(ours) + statistics.variance(theirs)) ** 0.5
        apart = statistics.mean(ours) - statistics.mean(theirs)
        what = "R²" if kind == "MLPRegressor" else "accuracy"
        shown = [f"{statistics.mean(each):.4f} ± {statistics.stdev(each):.4f}"
                 for each in (ours, theirs)]  # fmt: skip
        distance = apart / spread if spread else 0.0
        lines.append(f"| {name} | {what} | {shown[0]} | {shown[1]} | {distance:+.2f} |")
        print(lines[-1], flush=True)
    return "\n".join([*lines, ""])


def of_seeds(kind: Any, data: Data, arguments: dict[str, Any]) -> list[float]:
    """The test scores on a quarter of the rows, for each seed of split and estimator."""
    found = []
    for seed in SEEDS:
        x, held_x, y, held_y = train_test_split(*data, test_size=0.25, random_state=seed)
        found.append(float(kind(random_state=seed, **arguments).fit(x, y).score(held_x, held_y)))
    return found

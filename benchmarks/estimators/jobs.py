"""The jobs: data sets of 20 to 60,000 rows, and the arguments of the perceptrons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn import datasets
from sklearn.preprocessing import StandardScaler

from minidl.datasets import fashion_mnist, imdb

#: Both sides train all epochs.
ALL_EPOCHS: dict[str, Any] = {"tol": 0.0, "n_iter_no_change": np.inf, "random_state": 0}

Data = tuple[Any, np.ndarray]


@dataclass(frozen=True)
class Job:
    """A fit.

    Attributes:
        name: name of the job.
        kind: the class, "MLPClassifier" or "MLPRegressor".
        data: a function that returns features and targets.
        arguments: arguments of the class.
    """

    name: str
    kind: str
    data: Callable[[], Data]
    arguments: dict[str, Any] = field(default_factory=dict)


def few() -> Data:
    """20 rows of five numbers, and a sum."""
    x = np.random.default_rng(0).standard_normal((20, 5))
    return x, x.sum(axis=1)


def of_scikit_learn(name: str, dtype: Any = np.float64) -> Callable[[], Data]:
    """A data set that comes with scikit-learn, scaled."""

    def load() -> Data:
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        return StandardScaler().fit_transform(x).astype(dtype), y

    return load


def images(rows: int) -> Callable[[], Data]:
    """The first images of Fashion-MNIST, pixels in [0, 1]."""

    def load() -> Data:
        (pixels, labels), _ = fashion_mnist.load_data()
        return pixels[:rows].reshape(rows, -1).astype(np.float32) / np.float32(255), labels[:rows]

    return load


def reviews(words: int, train: bool = True) -> Data:
    """Reviews of IMDB as sparse rows, 1 where a word occurs."""
    rows, labels = imdb.load_csr(words)[0 if train else 1]
    return rows.astype(np.float32), labels


JOBS = [
    Job("20 rows", "MLPRegressor", few, {"max_iter": 200}),
    Job("iris", "MLPClassifier", of_scikit_learn("iris"), {"max_iter": 200}),
    Job("wine, L-BFGS", "MLPClassifier", of_scikit_learn("wine"), {"solver": "lbfgs"}),
    Job("diabetes", "MLPRegressor", of_scikit_learn("diabetes"), {"max_iter": 200}),
    Job("breast cancer", "MLPClassifier", of_scikit_learn("breast_cancer"), {"max_iter": 100}),
    Job("digits", "MLPClassifier", of_scikit_learn("digits"), {"max_iter": 50}),
    Job("digits, SGD, batch 32", "MLPClassifier", of_scikit_learn("digits", np.float32),
        {"hidden_layer_sizes": (64, 32), "solver": "sgd", "batch_size": 32, "max_iter": 20}),
    Job("5,000 images", "MLPClassifier", images(5_000), {"max_iter": 5}),
    Job("25,000 reviews", "MLPClassifier", lambda: reviews(10_000),
        {"hidden_layer_sizes": (16, 16), "batch_size": 500, "max_iter": 2}),
    Job("60,000 images", "MLPClassifier", images(60_000),
        {"hidden_layer_sizes": (256, 128), "max_iter": 1}),
]  # fmt: skip

"""Sixty trainings on minidl and on Keras from equal weights, and how far their numbers differ.

    python -m tests.keras_table [file]

prints the table, or writes it to a file, such as ``docs/understand/keras_table.md``. Each of ten
networks is trained for one epoch on each of six data sets, in float64. Compared are all entries of
the History, the values of ``evaluate``, the outputs of ``predict`` and the weights.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import minidl
from tests import oracle_training
from tests.fitting import network
from tests.oracle_training import named
from tests.specs import Spec, spec

#: Largest relative difference. Keras holds learning rates and slopes in float32, which are 6e-8
#: off at most; sums in another order differ by 1e-13.
TOLERANCE = 1e-5

_WEIGHTS, _CLASSES = "sample_weight", "class_weight"


class Data(NamedTuple):
    """Rows to train on, and what suits them.

    Attributes:
        x, y: features and targets.
        units, activation: of the output layer.
        loss: by name.
        metrics: by name.
    """

    x: np.ndarray
    y: np.ndarray
    units: int
    activation: str | None
    loss: str
    metrics: Sequence[str]


@cache
def data(name: str) -> Data:
    """A data set of scikit-learn's, or one that is made, by name."""
    from sklearn import datasets

    if name == "made of two values":
        random = np.random.default_rng(8)
        x = random.normal(size=(240, 5))
        return Data(x, np.sin(x[:, :2]), 2, None, "mean_squared_error", ["mse"])
    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.default_rng(7).permutation(len(x))[:300]
    x, y = x[order], y[order]
    scale = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(scale > 0, scale, 1)
    if name == "diabetes":
        return Data(x, y[:, None] / 100, 1, None, "mean_squared_error", ["mean_squared_error"])
    if name == "breast_cancer":
        y = y[:, None].astype(float)
        return Data(x, y, 1, "sigmoid", "binary_crossentropy", ["accuracy"])
    count = int(y.max()) + 1
    if name == "wine":
        one_hot = np.eye(count)[y]
        return Data(x, one_hot, count, "softmax", "categorical_crossentropy", ["accuracy"])
    sparse = "sparse_categorical_crossentropy"
    return Data(x, y, count, "softmax", sparse, ["accuracy", sparse])


DATA = ["iris", "wine", "digits", "breast_cancer", "diabetes", "made of two values"]


def _dense(units: int, activation: str | None = "relu", **options: Any) -> Spec:
    return spec("layers.Dense", units=units, activation=activation, **options)


_L2 = spec("regularizers.L2")
_L1 = spec("regularizers.L1", l1=0.001)

#: Name -> hidden layers, optimizer, options of fit.
NETWORKS: dict[str, tuple[list[Spec], Any, dict[str, Any]]] = {
    "none, SGD": ([], "sgd", {}),
    "16 relu, Adam": ([_dense(16)], "adam", {}),
    "12 tanh, 8 tanh, RMSprop": ([_dense(12, "tanh"), _dense(8, "tanh")], "rmsprop", {}),
    "8 sigmoid, Adagrad": ([_dense(8, "sigmoid")], "adagrad", {"batch_size": 7}),
    "24 elu with L2, Adam": ([_dense(24, "elu", kernel_regularizer=_L2)], "adam", {}),
    "10 softplus with L1, SGD": (
        [_dense(10, "softplus", kernel_regularizer=_L1)],
        spec("optimizers.SGD", learning_rate=0.01, momentum=0.9, nesterov=True),
        {"validation_split": 0.2},
    ),
    "20 relu, normalized, Adam": (
        [_dense(20), spec("layers.BatchNormalization"), _dense(6)],
        spec("optimizers.Adam", learning_rate=0.003),
        {"validation_split": 0.1, "batch_size": 16},
    ),
    "16 selu, weighted, AdamW": ([_dense(16, "selu")], spec("optimizers.AdamW"), {_WEIGHTS: True}),
    "9 gelu, clipped, Adam": (
        [_dense(9, "gelu", use_bias=False)],
        spec("optimizers.Adam", global_clipnorm=0.1),
        {"batch_size": 50},
    ),
    "12 leaky, weights of classes, SGD": (
        [_dense(12, None), spec("layers.LeakyReLU")],
        "sgd",
        {_CLASSES: True, "validation_split": 0.15},
    ),
}


def difference(ours: Any, theirs: Any) -> float:
    """The largest difference of two arrays, as a part of the largest number of the second."""
    ours, theirs = np.asarray(ours, float), np.asarray(theirs, float)
    assert ours.shape == theirs.shape
    largest = np.max(np.abs(theirs), initial=0)
    return float(np.max(np.abs(ours - theirs), initial=0) / (largest or 1))


def compare(name: str, on: str) -> dict[str, float]:
    """The largest relative difference in each kind of result.

    Args:
        name: of :data:`NETWORKS`.
        on: of :data:`DATA`.
    """
    hidden, optimizer, options = NETWORKS[name]
    task, options = data(on), {"batch_size": 32, **options}
    rows = len(task.x)
    if options.pop(_WEIGHTS, False):
        options[_WEIGHTS] = np.linspace(0.2, 1.8, rows)
    if options.pop(_CLASSES, False) and task.activation is not None:
        options[_CLASSES] = {0: 0.5, 1: 2.0}
    layers = [*hidden, _dense(task.units, task.activation)]
    model = network(layers, task.x.shape[1:])
    start = model.get_weights()
    theirs = oracle_training.fit(
        layers, start, task.x, task.y, optimizer=optimizer, loss=task.loss, metrics=task.metrics,
        epochs=1, **options,
    )  # fmt: skip
    model.compile(named(minidl, optimizer), task.loss, metrics=list(task.metrics))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = model.fit(task.x, task.y, shuffle=False, verbose=0, **options).history
    evaluated = model.evaluate(task.x, task.y, verbose=0)
    missing = theirs.history.keys() - history.keys()
    assert not missing, missing
    weights = zip(model.get_weights(), theirs.weights, strict=True)
    return {
        "History": max(difference(history[key], theirs.history[key]) for key in theirs.history),
        "evaluate": max(map(difference, evaluated, theirs.evaluated)),
        "predict": difference(model.predict(task.x), theirs.predicted),
        "weights": max(difference(a, b) for a, b in weights),
    }


def lines() -> Iterator[str]:
    """The table, line by line, and its largest number."""
    yield "# Trainings on minidl and on Keras"
    yield ""
    yield "Written by `python -m tests.keras_table docs/understand/keras_table.md`: one epoch from"
    yield "equal weights, in float64; largest differences, as parts of the largest of the numbers."
    yield "Those above 1e-12 come of what Keras holds in float32: a penalty's factor, a slope"
    yield "or a constant ([more](correctness.md#where-keras-computes-something-else))."
    yield ""
    yield "| network | data | History | evaluate | predict | weights |"
    yield "|---|---|---|---|---|---|"
    worst, count = 0.0, 0
    for name in NETWORKS:
        for on in DATA:
            found = compare(name, on)
            worst, count = max(worst, *found.values()), count + 1
            yield f"| {name} | {on} | {' | '.join(f'{v:.0e}' for v in found.values())} |"
    yield ""
    yield f"Largest of {count} trainings: {worst:.1e}. Keras {oracle_training.VERSION}."


def main(arguments: Sequence[str]) -> int:
    """Print the table, or write it; 1 where a difference is too large."""
    found = list(lines())
    text = "\n".join(found) + "\n"
    if arguments:
        Path(arguments[0]).write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return int(float(found[-1].split(": ")[1].split(". ")[0]) > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

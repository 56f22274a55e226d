"""Metrics: against Keras over several batches, and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import losses, metrics
from minidl.backend import current, to_device, to_host
from tests import oracle, registered
from tests.specs import spec

CLASSES = 3
SIZES = (8, 8, 5)  # the last batch is short


def classes(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and probabilities with ties for the first place."""
    p = random.integers(1, 5, size=(rows, CLASSES)).astype(float)
    return random.integers(0, CLASSES, rows), p / p.sum(axis=1, keepdims=True)


def one_hot(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    labels, p = classes(random, rows)
    return np.eye(CLASSES)[labels], p


def binary(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets 0 and 1, and probabilities of which some are exactly one half."""
    p = random.integers(1, 16, size=(rows, CLASSES)) / 16
    return random.integers(0, 2, (rows, CLASSES)), p


def one_unit(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels (N,) for outputs (N, 1)."""
    y, p = binary(random, rows)
    return y[:, 0].copy(), p[:, :1].copy()


def softmax_rows(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    labels, _ = classes(random, rows)
    p = np.exp(random.normal(size=(rows, CLASSES)))
    return labels, p / p.sum(axis=1, keepdims=True)


CASES = [
    ("sparse_categorical_accuracy", "SparseCategoricalAccuracy", classes),
    ("categorical_accuracy", "CategoricalAccuracy", one_hot),
    ("binary_accuracy", "BinaryAccuracy", binary),
    ("binary_accuracy", "BinaryAccuracy", one_unit),
    ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", softmax_rows),
    ("categorical_crossentropy", "CategoricalCrossentropy", one_hot),
    ("binary_crossentropy", "BinaryCrossentropy", binary),
    ("binary_crossentropy", "BinaryCrossentropy", one_unit),
    ("mean_squared_error", "MeanSquaredError", binary),
    ("mse", "MeanSquaredError", one_unit),
]
IDS = [f"{name}-{data.__name__}" for name, _, data in CASES]


def suited(name: str) -> losses.Loss:
    """A loss on the targets that the metric is for."""
    return losses.get("sparse_categorical_crossentropy" if name.startswith("sparse") else "mse")


def bound(name: Any, units: int, loss: Any = None, from_logits: bool = False) -> metrics.Metric:
    made = metrics.get(name, suited(name) if loss is None else losses.get(loss))
    made.bind(max(SIZES), units, current(), np.float64, from_logits)
    made.reset_state()
    return made


def by_keras(name: str, batches: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Keras's loss metrics, unlike its fit, want (N, 1) labels for (N, 1) outputs."""
    return oracle.metric(
        spec(f"metrics.{name}"),
        [(y.reshape(p.shape) if p.shape[1] == 1 else y, p) for y, p in batches],
    )


@pytest.mark.parametrize(("name", "keras_name", "data"), CASES, ids=IDS)
@pytest.mark.usefixtures("executor")
def test_over_batches_agrees_with_keras(name: str, keras_name: str, data: Any) -> None:
    """The mean over all rows, not over batches; ties go to the first class and below 0.5."""
    random = np.random.default_rng(1)
    batches = [data(random, rows) for rows in SIZES]
    expected = by_keras(keras_name, batches)
    metric = bound(name, batches[0][1].shape[1])
    for y, p in batches:
        metric.update(to_device(p), to_device(y))
    assert expected > 0
    assert metric.name == name
    assert metric.result() == pytest.approx(expected, rel=oracle.RTOL)


@pytest.mark.parametrize(("name", "keras_name", "data"), CASES, ids=IDS)
def test_reset_forgets(name: str, keras_name: str, data: Any) -> None:
    """The next epoch starts anew; before its first batch the value is 0, as in Keras."""
    random = np.random.default_rng(2)
    y, p = data(random, 8)
    metric = bound(name, p.shape[1])
    assert metric.result() == 0
    metric.update(1 - p, y)
    metric.reset_state()
    assert metric.result() == 0
    metric.update(p, y)
    expected = by_keras(keras_name, [(y, p)])
    assert metric.result() == pytest.approx(expected, rel=oracle.RTOL)


@pytest.mark.parametrize(
    ("name", "activation", "data"),
    [
        ("sparse_categorical_accuracy", "softmax", classes),
        ("categorical_accuracy", "softmax", one_hot),
        ("binary_accuracy", "sigmoid", binary),
        ("binary_accuracy", "sigmoid", one_unit),
        ("sparse_categorical_crossentropy", "softmax", classes),
        ("categorical_crossentropy", "softmax", one_hot),
        ("binary_crossentropy", "sigmoid", binary),
    ],
)
def test_logits_give_what_the_outputs_give(name: str, activation: str, data: Any) -> None:
    """A metric that looks behind an activation has the same value on both sides of it."""
    y, p = data(np.random.default_rng(3), 8)
    logits = np.log(p) if activation == "softmax" else np.log(p / (1 - p))
    outputs, behind = bound(name, p.shape[1]), bound(name, p.shape[1], from_logits=True)
    assert activation in behind.activations
    outputs.update(p, y)
    behind.update(logits, y)
    assert behind.result() == pytest.approx(outputs.result(), rel=1e-12)


@pytest.mark.parametrize("word", ["accuracy", "acc"])
@pytest.mark.parametrize(
    ("loss", "kind", "data"),
    [
        ("sparse_categorical_crossentropy", "sparse_categorical_accuracy", classes),
        ("categorical_crossentropy", "categorical_accuracy", one_hot),
        ("binary_crossentropy", "categorical_accuracy", binary),
        ("binary_crossentropy", "binary_accuracy", one_unit),
        ("mse", "categorical_accuracy", one_hot),
        ("mse", "binary_accuracy", one_unit),
    ],
)
def test_accuracy_is_the_one_that_suits_the_targets(
    word: str, loss: str, kind: str, data: Any
) -> None:
    """Under the word that was given, which is the key in a History; Keras chooses so too."""
    y, p = data(np.random.default_rng(4), 8)
    chosen, named = bound(word, p.shape[1], loss), bound(kind, p.shape[1])
    for metric in (chosen, named):
        metric.update(p, y)
    assert chosen.result() == named.result()
    assert chosen.name == word


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("sparse_categorical_accuracy", classes),
        ("categorical_accuracy", one_hot),
        ("binary_accuracy", binary),
        ("binary_accuracy", one_unit),
    ],
)
def test_functions_give_the_rows_as_keras_does(name: str, data: Any) -> None:
    """A value for each row, (N,); of several units the mean, which Keras leaves to the reader."""
    y, p = data(np.random.default_rng(4), 9)
    expected = oracle.metric_rows(name, y, p)
    expected = expected.mean(axis=-1) if expected.ndim == 2 else expected
    actual = getattr(metrics, name)(y, p)
    assert actual.shape == (9,)
    np.testing.assert_allclose(actual, expected, rtol=1e-15)


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in registered.METRIC_NAMES
        if name in vars(metrics) or getattr(vars(losses).get(name), "__name__", "") == name
    ],
)
def test_get_by_function_is_get_by_name(name: str) -> None:
    """keras.metrics.… and keras.losses.… functions serve as metrics."""
    function = getattr(metrics, name, None) or getattr(losses, name)
    assert callable(function)
    by_name, by_function = (metrics.get(k, suited(name)) for k in (name, function))
    assert type(by_name) is type(by_function)
    assert by_name.name == by_function.name == name


def test_get_keeps_an_object_and_makes_one_of_a_class() -> None:
    """With the class's default name."""
    made = metrics.BinaryAccuracy(name="right")
    assert metrics.get(made, losses.get("mse")) is made
    assert made.name == "right"
    assert metrics.get(metrics.CategoricalAccuracy, losses.get("mse")).name == (
        "categorical_accuracy"
    )


@pytest.mark.usefixtures("executor")
def test_mean_weights_each_batch_by_its_rows() -> None:
    """What fit shows as the loss."""
    mean = metrics.Mean("loss")
    mean.bind(8, 1, current(), np.float64, False)
    mean.reset_state()
    for value, rows in ((1.0, 8), (4.0, 2)):
        mean.add(to_device(np.array(value)), rows)
    assert mean.result() == pytest.approx((8 + 8) / 10, rel=1e-15)


@pytest.mark.usefixtures("executor")
def test_sums_are_kept_in_float64() -> None:
    """A float32 sum would stop growing at 2^24 rows."""
    metric = metrics.get("binary_accuracy", losses.get("mse"))
    metric.bind(4, 1, current(), np.float32, False)
    metric.reset_state()
    metric._sum[...] = 2.0**24
    metric.update(to_device(np.ones((1, 1), np.float32)), to_device(np.ones((1, 1), np.float32)))
    assert float(to_host(metric._sum)) == 2.0**24 + 1


@pytest.mark.parametrize(
    ("identifier", "error", "words"),
    [
        ("acuracy", ValueError, "unknown metric 'acuracy'; did you mean 'accuracy'"),
        ("sparse_categorical_acc", ValueError, "did you mean 'sparse_categorical_accuracy'"),
        (3, TypeError, "metric: expected a name, a function of targets .* received 3"),
        (losses.MeanSquaredError, TypeError, "metric: expected a name"),
    ],
)
def test_unknown(identifier: Any, error: type[Exception], words: str) -> None:
    """The nearest right name, or what may be given."""
    with pytest.raises(error, match=words):
        metrics.get(identifier, losses.get("mse"))


def test_a_metric_must_define_its_count() -> None:
    """The base class says which method is missing."""

    class Unfinished(metrics.Metric):
        pass

    made = Unfinished(name="mine")
    made.bind(1, 1, current(), np.float32, False)
    with pytest.raises(NotImplementedError, match="Unfinished must define _count"):
        made.update(np.ones((1, 1)), np.ones(1))


def test_a_loss_is_a_metric_as_well() -> None:
    """By its own name, else by that of its class."""
    metric = metrics.get(losses.BinaryCrossentropy(from_logits=True, name="bce"))
    assert metric.name == "bce"
    assert metrics.get(losses.MeanSquaredError()).name == "mean_squared_error"
    # -log sigmoid(0) for one row, and log(1 + e) for the other.
    found = metric([[1.0], [0.0]], np.array([[0.0], [1.0]]))
    assert float(found) == pytest.approx((np.log(2) + np.log1p(np.e)) / 2, rel=1e-6)

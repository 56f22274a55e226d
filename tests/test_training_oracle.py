"""fit, evaluate and predict against Keras: the same weights, batches in order, float64."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import minidl
from tests import fitting, oracle_training
from tests.fitting import HIDDEN, KINDS, ROWS, network, problem
from tests.oracle_training import Fitted, named
from tests.specs import Spec, spec

BATCH, EPOCHS = 8, 2  # 23 rows: the last batch has 7

# Six updates from equal weights, each of which multiplies the rounding of the one before
# a few times. They were within 1e-13 when this was written; 1e-11 leaves room for another
# BLAS, and is eight orders of magnitude below what a wrong formula changes.
RTOL = 1e-11


def pair(
    kind: str,
    *,
    hidden: Any = HIDDEN[:2],
    output: Spec | None = None,
    optimizer: Any = "adam",
    loss: Any = None,
    metrics: Any = (),
    **options: Any,
) -> tuple[Fitted, Fitted]:
    """What minidl and Keras make of the same."""
    task = problem(kind)
    layers = [*hidden, output or task.output]
    options = {"batch_size": BATCH, "epochs": EPOCHS, **options}
    model = network(layers)
    theirs = oracle_training.fit(
        layers,
        model.get_weights(),
        task.x,
        task.y.reshape(-1, 1) if kind == "binary" else task.y,
        optimizer=optimizer,
        loss=loss or task.loss,
        metrics=metrics,
        **options,
    )
    model.compile(
        named(minidl, optimizer),
        named(minidl, loss or task.loss),
        metrics=[named(minidl, metric) for metric in metrics],
    )
    history = model.fit(task.x, task.y, verbose=0, shuffle=False, **options)
    evaluated = model.evaluate(task.x, task.y, verbose=0)
    penalised = any("kernel_regularizer" in layer.options for layer in layers)
    ours = Fitted(
        whole_losses(history.history, penalised),
        history.epoch,
        evaluated if isinstance(evaluated, list) else [evaluated],
        model.predict(task.x),
        model.get_weights(),
        model.optimizer.iterations,
    )
    return ours, theirs


def whole_losses(history: Mapping[str, list[float]], penalised: bool) -> dict[str, list[float]]:
    """The History without the parts of its losses, which it has where weights are penalised.

    Keras has the sum alone.
    """
    left = dict(history)
    for prefix in ("", "val_"):
        if penalised and f"{prefix}loss" in left:
            data_loss, penalty = (
                np.array(left.pop(f"{prefix}{part}")) for part in ("data_loss", "penalty")
            )
            assert (penalty > 0).all()
            # float64: means of the same three numbers.
            np.testing.assert_allclose(data_loss + penalty, left[f"{prefix}loss"], rtol=1e-14)
    return left


def agree(ours: Fitted, theirs: Fitted) -> None:
    """Everything equal to rounding; the keys as well."""
    assert set(ours.history) == set(theirs.history)
    for name, values in theirs.history.items():
        np.testing.assert_allclose(ours.history[name], values, RTOL, err_msg=name)
    assert ours.epochs == theirs.epochs
    np.testing.assert_allclose(ours.evaluated, theirs.evaluated, RTOL)
    np.testing.assert_allclose(ours.predicted, theirs.predicted, RTOL, RTOL)
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(a, b, RTOL, RTOL)
    assert ours.optimizer_steps == theirs.optimizer_steps


def held_out(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Other rows for validation, more than a batch, in Keras's shapes."""
    x, y = fitting.held_out(kind)
    return x, y.reshape(-1, 1) if kind == "binary" else y


@pytest.mark.parametrize(
    ("kind", "metrics"),
    [
        ("integers", ["sparse_categorical_crossentropy", "accuracy"]),
        ("one-hot", ["acc", "categorical_accuracy", "categorical_crossentropy", "mse"]),
        ("binary", ["mean_squared_error", "accuracy", "binary_accuracy", "binary_crossentropy"]),
        ("several binary", ["binary_crossentropy", "binary_accuracy", "accuracy"]),
        ("values", ["mse", "mean_squared_error", "accuracy"]),
    ],
)
def test_every_loss_with_its_metrics(kind: str, metrics: list[str]) -> None:
    """L2 and batch normalization, ragged batches, validation: History, evaluate, predict.

    "accuracy" means what Keras takes it to mean for this loss and these targets. Results come in
    the order of compile, whatever the alphabet says.
    """
    ours, theirs = pair(kind, metrics=metrics, validation_data=held_out(kind))
    agree(ours, theirs)
    names = ["loss", *metrics]
    assert list(ours.history) == [*names, *(f"val_{name}" for name in names)]


@pytest.mark.parametrize(
    ("kind", "loss", "metrics"),
    [
        (
            "integers",
            "losses.sparse_categorical_crossentropy",
            ["metrics.sparse_categorical_accuracy", "losses.sparse_categorical_crossentropy"],
        ),
        ("one-hot", "losses.categorical_crossentropy", ["metrics.categorical_accuracy"]),
        ("binary", "losses.binary_crossentropy", ["metrics.binary_accuracy"]),
        ("values", "losses.mean_squared_error", ["losses.mean_squared_error"]),
        ("integers", spec("losses.SparseCategoricalCrossentropy"), ["acc"]),
        ("binary", spec("losses.BinaryCrossentropy"), [spec("metrics.BinaryAccuracy", name="b")]),
        ("values", spec("losses.MeanSquaredError"), []),
    ],
)
def test_losses_and_metrics_by_function_or_object(kind: str, loss: Any, metrics: Any) -> None:
    """A function's name is its key in the History."""
    agree(*pair(kind, loss=loss, metrics=metrics, hidden=[], validation_data=held_out(kind)))


@pytest.mark.parametrize(
    ("kind", "loss"),
    [
        ("integers", spec("losses.SparseCategoricalCrossentropy", from_logits=True)),
        ("one-hot", spec("losses.CategoricalCrossentropy", from_logits=True)),
        ("binary", spec("losses.BinaryCrossentropy", from_logits=True)),
        ("several binary", spec("losses.BinaryCrossentropy", from_logits=True)),
    ],
)
def test_losses_of_logits(kind: str, loss: Spec) -> None:
    """A linear output and from_logits=True."""
    output = spec("layers.Dense", units=problem(kind).units)
    agree(*pair(kind, loss=loss, hidden=[], output=output))


@pytest.mark.parametrize("kind", ["integers", "one-hot", "binary", "several binary"])
def test_crossentropy_of_probabilities(kind: str) -> None:
    """Where a layer follows the activation, the loss is computed from what comes out."""
    agree(*pair(kind, hidden=[problem(kind).output], output=spec("layers.Rescaling", scale=1.0)))


WEIGHT = np.random.default_rng(3).uniform(0, 2, ROWS)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_rows(kind: str) -> None:
    """In the loss and its gradient; metrics and validation are not weighted by them."""
    options = {"sample_weight": WEIGHT, "validation_data": held_out(kind)}
    agree(*pair(kind, hidden=[], metrics=["mse"] if kind == "values" else [], **options))


def test_weights_of_rows_held_out() -> None:
    """validation_data of three: val_loss is weighted."""
    x, y = held_out("integers")
    weight = np.linspace(0, 2, len(x))
    agree(*pair("integers", hidden=[], metrics=["acc"], validation_data=(x, y, weight)))


@pytest.mark.parametrize(
    ("kind", "weights"),
    [
        ("integers", {0: 0.5, 1: 3.0, 2: 1}),
        ("integers", {1: 2.0}),
        ("one-hot", {0: 0.5, 2: 3.0}),
        ("binary", {0: 0, 1: 1}),
    ],
    ids=str,
)
def test_weights_of_classes(kind: str, weights: Mapping[int, float]) -> None:
    """Classes left out weigh 1."""
    agree(*pair(kind, hidden=[], class_weight=weights, metrics=["accuracy"]))


@pytest.mark.parametrize(("share", "weight"), [(4 / 23, None), (4 / 23, WEIGHT), (0.25, None)])
def test_validation_split(share: float, weight: Any) -> None:
    """The tail, of the size that Keras takes, with its weights."""
    agree(*pair("integers", hidden=[], validation_split=share, sample_weight=weight))


def test_weights_of_classes_are_for_training_only() -> None:
    """val_loss of a validation_split is not weighted by class_weight."""
    agree(*pair("integers", hidden=[], validation_split=4 / 23, class_weight={0: 5.0}))


@pytest.mark.parametrize(
    ("rows", "share"),
    [(10, 0.1), (10, 0.25), (10, 0.3), (20, 0.15), (20, 0.9), (23, 0.1), (50, 0.42)],
)
def test_size_of_the_validation_split(rows: int, share: float) -> None:
    """Keras trains on the whole part of rows · (1 - share), in floating point."""
    model = minidl.Sequential([minidl.layers.Flatten(input_shape=(1,))], dtype="float64")
    model.compile("sgd", "mse")
    x = np.arange(float(rows)).reshape(-1, 1)
    # The network gives back what it is shown, x: the loss is the mean of x².
    history = model.fit(x, 2 * x, verbose=0, validation_split=share).history
    held = [np.mean(x[k:] ** 2) for k in range(1, rows)]
    kept = 1 + int(np.argmin(np.abs(np.array(held) - history["val_loss"][0])))
    assert kept == oracle_training.rows_trained_on(rows, share)


@pytest.mark.parametrize(
    "optimizer",
    [
        "rmsprop",
        "sgd",
        spec("optimizers.SGD", learning_rate=0.02, momentum=0.1, nesterov=True),
        spec(
            "optimizers.Adam",
            learning_rate=spec(
                "optimizers.schedules.ExponentialDecay",
                initial_learning_rate=0.1,
                decay_steps=2,
                decay_rate=0.5,
                staircase=True,
            ),
        ),
        spec("optimizers.Nadam", learning_rate=0.01),
        spec("optimizers.Adagrad", learning_rate=0.1),
        spec("optimizers.AdamW", learning_rate=0.01),
        spec("optimizers.Adam", learning_rate=0.01, clipnorm=0.1),
        spec("optimizers.Adam", learning_rate=0.01, global_clipnorm=0.1),
        spec("optimizers.SGD", learning_rate=0.1, clipvalue=0.01),
    ],
    ids=str,
)
def test_optimizers_in_the_loop(optimizer: Any) -> None:
    """By name and by object, schedules of the step, clipping by tensor."""
    agree(*pair("one-hot", hidden=HIDDEN[:1], optimizer=optimizer))


@pytest.mark.parametrize("first", [1, EPOCHS])
def test_initial_epoch(first: int) -> None:
    """Epochs are counted from it; none is left where it is the number of epochs or more."""
    ours, theirs = pair("integers", hidden=[], initial_epoch=first)
    agree(ours, theirs)
    assert ours.epochs == list(range(first, EPOCHS))


@pytest.mark.parametrize("method", ["compile", "fit", "evaluate", "predict"])
def test_arguments_come_in_keras_order(method: str) -> None:
    """A call by position means the same; what Keras does not know goes by name."""
    parameters = inspect.signature(getattr(minidl.Sequential, method)).parameters
    own = [name for name, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY]
    by_name = {
        "fit": ["evaluate_train", "check_finite", "resume"],
    }  # fmt: skip
    assert own == by_name.get(method, [])
    ours = [name for name in parameters if name not in ("self", *own)]
    theirs = oracle_training.parameter_names(method)
    assert [name for name in theirs if name in ours] == ours
    if method in ("fit", "evaluate"):
        assert ours == theirs[: len(ours)]

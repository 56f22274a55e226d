"""The ends of the number range through layers, losses, metrics, optimizers and networks.

The kernels themselves are measured in ``tests/kernels/test_edges.py``. Here overflow, division by
zero and invalid operations are errors, and what comes out is compared with float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers, losses, metrics, optimizers
from minidl.backend import current, to_device, to_host
from tests.fitting import network, problem
from tests.kernels.running import off
from tests.specs import Spec, spec

pytestmark = pytest.mark.usefixtures("executor")

LOSSES = {
    "sparse_categorical_crossentropy": "softmax",
    "categorical_crossentropy": "softmax",
    "binary_crossentropy": "sigmoid",
    "mean_squared_error": None,
}
OPTIMIZERS = [
    spec("optimizers.SGD"),
    spec("optimizers.SGD", momentum=0.9),
    spec("optimizers.SGD", momentum=0.9, nesterov=True),
    spec("optimizers.RMSprop"),
    spec("optimizers.RMSprop", momentum=0.9),
    spec("optimizers.RMSprop", centered=True),
    spec("optimizers.RMSprop", centered=True, momentum=0.9),
    spec("optimizers.Adam"),
    spec("optimizers.Adam", amsgrad=True),
    spec("optimizers.AdamW"),
    spec("optimizers.Nadam"),
    spec("optimizers.Adagrad"),
]


@pytest.fixture(autouse=True)
def _raising() -> Iterator[None]:
    """Underflow to 0 is right; the rest is not."""
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        yield


def targets(loss: str, rows: int, units: int) -> np.ndarray:
    """Of every class or kind."""
    labels = np.arange(rows) % units
    if loss.startswith("sparse"):
        return labels
    if loss.startswith("binary") and units == 1:
        return np.arange(rows).reshape(-1, 1) % 2
    return np.eye(units)[labels]


def finite(model: minidl.Sequential) -> bool:
    """Whether all weights, statistics and state are."""
    assert model.optimizer is not None
    state = [to_host(vector) for vector in model.optimizer.state.values()]
    return all(np.all(np.isfinite(a)) for a in (*model.get_weights(), *state))


def layer(kind: str, **options: Any) -> Spec:
    """A layer."""
    return spec(f"layers.{kind}", **options)


HIDDEN = [layer("Dense", units=4, activation="relu"), layer("BatchNormalization")]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("units", [1, 3])
@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("loss", LOSSES)
def test_one_row_and_one_column(loss: str, rows: int, units: int, dtype: str) -> None:
    """A step on one row, on one class, and on both: of a lone class nothing is left to learn."""
    output = layer("Dense", units=units, activation=LOSSES[loss])
    model = network([*HIDDEN, output], dtype=dtype)
    before = model.get_weights()
    model.compile(spec("optimizers.SGD", learning_rate=0.1).make(minidl), loss)
    x = np.random.default_rng(1).normal(size=(rows, 4))
    y = targets(loss, rows, units)
    history = model.fit(x, y, rows, epochs=2, verbose=0).history["loss"]
    assert np.all(np.isfinite(history))
    assert finite(model)
    assert np.all(np.isfinite(model.predict(x)))
    if units == 1 and LOSSES[loss] == "softmax":
        assert history == [0, 0]
        for index in (0, 1, 2, 3, 6, 7):  # all that is trained
            np.testing.assert_array_equal(model.get_weights()[index], before[index])


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_learning_rate_0_moves_no_weight(optimizer: Spec) -> None:
    """Not by a bit, though the state moves; afterwards training goes on from there."""
    task = problem("integers")
    model = network([*HIDDEN, task.output], dtype="float32")
    before = to_host(model.theta).copy()
    made = Spec(optimizer.path, {**optimizer.options, "learning_rate": 0.0}).make(minidl)
    model.compile(made, task.loss)
    model.fit(task.x, task.y, 5, epochs=3, verbose=0)
    np.testing.assert_array_equal(to_host(model.theta), before)
    assert finite(model)
    moved = {"v", "m", "accumulator"} & set(made.state)
    assert all(np.any(to_host(made.state[name]) != made.slots[name]) for name in moved)
    made.learning_rate = 0.01
    model.fit(task.x, task.y, 5, epochs=4, initial_epoch=3, verbose=0)
    assert np.any(to_host(model.theta) != before)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
@pytest.mark.parametrize("size", [1e-30, 1e-10, 1.0, 1e3, 1e9])
def test_a_gradient_that_never_changes(optimizer: Spec, size: float) -> None:
    """In float32: no state leaves the numbers, and no step goes the wrong way.

    The variance of centered RMSprop is then rounding alone, on either side of 0.
    """
    gradient = np.array([1, -1.1, 0.37, 1 / 3, 0], np.float32) * np.float32(size)
    theta, made = to_device(np.zeros(5, np.float32)), optimizer.make(minidl)
    for _ in range(300):
        made.update(theta, to_device(gradient.copy()))
    moved = to_host(theta)
    assert np.all(np.isfinite(moved))
    assert np.all(np.sign(moved) * np.sign(gradient) <= 0)
    assert moved[4] == 0
    for vector in made.state.values():
        assert np.all(np.isfinite(to_host(vector)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", list(LOSSES)[:3])
def test_logits_of_1e4(loss: str, dtype: str) -> None:
    """Outputs of exactly 0 and 1, by fit's way through the logits and by that on probabilities."""
    units = 3
    weights = [1e4 * np.array([[1.0, -1, 0.5], [-1, 1, 0]]), np.zeros(units)]
    x = np.array([[1, 0], [0, 1], [1, 1], [-1, 0], [0, 0]], dtype)
    y = targets(loss, len(x), units)
    output = layer("Dense", units=units, activation=LOSSES[loss])
    model = network([output], (2,), dtype=dtype)
    model.set_weights(weights)
    model.compile(
        spec("optimizers.SGD", learning_rate=1e-3).make(minidl), loss, metrics=["accuracy"]
    )
    predictions = model.predict(x)
    assert {0.0, 1.0} <= set(predictions.ravel().tolist())
    logits = x.astype(float) @ weights[0]
    t = np.eye(units)[y] if y.ndim == 1 else y
    if LOSSES[loss] == "softmax":
        top = logits.max(axis=1, keepdims=True)
        logs = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
        rows = -(t * logs).sum(axis=1)
    else:
        tails = np.log1p(np.exp(-np.abs(logits)))
        rows = (np.maximum(logits, 0) - logits * t + tails).mean(axis=1)
    value, _ = model.evaluate(x, y, verbose=0)
    assert value == pytest.approx(rows.mean(), rel=4 * float(np.finfo(dtype).eps))
    assert model.fit(x, y, 5, verbose=0).history["loss"] == pytest.approx([value], rel=1e-6)
    assert finite(model)

    made: losses.Loss = losses.get(loss)
    p = to_device(predictions)
    assert np.isfinite(float(made.forward(p, to_device(y))))
    # Every probability lies outside the clip, but for those of the row of equal logits.
    gradient = to_host(made.backward())
    assert np.all(np.isfinite(gradient))
    np.testing.assert_array_equal(gradient[:4][(predictions[:4] == 0) | (predictions[:4] == 1)], 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_all_units_dropped(dtype: str) -> None:
    """At a rate near 1 a row of 16 is all zeros but once in 4,096: what follows sees constants."""
    dropping = layer("Dropout", rate=1 - 1e-9)
    hidden = [layer("Dense", units=16, activation="relu"), dropping]
    model = network([*hidden, layer("BatchNormalization"), *HIDDEN, problem("integers").output],
                    dtype=dtype)  # fmt: skip
    task = problem("integers")
    model.compile("adam", task.loss)
    history = model.fit(task.x, task.y, 5, epochs=3, verbose=0)
    assert np.all(np.isfinite(history.history["loss"]))
    assert finite(model)
    assert np.all(np.isfinite(model.predict(task.x)))

    model = network([*hidden, layer("Dense", units=3)], dtype=dtype)
    x = to_device(task.x.astype(dtype))
    dropout = next(one for one in model.layers if isinstance(one, layers.Dropout))
    outputs = to_host(model.forward(x, training=True))
    assert not to_host(dropout.y).any()
    bias = model.get_weights()[-1]
    np.testing.assert_array_equal(outputs, np.tile(bias, (len(task.x), 1)))
    model.backward(to_device(np.ones_like(outputs)))
    gradients = [to_host(model.parameters.gradient(entry)) for entry in model.parameters]
    assert not any(gradient.any() for gradient in gradients[:3])
    np.testing.assert_array_equal(gradients[3], len(task.x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("training", [True, False])
def test_constant_features(dtype: str, training: bool) -> None:
    """Batch normalization first in a network: raw columns that hold one number."""
    constant = np.array([0, 1, 255, -1e4 / 3, 1e-20], dtype)
    model = network([layer("BatchNormalization", momentum=0.5)], (5,), dtype=dtype)
    outputs = to_host(model.forward(to_device(np.tile(constant, (100, 1))), training=training))
    if training:
        np.testing.assert_array_equal(outputs, 0)
        mean, variance = model.get_weights()[2:]
        np.testing.assert_array_equal(mean, constant / 2)
        np.testing.assert_array_equal(variance, 0.5)
    else:
        assert off(outputs, np.tile(constant.astype(float) / np.sqrt(1.001), (100, 1))) <= 2


# A million rows in float32 -----------------------------------------------------------------

ROWS = 1_000_000


@pytest.mark.parametrize("loss", LOSSES)
def test_loss_of_a_million_rows(loss: str) -> None:
    """Value and gradient to float32's rounding: the mean is of float32 losses, added in pairs."""
    random = np.random.default_rng(1)
    p = random.uniform(0.1, 0.9, (ROWS, 2)).astype(np.float32)
    if LOSSES[loss] == "softmax":
        p /= p.sum(axis=1, keepdims=True)
    y = targets(loss, ROWS, 2)
    made: losses.Loss = losses.get(loss)
    value = to_host(made.forward(to_device(p), to_device(y)))
    assert value.dtype == np.float32
    gradient = to_host(made.backward()).copy()
    wide: losses.Loss = losses.get(loss)
    with minidl.backend.use("numpy", executor="blocks"):
        expected = np.array(wide.forward(p.astype(float), y))
        dp = wide.backward()
    assert off(value, expected) <= 8
    # Of a row of classes it is a difference of 1 / Σ p and t / p, both at least 1 / N.
    scale = np.maximum(np.abs(dp), (LOSSES[loss] == "softmax") / ROWS)
    assert off(gradient, dp, scale) <= 8


def test_accuracy_of_a_million_rows() -> None:
    """Counted exactly, in one batch and in a thousand, after which float32 could not add 1."""
    p = np.zeros((ROWS, 2), np.float32)
    p[:, 0] = 1
    y = np.zeros(ROWS, np.int64)
    y[::1000] = 1
    for rows in (ROWS, ROWS // 1000):
        metric = metrics.SparseCategoricalAccuracy()
        metric.bind(rows, 2, current(), np.dtype(np.float32), from_logits=False)
        metric.reset_state()
        for start in range(0, ROWS, rows):
            part = slice(start, start + rows)
            metric.update(to_device(p[part]), to_device(y[part]))
        assert metric.result() == 0.999


def test_mean_loss_of_a_thousand_batches() -> None:
    """A million rows: their sum is kept in float64."""
    mean = metrics.Mean("loss")
    mean.bind(1, 1, current(), np.dtype(np.float32), from_logits=False)
    mean.reset_state()
    value = to_device(np.array(0.1, np.float32))
    for _ in range(1000):
        mean.add(value, 1000)
    # Each product with 1000 is rounded to float32; a running sum in it would be off by 1e-5.
    assert mean.result() == pytest.approx(float(np.float32(0.1)), rel=1e-7)


@pytest.mark.parametrize("kind", ["l1", "l2"])
def test_penalty_on_a_million_weights(kind: str) -> None:
    """Added in pairs."""
    dense = layer("Dense", units=1000, kernel_regularizer=kind, use_bias=False)
    model = network([dense], (1000,), dtype="float32")
    W = model.get_weights()[0].astype(float)
    expected = 0.01 * np.sum(np.abs(W) if kind == "l1" else W**2)
    assert off(to_host(model.penalties.forward(model.theta)), expected) <= 8


def test_norm_of_a_million_gradients() -> None:
    """A vector of ones times 3: its norm is 3000."""
    theta = to_device(np.zeros(ROWS, np.float32))
    made = optimizers.SGD(1.0, global_clipnorm=1.0)
    made.update(theta, to_device(np.full(ROWS, 3, np.float32)))
    assert off(to_host(theta), np.float64(-1e-3)) <= 4

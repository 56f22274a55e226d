"""Whole networks, five steps of the explicit loop from shared weights, against Keras."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import minidl
from minidl.backend import to_device, to_host
from minidl.layers import Dropout
from minidl.models import Network
from tests import oracle
from tests.specs import Spec, spec

STEPS, ROWS = 5, 12


def dense(units: int, activation: str | None = None, **options: Any) -> Spec:
    return spec("layers.Dense", units=units, activation=activation, **options)


def norm(**options: Any) -> Spec:
    return spec("layers.BatchNormalization", **options)


RELU = spec("layers.ReLU")
L2 = spec("regularizers.L2", l2=0.01)
L1 = spec("regularizers.L1", l1=0.015625)  # which float32, Keras's type of it, holds exactly
L1L2 = spec("regularizers.L1L2", l1=0.003, l2=0.02)
SPARSE = spec("losses.SparseCategoricalCrossentropy", from_logits=True)
CATEGORICAL = spec("losses.CategoricalCrossentropy", from_logits=True)
BINARY = spec("losses.BinaryCrossentropy", from_logits=True)
SQUARED = spec("losses.MeanSquaredError")


class Case(NamedTuple):
    """A network, what it is trained on, and how."""

    layers: list[Spec]
    row: tuple[int, ...]
    loss: Spec
    optimizer: Spec
    weighted: bool = False


CASES = {
    "dense-bn-relu-dense-l2": Case(
        [dense(8, kernel_regularizer=L2), norm(), RELU, dense(3)],
        (6,),
        SPARSE,
        # The bias before the normalization has a gradient of 0, here 1e-17: a small epsilon
        # would make a step of that noise.
        spec("optimizers.Adam", learning_rate=0.05, epsilon=1e-3),
    ),
    "two bn, first layer bn": Case(
        [norm(), dense(5, "tanh"), norm(momentum=0.8), dense(3)],
        (4,),
        CATEGORICAL,
        spec("optimizers.SGD", learning_rate=0.1, momentum=0.9, nesterov=True),
    ),
    "bn without center or scale": Case(
        [dense(5, use_bias=False), norm(scale=False), RELU, norm(center=False), dense(1)],
        (4,),
        BINARY,
        spec("optimizers.RMSprop", learning_rate=0.01, clipnorm=0.5),
        weighted=True,
    ),
    "dropout": Case(
        [
            spec("layers.Dropout", rate=0.2),
            dense(16, "relu"),
            spec("layers.Dropout", rate=0.5),
            dense(8, "elu"),
            spec("layers.Dropout", rate=0.25),
            dense(3),
        ],
        (6,),
        SPARSE,
        spec("optimizers.Nadam", learning_rate=0.02),
    ),
    "every penalty": Case(
        [
            dense(6, "sigmoid", kernel_regularizer=L1, bias_regularizer=L2),
            dense(5, "elu", kernel_regularizer=L1L2, use_bias=False),
            dense(2, kernel_regularizer=L2, bias_regularizer=L1),
        ],
        (4,),
        SQUARED,
        spec("optimizers.AdamW", learning_rate=0.03, weight_decay=0.1, global_clipnorm=1.0),
        weighted=True,
    ),
    "images": Case(
        [
            spec("layers.Flatten"),
            spec("layers.Rescaling", scale=1 / 255, offset=-0.5),
            dense(6),
            spec("layers.LeakyReLU", negative_slope=0.25),
            norm(),
            dense(3),
        ],
        (3, 4),
        SPARSE,
        spec("optimizers.Adagrad", learning_rate=0.1, clipvalue=0.05),
    ),
}


def batches(case: Case, seed: int = 1) -> list[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """Rows, targets and weights of each step; the last step has fewer rows."""
    random = np.random.default_rng(seed)
    units = case.layers[-1].options["units"]
    made = []
    for step in range(STEPS):
        rows = ROWS if step < STEPS - 1 else 7
        x = random.normal(size=(rows, *case.row))
        if len(case.row) > 1:
            x = random.integers(0, 256, x.shape).astype(float)
        labels = random.integers(0, max(units, 2), rows)
        y = {
            SPARSE.path: labels,
            CATEGORICAL.path: np.eye(units)[labels % units],
            BINARY.path: random.integers(0, 2, (rows, units)),
            SQUARED.path: random.normal(size=(rows, units)),
        }[case.loss.path]
        made.append((x, y, random.uniform(0, 2, rows) if case.weighted else None))
    return made


def mask(layer: Dropout) -> np.ndarray:
    """The multiplier of the last training pass, from its random bits."""
    threshold = round(layer.rate * 65_536)
    return (to_host(layer.bits) >= threshold) / (1 - threshold / 65_536)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.usefixtures("executor")
def test_five_steps_agree_with_keras(case: Case) -> None:
    """Loss with penalties, all gradients, all weights and moving statistics, and the outputs.

    Starting weights go from minidl to Keras, the trained ones from Keras to minidl, each as
    the list that get_weights gives. 1e-10: five steps, each through networks whose batch
    normalizations and roots (Adam's, RMSprop's) multiply 1e-16 by up to some thousand.
    """
    rtol = 1e-10
    minidl.utils.set_random_seed(1)
    network = Network([s.make(minidl) for s in case.layers], dtype="float64")
    loss, optimizer = case.loss.make(minidl), case.optimizer.make(minidl)
    network.build(case.row)
    optimizer.build(network.theta, network.parameters)
    keras = oracle.Network(case.layers, case.row, case.loss, case.optimizer)
    keras.set_weights(network.get_weights())
    dropouts = [layer for layer in network if isinstance(layer, Dropout)]
    for step, (x, y, weight) in enumerate(batches(case)):
        on_device = [None if a is None else to_device(a) for a in (x, y, weight)]
        logits = network.forward(on_device[0], training=True)
        value = float(loss.forward(logits, *on_device[1:]))
        value += float(network.penalties.forward(network.theta))
        network.backward(loss.backward())
        network.penalties.add_gradients(network.theta, network.grad)
        gradients = [to_host(network.parameters.gradient(p)).copy() for p in network.parameters]
        optimizer.update(network.theta, network.grad)

        masks = [mask(layer) for layer in dropouts]
        expected, expected_gradients = keras.step(x, y, weight, masks)
        assert value == pytest.approx(expected, rel=rtol), f"loss of step {step}"
        for entry, actual, wanted in zip(
            network.parameters, gradients, expected_gradients, strict=True
        ):
            oracle.assert_agrees(actual, wanted, f"{entry.name}, step {step}", rtol)
    ours, theirs = network.get_weights(), keras.get_weights()
    for index, (actual, wanted) in enumerate(zip(ours, theirs, strict=True)):
        assert actual.shape == wanted.shape
        oracle.assert_agrees(actual, wanted, f"weight {index}", rtol)

    x = np.random.default_rng(9).normal(size=(4, *case.row))
    outputs = keras.predict(x)
    again = Network([s.make(minidl) for s in case.layers], dtype="float64")
    again.build(case.row)
    again.set_weights(theirs)
    oracle.assert_agrees(to_host(again.forward(to_device(x))), outputs, "outputs", rtol=1e-11)


@pytest.mark.parametrize(
    ("activation", "loss", "behind"),
    [
        ("softmax", spec("losses.SparseCategoricalCrossentropy"), SPARSE),
        ("sigmoid", spec("losses.BinaryCrossentropy"), BINARY),
    ],
)
@pytest.mark.parametrize("separate", [False, True], ids=["in Dense", "as a layer"])
def test_the_loss_looks_behind_the_output_activation_as_in_keras(
    activation: str, loss: Spec, behind: Spec, separate: bool
) -> None:
    """``forward(logits=True)`` and a loss on logits: Keras does the same by itself.

    One logit is 60: on the probabilities, clipped at 1e-7, the row's gradient would be 0.
    """
    tail = [dense(2), spec("layers.Activation", activation=activation)]
    layers = [dense(3, "tanh"), *(tail if separate else [dense(2, activation)])]
    network = Network([s.make(minidl) for s in layers], dtype="float64")
    network.build((4,))
    random = np.random.default_rng(3)
    weights = [random.normal(size=w.shape) for w in network.get_weights()]
    weights[3] = np.array([60.0, 0.0])
    network.set_weights(weights)
    x = random.normal(size=(5, 4))
    y = np.array([1, 0, 1, 1, 0])
    if activation == "sigmoid":
        y = np.stack([y, 1 - y], axis=1)
    keras = oracle.Network(layers, (4,), loss, spec("optimizers.SGD"))
    keras.set_weights(weights)
    expected, gradients = keras.step(x, y)

    made = behind.make(minidl)
    value = made.forward(network.forward(x, training=True, logits=True), y)
    network.backward(made.backward(), logits=True)
    assert float(value) == pytest.approx(expected, rel=1e-12)
    assert float(value) > 10
    for entry, wanted in zip(network.parameters, gradients, strict=True):
        oracle.assert_agrees(network.parameters.gradient(entry), wanted, entry.name, rtol=1e-11)
    outputs = to_host(network.activate(network.forward(x, logits=True)))
    np.testing.assert_array_equal(outputs, network.forward(x))


def test_order_of_the_weights_is_kerass() -> None:
    """Layer by layer: trainable tensors, then moving statistics; told apart by their sizes.

    Two batch normalizations of equal size would hide an exchange: each array has its own
    values, which must be found again in the layer where Keras puts them.
    """
    layers = [norm(), dense(4, use_bias=False), norm(), norm(scale=False), dense(4)]
    network = Network([s.make(minidl) for s in layers], dtype="float64")
    network.build((4,))
    keras = oracle.Network(layers, (4,), SQUARED, spec("optimizers.SGD"))
    shapes = [w.shape for w in keras.get_weights()]
    assert [w.shape for w in network.get_weights()] == shapes
    random = np.random.default_rng(4)
    weights = [random.uniform(0.5, 1.5, shape) for shape in shapes]
    network.set_weights(weights)
    keras.set_weights(network.get_weights())
    for ours, theirs, given in zip(
        network.get_weights(), keras.get_weights(), weights, strict=True
    ):
        np.testing.assert_array_equal(ours, given)
        np.testing.assert_array_equal(theirs, given)
    first, second = network.layers[0], network.layers[2]
    for layer, offset in ((first, 0), (second, 5)):
        for k, name in enumerate(("gamma", "beta", "moving_mean", "moving_variance")):
            np.testing.assert_array_equal(getattr(layer, name), weights[offset + k])
    x = random.normal(size=(3, 4))
    oracle.assert_agrees(network.forward(x), keras.predict(x), "outputs", rtol=1e-11)

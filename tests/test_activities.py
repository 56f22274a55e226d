"""Penalties on outputs: loss, gradient and History as in Keras, on every executor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers, regularizers
from minidl.backend import to_host
from minidl.models import Network
from tests import oracle
from tests.fitting import compiled, problem, same_weights
from tests.specs import spec

# Keras keeps some of these numbers in float32, which holds powers of 2 exactly.
L1 = spec("regularizers.L1", l1=2.0**-4)
L2 = spec("regularizers.L2", l2=2.0**-5)
L1L2 = spec("regularizers.L1L2", l1=2.0**-6, l2=2.0**-5)
STACKS = {
    "hidden": [
        spec("layers.Dense", units=5, activation="tanh", activity_regularizer=L1),
        spec("layers.Dense", units=3, activation="softmax"),
    ],
    "softmax": [
        spec("layers.Dense", units=5, activation="elu", kernel_regularizer=L1L2),
        spec("layers.Dense", units=3, activation="softmax", activity_regularizer=L1L2),
    ],
    "layers": [
        spec("layers.Dense", units=5, activity_regularizer=L1L2),
        spec("layers.ActivityRegularization", l1=2.0**-5, l2=2.0**-6),
        spec("layers.BatchNormalization", activity_regularizer=L2),
        spec("layers.Activation", activation="relu", activity_regularizer=L1),
        spec("layers.Dense", units=3, activation="softmax"),
    ],
}  # fmt: skip
LOSS = spec("losses.CategoricalCrossentropy")


@pytest.mark.parametrize("name", STACKS)
@pytest.mark.usefixtures("executor")
def test_steps_agree_with_keras(name: str) -> None:
    """The loss with penalties before each step, and the weights after; the mean of a batch.

    Tolerance: some thousand roundings of 1e-16.
    """
    optimizer = spec("optimizers.SGD", learning_rate=0.1)
    random = np.random.default_rng(4)
    x, y = random.normal(size=(7, 4)), np.eye(3)[np.arange(7) % 3]
    network = Network([layer.make(minidl) for layer in STACKS[name]], dtype="float64")
    network.build((4,))
    reference = oracle.Network(STACKS[name], (4,), LOSS, optimizer)
    reference.set_weights(network.get_weights())
    loss, update = LOSS.make(minidl).joined_to(network), optimizer.make(minidl)
    assert loss.joined == (name != "softmax")
    x_there, y_there = minidl.backend.to_device(x), minidl.backend.to_device(y)
    for rows in (7, 7, 4):
        expected, _ = reference.step(x[:rows], y[:rows])
        value, penalty, _ = minidl.train_step(network, loss, update, x_there[:rows], y_there[:rows])
        assert float(value) + float(penalty) == pytest.approx(expected, rel=1e-10)
        for one, other in zip(network.get_weights(), reference.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", STACKS)
def test_training_is_the_same_on_every_executor(name: str) -> None:
    """History with both parts of the loss, and weights, bit for bit; all compiled."""
    found = []
    for executor in ("python", "blocks", "compiled"):
        with minidl.backend.use("numpy", executor=executor):
            model, task = compiled("one-hot", STACKS[name][:-1])
            history = model.fit(task.x, task.y, 5, 4, validation_split=0.2, verbose=0).history
        found.append((history, model))
    assert {"data_loss", "penalty", "val_penalty"} <= found[0][0].keys()
    for history, model in found[1:]:
        assert history == found[0][0]
        same_weights(found[0][1], model)
    assert "called" not in found[2][1].recording


def test_evaluate_adds_the_mean_of_each_batch() -> None:
    """As Keras: of batches of one size it does not matter which."""
    model, task = compiled("values", [spec("layers.Dense", units=4, activity_regularizer="l2")])
    model.fit(task.x, task.y, 5, 1, verbose=0)
    x, y = task.x[:20], task.y[:20]
    loss = model.evaluate(x, y, 20, verbose=0)
    outputs = to_host(model.layers[0].y)[:20]
    data = np.mean((model.predict(x) - y) ** 2)
    assert loss == pytest.approx(data + 0.01 * np.sum(outputs**2) / 20, rel=1e-12)
    assert model.evaluate(x, y, 5, verbose=0) == pytest.approx(loss, rel=1e-12)


def test_a_pass_between_forward_and_backward_changes_nothing() -> None:
    """A prediction of other rows has memory of its own."""
    task = problem("values")
    grads = []
    for disturbed in (False, True):
        model, _ = compiled("values", [spec("layers.Dense", units=4, activity_regularizer="l2")])
        loss = minidl.losses.MeanSquaredError()
        value = loss.forward(model.forward(task.x, training=True), task.y)
        assert value > 0
        if disturbed:
            model.predict(task.x[:3] + 1)
        model.backward(loss.backward())
        grads.append(model.grad.copy())
    np.testing.assert_array_equal(*grads)


class Own(regularizers.Regularizer):
    """A penalty in plain NumPy."""

    def forward(self, W: Any, out: Any) -> Any:
        out[...] = W**4
        return out

    def add_gradient(self, W: Any, dW: Any) -> None:
        dW += 4 * W**3


class Square(layers.Layer):
    """A layer in plain NumPy, whose outputs are new arrays."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.x, self.y = x, x * x
        return self.y

    def backward(self, dy: Any) -> Any:
        return 2 * self.x * dy


def test_one_s_own_layers_and_penalties_train_alike_on_every_executor() -> None:
    task = problem("values")
    found = []
    for executor in ("python", "blocks", "compiled"):
        with minidl.backend.use("numpy", executor=executor):
            minidl.utils.set_random_seed(1)
            model = minidl.Sequential(
                [
                    layers.Dense(4, activity_regularizer=Own()),
                    Square(activity_regularizer=regularizers.L2(0.3)),
                    layers.Dense(2),
                ],
                dtype="float64",
            )
            model.compile("adam", "mse")
            found.append((model.fit(task.x, task.y, 5, 4, verbose=0).history, model))
    for history, model in found[1:]:
        assert history == found[0][0]
        same_weights(found[0][1], model)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="expected a penalty with a gradient"):
        layers.Dense(2, activity_regularizer=regularizers.L1(proximal=True))
    network = Network([layers.Dense(2, "softmax", activity_regularizer="l2")], dtype="float64")
    with pytest.raises(ValueError, match="without a penalty on its outputs"):
        network.forward(np.ones((2, 3)), logits=True)
    with pytest.raises(AttributeError, match="cannot be set any more"):
        network.layers[0].activity_regularizer = None


@pytest.mark.filterwarnings("ignore:fit continues")
def test_the_factors_of_the_layer_can_be_set() -> None:
    model, task = compiled("values", [spec("layers.ActivityRegularization", l1=0.5)])
    model.fit(task.x, task.y, 5, 2, verbose=0)
    model.layers[0].l1 = 0
    assert model.fit(task.x, task.y, 5, 2, verbose=0).history["penalty"] == [0, 0]
    with pytest.raises(ValueError, match="l2: expected"):
        model.layers[0].l2 = -1

"""The explicit loop: what it learns, what it waits for, and what it allocates."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl import losses, optimizers
from minidl.layers import Activation, BatchNormalization, Dense, Dropout, Input, Rescaling
from minidl.models import Network
from minidl.utils import set_random_seed
from tests.doubles.cupy_double import forbid_synchronisation


@pytest.fixture(autouse=True)
def _same_weights_each_time() -> None:
    set_random_seed(1)


def full_network(inputs: int = 4, hidden: int = 6, classes: int = 3, **options: Any) -> Network:
    """One layer of every kind."""
    return Network(
        [
            Input((inputs,)),
            Rescaling(0.5),
            Dense(hidden, kernel_regularizer="l2", bias_regularizer="l1"),
            BatchNormalization(),
            Activation("relu"),
            Dropout(0.5),
            Dense(hidden, "elu", kernel_regularizer="l1_l2"),
            Dropout(0.25),
            Dense(hidden, "softmax"),
            Dense(classes),
        ],
        **options,
    )


class Loop:
    """The explicit loop, as the documentation shows it."""

    def __init__(
        self, network: Network, loss: losses.Loss, optimizer: optimizers.Optimizer
    ) -> None:
        self.network, self.loss, self.optimizer = network, loss, optimizer
        network.build()
        optimizer.build(network.theta, network.parameters)

    def step(self, x: Any, y: Any) -> Any:
        network, loss = self.network, self.loss
        value = loss.forward(network.forward(x, training=True), y)
        network.backward(loss.backward())
        network.penalties.add_gradients(network.theta, network.grad)
        self.optimizer.update(network.theta, network.grad)
        return value


def sparse() -> losses.Loss:
    return losses.SparseCategoricalCrossentropy(from_logits=True)


class TestLoop:
    """forward, loss, backward, penalties, update."""

    @pytest.mark.usefixtures("executor")
    def test_finds_the_least_squares_solution(self) -> None:
        """A linear layer trained on all rows, to the solution of NumPy's lstsq."""
        random = np.random.default_rng(1)
        x, y = random.normal(size=(40, 3)), random.normal(size=(40, 2))
        network = Network([Dense(2, input_shape=(3,))], dtype="float64")
        loop = Loop(network, losses.MeanSquaredError(), optimizers.SGD(0.5))
        device = [network.backend.to_device(a) for a in (x, y)]
        for _ in range(400):
            loop.step(*device)
        W, b = network.get_weights()
        solution = np.linalg.lstsq(np.column_stack([x, np.ones(40)]), y, rcond=None)[0]
        # The slowest direction shrinks by some 0.7 a step: 0.7^400 is far below rounding.
        np.testing.assert_allclose(np.vstack([W, b]), solution, rtol=1e-10, atol=1e-12)

    def test_learns_what_no_linear_network_can(self) -> None:
        """Exclusive or, by eight hidden units, in float32."""
        x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
        y = np.array([0, 1, 1, 0])
        network = Network([Dense(8, "tanh", input_shape=(2,)), Dense(2)])
        loop = Loop(network, sparse(), optimizers.Adam(0.05))
        values = [float(loop.step(x, y)) for _ in range(200)]
        assert values[-1] < 0.05 < 0.5 < values[0]
        np.testing.assert_array_equal(network.forward(x).argmax(axis=1), y)

    def test_gradients_are_overwritten_not_added_up(self) -> None:
        """Two backward passes give the gradient of the second."""
        network, loss = full_network(dtype="float64"), sparse()
        x, y = np.random.default_rng(2).normal(size=(5, 4)), np.array([0, 1, 2, 0, 1])
        grads = []
        for _ in range(2):
            loss.forward(network.forward(x, step=0), y)
            network.backward(loss.backward())
            grads.append(network.grad.copy())
        assert grads[0].any()
        np.testing.assert_array_equal(*grads)

    @pytest.mark.parametrize("executor", ["cupy-double"], indirect=True)
    @pytest.mark.parametrize(
        "optimizer",
        [
            lambda: optimizers.SGD(0.1, momentum=0.9, clipvalue=0.5),
            lambda: optimizers.Adam(weight_decay=0.1, clipnorm=1.0),
            lambda: optimizers.RMSprop(global_clipnorm=1.0, centered=True),
        ],
        ids=["clipvalue", "clipnorm", "global_clipnorm"],
    )
    @pytest.mark.usefixtures("executor")
    def test_a_step_never_waits_for_the_device(
        self, optimizer: Callable[[], optimizers.Optimizer]
    ) -> None:
        """With everything in it that a step can have; also the 64th, which flushes."""
        network = full_network()
        random = np.random.default_rng(3)
        x = network.backend.to_device(random.normal(size=(5, 4)).astype(np.float32))
        y = network.backend.to_device(random.integers(0, 3, 5))
        loop = Loop(network, sparse(), optimizer())
        loop.step(x, y)
        with forbid_synchronisation():
            for _ in range(64):
                loop.step(x, y)


def addresses(network: Network, *others: Any) -> dict[tuple[str, str], int]:
    """Where the arrays of layers, loss and optimizer lie."""
    return {
        (repr(thing), name): array.__array_interface__["data"][0]
        for thing in (*network.layers, network, *others)
        for name, array in vars(thing).items()
        if isinstance(array, np.ndarray) and name.startswith("_")
    }


class TestBuffers:
    """Everything is allocated once."""

    def test_steps_reuse_all_buffers(self) -> None:
        """Also steps with fewer rows, and inference in between."""
        network, loss, optimizer = full_network(), sparse(), optimizers.Adam(clipnorm=1.0)
        loop = Loop(network, loss, optimizer)
        random = np.random.default_rng(4)
        x = random.normal(size=(8, 4)).astype(np.float32)
        y = random.integers(0, 3, 8)
        loop.step(x, y)
        before = addresses(network, loss, optimizer)
        assert len(before) > 20
        outputs = network.forward(x)
        for rows in (8, 3, 1, 8):
            loop.step(x[:rows], y[:rows])
            assert np.shares_memory(network.forward(x[:rows]), outputs)
        assert addresses(network, loss, optimizer) == before

    def test_more_rows_than_ever_get_new_buffers(self) -> None:
        """And the numbers stay those of the rows."""
        network = full_network(dtype="float64")
        x = np.random.default_rng(5).normal(size=(9, 4))
        few = network.forward(x[:2]).copy()
        many = network.forward(x)
        assert many.shape == (9, 3)
        np.testing.assert_allclose(many[:2], few, rtol=1e-13)

    @pytest.mark.parametrize("executor", ["blocks", "compiled"], indirect=True)
    @pytest.mark.usefixtures("executor")
    def test_a_step_allocates_nothing_that_grows_with_batch_or_model(self) -> None:
        """Less than half of the smallest activation or weight matrix of the hidden layers.

        What remains are the blocks of the executor and the pieces of NumPy's buffering.
        """
        rows, hidden = 8192, 1024
        random = np.random.default_rng(6)
        x = random.normal(size=(rows, 8)).astype(np.float32)
        y = random.integers(0, 3, rows)
        network = Network(
            [
                Dense(8, "relu", input_shape=(8,)),
                Dropout(0.5),
                Dense(hidden, kernel_regularizer="l2"),
                BatchNormalization(),
                Dropout(0.5),
                Activation("tanh"),
                Dense(hidden // 2, "relu"),
                Dense(3),
            ]
        )
        optimizer = optimizers.Adam(amsgrad=True, clipnorm=1.0, weight_decay=0.1)
        loop = Loop(network, sparse(), optimizer)
        loop.step(x, y)
        optimizer.iterations = 63  # the flush is in this step
        tracemalloc.start()
        try:
            loop.step(x, y)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        matrix = 4 * hidden * hidden // 2
        assert peak < matrix // 2, f"{peak:,} bytes at once, {matrix:,} in the weight matrix"

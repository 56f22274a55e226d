"""Random networks: numeric gradients, short batches, and the same numbers on every executor."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
from minidl.backend import to_device, to_host, use
from minidl.models import Network
from tests.gradients import check_gradient
from tests.specs import Spec, spec
from tests.strategies import LARGEST, rates

# A network has many parts that have to meet: more examples than a kernel needs.
MANY = settings(max_examples=6 * settings.default.max_examples)

ACTIVATIONS = ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softmax"]
PENALTIES = [
    None,
    spec("regularizers.L1", l1=0.05),
    spec("regularizers.L2", l2=0.05),
    spec("regularizers.L1L2", l1=0.02, l2=0.03),
]
# Activation of the last layer, its loss, and what the targets are.
ENDS = [
    (None, spec("losses.SparseCategoricalCrossentropy", from_logits=True), "labels"),
    (None, spec("losses.CategoricalCrossentropy", from_logits=True), "shares"),
    (None, spec("losses.BinaryCrossentropy", from_logits=True), "bits"),
    (None, spec("losses.MeanSquaredError"), "values"),
    ("softmax", spec("losses.SparseCategoricalCrossentropy"), "labels"),
    ("softmax", spec("losses.CategoricalCrossentropy"), "shares"),
    ("sigmoid", spec("losses.BinaryCrossentropy"), "bits"),
    ("tanh", spec("losses.MeanSquaredError"), "values"),
]


class Drawn(NamedTuple):
    """A network, a loss, and a batch; everything random in it follows from ``seed``."""

    layers: list[Spec]
    loss: Spec
    targets: str
    rows: int
    inputs: int
    units: int
    weighted: bool
    seed: int

    def network(self) -> Network:
        """A new network with the same weights and masks each time."""
        minidl.utils.set_random_seed(self.seed)
        network = Network([s.make(minidl) for s in self.layers], dtype="float64")
        network.build((self.inputs,))
        random = np.random.default_rng(self.seed)
        # Everywhere off zero, where biases start and absolute values have their kink.
        weights = [random.uniform(0.3, 1.3, w.shape) for w in network.get_weights()]
        signs = [random.choice([-1, 1], w.shape) for w in network.get_weights()]
        network.set_weights(weights)  # moving variances are positive
        network.theta[...] *= to_device(flat(signs)[: network.theta.size])
        return network

    def batch(self, rows: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Rows, targets and weights."""
        rows = rows or self.rows
        random = np.random.default_rng([self.seed, rows])
        shape = (rows, self.units)
        shares = random.uniform(0.1, 1, shape)
        y = {
            "labels": random.integers(0, self.units, rows),
            "shares": shares / shares.sum(axis=1, keepdims=True),
            "bits": random.integers(0, 2, shape),
            "values": random.normal(size=shape),
        }[self.targets]
        weight = random.uniform(0.2, 2, rows) if self.weighted else None
        return random.normal(size=(rows, self.inputs)), y, weight


def flat(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([array.ravel() for array in arrays])


@st.composite
def layers(draw: st.DrawFn) -> Spec:
    """Any hidden layer."""
    kind = draw(st.sampled_from(["dense", "norm", "activation", "dropout", "rescaling"]))
    if kind == "dense":
        return spec(
            "layers.Dense",
            units=draw(st.integers(1, LARGEST["O"])),
            activation=draw(st.sampled_from(ACTIVATIONS)),
            use_bias=draw(st.booleans()),
            kernel_regularizer=draw(st.sampled_from(PENALTIES)),
            bias_regularizer=draw(st.sampled_from(PENALTIES)),
        )
    if kind == "norm":
        return spec(
            "layers.BatchNormalization", center=draw(st.booleans()), scale=draw(st.booleans())
        )
    if kind == "dropout":
        return spec("layers.Dropout", rate=draw(rates(0, 0.75)))
    if kind == "rescaling":
        return spec("layers.Rescaling", scale=draw(rates(0.5, 2)), offset=draw(rates(-1, 1)))
    return draw(
        st.sampled_from(
            [
                spec("layers.ReLU"),
                spec("layers.LeakyReLU", negative_slope=0.1),
                spec("layers.ELU", alpha=0.7),
                spec("layers.Tanh"),
                spec("layers.Sigmoid"),
                spec("layers.Softmax"),
            ]
        )
    )


@st.composite
def networks(draw: st.DrawFn) -> Drawn:
    """Up to five hidden layers, an output layer and its loss."""
    activation, loss, targets = draw(st.sampled_from(ENDS))
    units = draw(st.integers(1, LARGEST["K"]))
    last = spec("layers.Dense", units=units, activation=activation)
    return Drawn(
        [*draw(st.lists(layers(), max_size=5)), last],
        loss,
        targets,
        rows=draw(st.integers(1, LARGEST["N"])),
        inputs=draw(st.integers(1, LARGEST["I"])),
        units=units,
        weighted=draw(st.booleans()),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


class Step:
    """The explicit loop of a network, without the update."""

    def __init__(self, drawn: Drawn, network: Network) -> None:
        self.network, self.loss = network, drawn.loss.make(minidl)

    def value(self, batch: Any, training: bool, step: int | None) -> float:
        """The loss with penalties; dropout masks are those of ``step``."""
        x, y, weight = (None if a is None else to_device(a) for a in batch)
        self.outputs = self.network.forward(x, training, step)
        value = self.loss.forward(self.outputs, y, weight)
        return float(value) + float(self.network.penalties.forward(self.network.theta))

    def gradient(self) -> Any:
        """Of the last value, at theta."""
        self.network.backward(self.loss.backward())
        self.network.penalties.add_gradients(self.network.theta, self.network.grad)
        return self.network.grad


@MANY
@given(networks(), st.booleans(), st.integers(0, 9))
def test_gradient_of_a_random_network_is_the_numeric_one(
    drawn: Drawn, training: bool, step: int
) -> None:
    """Every entry of theta, in both modes, with the dropout masks of one step frozen.

    Weights and inputs are random numbers, so that a kink of an activation lies within a
    difference of 1e-5 of them only by chance: where it does, both sides are looked at.
    """
    network, batch = drawn.network(), drawn.batch()
    loop = Step(drawn, network)
    theta = network.theta.copy()
    loop.value(batch, training, step)
    # The value is rounded as the outputs are, times what they count in it: a cross-entropy
    # near 0 is a difference of logits, a probability near 1 has lost its distance from 1.
    # A constant of that size beside the value tells check_gradient so, and cancels.
    outputs = to_host(loop.outputs)
    size = 1 + np.abs(outputs).max() + np.abs(loop.loss.backward() * outputs).sum()
    loop.value(batch, training, step)
    network.grad[...] = np.nan  # overwritten, never accumulated
    gradient = loop.gradient().copy()

    def forward(theta: np.ndarray) -> np.ndarray:
        network.theta[...] = theta
        return np.array([loop.value(batch, training, step), size])

    check_gradient(forward, {"theta": theta}, {"theta": gradient}, kinks=0.05)


@given(networks())
def test_nobody_computes_a_gradient_that_nobody_needs(drawn: Drawn) -> None:
    """Of the first layer with parameters, and of all before it."""
    network = drawn.network()
    loop = Step(drawn, network)
    loop.value(drawn.batch(), True, None)
    first = next(k for k, layer in enumerate(network.layers) if layer.tensors)

    def refuse(dy: Any) -> Any:
        raise AssertionError("asked for a gradient that nobody needs")

    for k, layer in enumerate(network.layers):
        assert layer.needs_dx == (k > first)
        if k < first:
            layer.backward = refuse
    results: list[Any] = []
    backward = network.layers[first].backward
    network.layers[first].backward = lambda dy: results.append(backward(dy))
    loop.gradient()
    assert results == [None]
    if not isinstance(network.layers[first], minidl.layers.BatchNormalization):
        assert network.layers[first]._dx is None  # a normalization works in this buffer


@given(networks(), st.integers(1, LARGEST["N"]), st.booleans())
def test_a_short_batch_is_computed_as_by_a_fresh_network(
    drawn: Drawn, rows: int, training: bool
) -> None:
    """After a full batch the buffers hold other rows; none of them is seen.

    1e-13: the same sums, which NumPy may split elsewhere where the memory lies elsewhere.
    """
    full = drawn._replace(rows=LARGEST["N"] + 1)
    used, fresh = full.network(), full.network()
    loop, alone = Step(full, used), Step(full, fresh)
    loop.value(full.batch(), training=True, step=0)
    loop.gradient()
    used.set_weights(fresh.get_weights())
    short = full.batch(rows)
    for one in (loop, alone):
        one.last = one.value(short, training, 1), one.gradient().copy()
    np.testing.assert_allclose(loop.last[0], alone.last[0], rtol=1e-13)
    np.testing.assert_allclose(loop.last[1], alone.last[1], rtol=1e-12, atol=1e-13)
    for one, other in zip(used.get_weights(), fresh.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)


def trained(drawn: Drawn) -> list[np.ndarray]:
    """Outputs, gradient and weights after three steps."""
    network = drawn.network()
    loop, optimizer = Step(drawn, network), minidl.optimizers.SGD(0.1, momentum=0.5)
    for rows in (drawn.rows, 1, drawn.rows):
        loop.value(drawn.batch(rows), True, None)
        optimizer.update(network.theta, loop.gradient())
    outputs = to_host(network.forward(to_device(drawn.batch()[0]))).copy()
    return [outputs, to_host(network.grad).copy(), *network.get_weights()]


@given(networks())
def test_all_executors_give_the_same_numbers(executor: str, drawn: Drawn) -> None:
    """Three steps on this executor and in blocks of NumPy.

    1e-9 of the largest: rounding of 1e-16, which steep networks (a batch normalization of
    nearly equal rows divides by 0.03) multiply by up to some thousand in each step.
    """
    actual = trained(drawn)
    with use("numpy", executor="blocks"):
        expected = trained(drawn)
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)

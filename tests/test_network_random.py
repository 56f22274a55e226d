"""Random networks: numeric gradients, short batches, and the same numbers on every executor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import minidl
from minidl.backend import to_device, to_host, use
from minidl.gradient_check import check_function, gradcheck
from minidl.gradient_check.losses import random_targets
from minidl.layers.affine import Affine
from minidl.models import Network
from minidl.testing import NetworkCase, networks
from minidl.testing.axes import LARGEST

# These take long.
pytestmark = pytest.mark.thorough

# A network has many parts that have to meet: more examples than a kernel needs.
MANY = settings(max_examples=6 * settings.default.max_examples)


def fresh(network: Network) -> Network:
    """Another network with the same layers, weights and masks, on the backend in use."""
    layers = [type(layer)(**layer.get_config()) for layer in network.layers]
    copy = Network(layers, dtype="float64")
    copy.seed = network.seed
    copy.build(network.input_row)
    copy.set_weights(network.get_weights())
    return copy


def batch(case: NetworkCase, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """So many rows, targets and weights of the kind that the case has."""
    random = np.random.default_rng([case.network.seed, rows])
    x = random.normal(size=(rows, *case.network.input_row))
    y = random_targets(case.loss, random, (rows, *case.network.output_row))
    return x, y, None if case.sample_weight is None else random.uniform(0.2, 2, rows)


class Step:
    """The explicit loop of a network, without the update."""

    def __init__(self, case: NetworkCase, network: Network) -> None:
        self.network = network
        self.loss = type(case.loss)(**case.loss.get_config())

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
@given(networks(), st.integers(0, 9))
def test_every_gradient_of_a_random_network_is_right(case: NetworkCase, step: int) -> None:
    """Every tensor and the input, penalties included, in both modes, masks of one step."""
    result = gradcheck(*case, step=step)
    tensors = len(case.network.parameters) + 1
    assert len(result.checks) == 2 * (tensors + 1)


@given(networks(), st.booleans(), st.integers(0, 9))
def test_the_explicit_loop_behind_an_output_activation_has_the_same_gradient(
    case: NetworkCase, training: bool, step: int
) -> None:
    """On probabilities, where the check of a network goes by the logits."""
    assume(case.loss.activation and not case.loss.from_logits)
    network, loop = case.network, Step(case, case.network)
    # Those have a value and no gradient.
    assume(not any(p.regularizer and p.regularizer.proximal for p in network.parameters))
    rows = case.x, case.y, case.sample_weight

    def forward(theta: np.ndarray) -> float:
        network.theta[...] = to_device(theta)
        return loop.value(rows, training, step)

    def backward(dy: float, theta: np.ndarray) -> np.ndarray:
        forward(theta)
        network.grad[...] = np.nan  # overwritten, never accumulated
        return to_host(loop.gradient()).copy()

    check_function(forward, backward, {"theta": to_host(network.theta).copy()})


@given(networks())
def test_nobody_computes_a_gradient_that_nobody_needs(case: NetworkCase) -> None:
    """Of the first layer with parameters, and of all before it."""
    network = case.network
    loop = Step(case, network)
    loop.value((case.x, case.y, case.sample_weight), True, None)
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
    if not isinstance(network.layers[first], Affine | minidl.layers.PReLU):
        assert network.layers[first]._dx is None  # these work in the buffer


@given(networks(), st.integers(1, LARGEST["N"]), st.booleans())
def test_a_short_batch_is_computed_as_by_a_fresh_network(
    case: NetworkCase, rows: int, training: bool
) -> None:
    """After a full batch the buffers hold other rows; none of them is seen.

    1e-13: the same sums, which NumPy may split elsewhere where the memory lies elsewhere.
    """
    used, other = fresh(case.network), fresh(case.network)
    loop, alone = Step(case, used), Step(case, other)
    loop.value(batch(case, LARGEST["N"] + 1), training=True, step=0)
    loop.gradient()
    used.set_weights(other.get_weights())
    short = batch(case, rows)
    for one in (loop, alone):
        one.last = one.value(short, training, 1), one.gradient().copy()
    np.testing.assert_allclose(loop.last[0], alone.last[0], rtol=1e-13)
    np.testing.assert_allclose(loop.last[1], alone.last[1], rtol=1e-12, atol=1e-13)
    for one, another in zip(used.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, another, rtol=1e-13)


def trained(case: NetworkCase) -> list[np.ndarray]:
    """Outputs, gradient and weights after three steps."""
    network = fresh(case.network)
    loop, optimizer = Step(case, network), minidl.optimizers.SGD(0.1, momentum=0.5)
    rows = len(case.x)
    for count in (rows, 1, rows):
        loop.value(batch(case, count), True, None)
        optimizer.update(network.theta, loop.gradient())
    outputs = to_host(network.forward(to_device(case.x))).copy()
    return [outputs, to_host(network.grad).copy(), *network.get_weights()]


@given(networks())
def test_all_executors_give_the_same_numbers(executor: str, case: NetworkCase) -> None:
    """Three steps on this executor and in blocks of NumPy.

    1e-9 of the largest: rounding of 1e-16, which steep networks (a batch normalization of
    nearly equal rows divides by 0.03) multiply by up to some thousand in each step.
    """
    actual = trained(case)
    with use("numpy", executor="blocks"):
        expected = trained(case)
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)

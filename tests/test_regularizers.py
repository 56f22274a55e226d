"""Penalties: against Keras, their sum over a network, and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import regularizers
from minidl.backend import to_device, to_host
from minidl.gradient_check import gradcheck, kinks
from minidl.layers import Dense
from minidl.models import Network
from tests import oracle
from tests.specs import Spec, spec

# Keras keeps the constant of L1 alone in float32: one that float32 holds exactly.
REGULARIZERS = [
    spec("regularizers.L1", l1=0.03125),
    spec("regularizers.L2", l2=0.002),
    spec("regularizers.L2"),
    spec("regularizers.L1L2", l1=0.1, l2=0.01),
    spec("regularizers.L1L2", l2=0.3),
    spec("regularizers.l1", l1=0.5),
    spec("regularizers.l2", l2=0.5),
    spec("regularizers.l1_l2", l1=0.5, l2=0.25),
]


def weights(shape: tuple[int, ...] = (5, 4)) -> np.ndarray:
    """Some of each sign, and zeros."""
    W = np.random.default_rng(1).normal(size=shape)
    W[0] = 0
    return W


@pytest.mark.parametrize("regularizer", REGULARIZERS, ids=str)
@pytest.mark.usefixtures("executor")
def test_value_and_gradient_agree_with_keras(regularizer: Spec) -> None:
    """The value is the sum of the weights' costs; the gradient is added to what is there."""
    made, W, before = regularizer.make(minidl), weights(), np.full((5, 4), 0.25)
    value, gradient = oracle.penalty(regularizer, W)
    costs = to_host(made.forward(to_device(W), to_device(np.empty_like(W))))
    oracle.assert_agrees(costs.sum(), value, "value")
    dW = to_device(before.copy())
    made.add_gradient(to_device(W), dW)
    oracle.assert_agrees(to_host(dW), before + gradient, "gradient")


@pytest.mark.usefixtures("executor")
def test_sum_over_a_network_agrees_with_keras() -> None:
    """Kernels and biases each with their own penalty; other tensors' gradients are untouched."""
    l1, l2 = spec("regularizers.L1", l1=0.125), spec("regularizers.L2", l2=0.2)
    both = spec("regularizers.L1L2", l1=0.3, l2=0.4)
    network = Network(
        [
            Dense(3, kernel_regularizer=l1.make(minidl), input_shape=(2,)),
            Dense(4, bias_regularizer=l2.make(minidl), kernel_regularizer=both.make(minidl)),
            Dense(2),
        ],
        dtype="float64",
    )
    random = np.random.default_rng(2)
    tensors = [random.normal(size=w.shape) for w in network.get_weights()]
    network.set_weights(tensors)
    wanted = {0: l1, 2: both, 3: l2}
    terms = {k: oracle.penalty(s, tensors[k]) for k, s in wanted.items()}
    assert len(network.penalties) == 3
    value = network.penalties.forward(network.theta)
    oracle.assert_agrees(to_host(value), sum(v for v, _ in terms.values()), "value")
    network.grad[...] = 1.0
    network.penalties.add_gradients(network.theta, network.grad)
    for index, entry in enumerate(network.parameters):
        gradient = terms[index][1] if index in terms else 0.0
        oracle.assert_agrees(
            to_host(network.parameters.gradient(entry)), 1.0 + gradient, entry.name
        )


def test_a_network_without_penalties_has_none() -> None:
    """Their sum is 0 and their gradient nothing."""
    network = Network([Dense(3, input_shape=(2,))])
    network.build()
    assert len(network.penalties) == 0
    assert float(network.penalties.forward(network.theta)) == 0
    network.penalties.add_gradients(network.theta, network.grad)
    assert not network.grad.any()


def test_the_sum_is_made_anew_each_time() -> None:
    """Asking twice gives the same value, and it follows theta."""
    network = Network([Dense(3, kernel_regularizer="l2", input_shape=(2,))], dtype="float64")
    network.build()
    first = float(network.penalties.forward(network.theta))
    assert float(network.penalties.forward(network.theta)) == first > 0
    theta = network.theta
    theta *= 2
    assert float(network.penalties.forward(network.theta)) == pytest.approx(4 * first, rel=1e-14)


@pytest.mark.parametrize("p", [1.0, 1.5, 2, 3.0])
@pytest.mark.usefixtures("executor")
def test_lp_is_the_sum_of_powers(p: float) -> None:
    """At 1 and 2 it is Keras's L1 and L2; in between, the power itself and its derivative."""
    made, W = regularizers.Lp(p, 0.03125), weights()
    gradient = 0.03125 * p * np.sign(W) * np.abs(W) ** (p - 1)
    value = 0.03125 * np.linalg.norm(W.ravel(), p) ** p
    if p in (1, 2):
        name = {1: "l1", 2: "l2"}[int(p)]
        value, gradient = oracle.penalty(spec(f"regularizers.{name}", **{name: 0.03125}), W)
    costs = to_host(made.forward(to_device(W), to_device(np.empty_like(W))))
    oracle.assert_agrees(costs.sum(), value, "value")
    dW = to_device(np.full(W.shape, 0.25))
    made.add_gradient(to_device(W), dW)
    oracle.assert_agrees(to_host(dW), 0.25 + gradient, "gradient")
    assert made.get_config() == {"p": float(p), "lp": 0.03125}


def test_a_proximal_l1_counts_but_adds_no_gradient() -> None:
    """In the value as ever; its configuration names what Keras's has not."""
    made, W, dW = regularizers.L1(0.5, proximal=True), weights(), np.zeros((5, 4))
    np.testing.assert_array_equal(
        made.forward(W, np.empty_like(W)), regularizers.L1(0.5).forward(W, np.empty_like(W))
    )
    made.add_gradient(W, dW)
    assert not dW.any()
    assert made.get_config() == {"l1": 0.5, "proximal": True}
    assert regularizers.L1(**made.get_config()).proximal
    assert not regularizers.L1().proximal
    assert not regularizers.L2().proximal


@pytest.mark.parametrize(("name", "kind"), [("l1", "L1"), ("l2", "L2"), ("l1_l2", "L1L2")])
def test_get(name: str, kind: str) -> None:
    """Names mean Keras's defaults, to the float32 of its L1; objects stay; None stays."""
    made = regularizers.get(name)
    assert made is not None
    expected = oracle.config(spec(f"regularizers.{kind}"))
    assert made.get_config() == pytest.approx(expected, rel=1e-7)
    assert regularizers.get(made) is made
    assert regularizers.get(None) is None
    assert type(made)(**made.get_config()).get_config() == made.get_config()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: regularizers.L1(-0.1), ValueError, r"l1: expected a number in \[0, inf\)"),
        (lambda: regularizers.L2(float("nan")), ValueError, "l2: .* received nan"),
        (lambda: regularizers.L2(float("inf")), ValueError, "l2: .* received inf"),
        (lambda: regularizers.L1L2(0.1, -1), ValueError, "l2: .* received -1"),
        (lambda: regularizers.L1L2("a"), TypeError, "l1: .* received 'a'"),
        (lambda: regularizers.Lp(0.99), ValueError, r"p: expected a number in \[1, inf\), .* 0.99"),
        (lambda: regularizers.Lp(float("nan"), 0.1), ValueError, "p: .* received nan"),
        (lambda: regularizers.Lp(float("inf"), 0.1), ValueError, "p: .* received inf"),
        (lambda: regularizers.Lp(2, -0.1), ValueError, "lp: .* received -0.1"),
        (lambda: regularizers.get("lp"), TypeError, r"needs .* expected Lp\(p\)"),
        (lambda: regularizers.get("l_2"), ValueError, "unknown regularizer 'l_2'; did you mean"),
        (lambda: regularizers.get("?"), ValueError, "known: l1, l1_l2, l1l2, l2, lp"),
        (lambda: regularizers.get(0.01), TypeError, "regularizer: expected .* received float"),
    ],
)
def test_bad_arguments(call: Any, error: type[Exception], words: str) -> None:
    """Each says what was expected."""
    with pytest.raises(error, match=words):
        call()


def test_the_factor_of_lp_is_a_hundredth_if_left_out() -> None:
    """As those of the others."""
    assert regularizers.Lp(2).lp == regularizers.L1().l1 == regularizers.L2().l2 == 0.01


@pytest.mark.parametrize("method", ["forward", "add_gradient", "proximal_step"])
def test_a_regularizer_must_define_what_is_asked_of_it(method: str) -> None:
    """The base class says which method is missing, and of what arguments."""

    class Unfinished(regularizers.Regularizer):
        pass

    with pytest.raises(NotImplementedError, match=rf"Unfinished must define {method}\(\w+, \w+\)"):
        getattr(Unfinished(), method)(np.ones(2), np.ones(2))


@pytest.mark.parametrize("returns", ["out", "nothing", "another array"])
def test_a_penalty_is_what_forward_writes_or_returns(returns: str) -> None:
    class Fourth(regularizers.Regularizer):
        def forward(self, W: Any, out: Any) -> Any:
            if returns == "another array":
                return W**4
            out[...] = W**4
            return out if returns == "out" else None

        def add_gradient(self, W: Any, dW: Any) -> None:
            dW += 4 * W**3

    layer = Dense(3, kernel_regularizer=Fourth(), activity_regularizer=Fourth())
    network = Network([minidl.Input((4,)), layer], dtype="float64")
    x = np.random.default_rng(0).standard_normal((5, 4))
    y = network.forward(x, training=True)
    wanted = (layer.W**4).sum() + (y**4).sum() / 5
    np.testing.assert_allclose(network.penalties.forward(network.theta), wanted, rtol=1e-12)
    np.testing.assert_allclose(Fourth()(layer.W), (layer.W**4).sum(), rtol=1e-12)
    assert not kinks.of_penalties(network, network.theta.copy(), 1e-3)


class Returns(regularizers.Regularizer):
    """|w|, whose gradient is returned and not added; or, where asked, added and then returned."""

    def __init__(self, adds: bool) -> None:
        self.adds = adds

    def forward(self, W: Any, out: Any) -> Any:
        return np.abs(W)

    def add_gradient(self, W: Any, dW: Any) -> Any:
        if self.adds:
            return np.add(dW, np.sign(W), out=dW)
        return dW + np.sign(W)


@pytest.mark.parametrize("executor", ["python", "blocks", "compiled"])
@pytest.mark.parametrize("place", ["kernel_regularizer", "activity_regularizer"])
def test_a_gradient_that_is_returned_and_not_added_is_refused(executor: str, place: str) -> None:
    """On tensors and on outputs; one that is added, and returned, is as good as any."""
    x = np.random.default_rng(1).normal(size=(60, 3))

    def trained(penalty: Any) -> Any:
        minidl.utils.set_random_seed(2)
        model = minidl.Sequential([Dense(4, **{place: penalty}), Dense(1)])
        model.compile("sgd", "mse")
        model.fit(x, x[:, :1], batch_size=10, epochs=3, verbose=0)
        return model.theta

    with minidl.backend.use("numpy", executor=executor):
        with pytest.raises(TypeError, match=r"Returns\.add_gradient: expected .*in place, dW \+= "):
            trained(Returns(False))
        np.testing.assert_allclose(
            trained(Returns(True)), trained(regularizers.L1(1.0)), rtol=1e-5, atol=1e-6
        )


def test_gradcheck_refuses_a_returned_gradient_too() -> None:
    with pytest.raises(TypeError, match=r"Returns\.add_gradient: expected"):
        gradcheck(Returns(False))

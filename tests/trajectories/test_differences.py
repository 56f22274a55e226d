"""Where Keras computes something else, the difference is shown to be that and nothing more."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import losses
from minidl.optimizers import Nadam
from tests import oracle
from tests.layers.alone import layer_pass
from tests.specs import Spec, spec
from tests.trajectories.cases import LOSSES, OPTIMIZERS, Case, batches, dense, optimizer
from tests.trajectories.running import RTOL, agrees, compare

EPSILON = 1e-7


def rounded(number: float) -> float:
    """The number in float32."""
    return float(np.float32(number))


class TestNumbersInFloat32:
    """Keras keeps some numbers in float32 even where all tensors are float64.

    It makes the same of a number and of that number in float32: minidl agrees with the second.
    """

    @pytest.mark.parametrize(
        "hidden",
        [
            lambda number: dense(
                5, "tanh", kernel_regularizer=spec("regularizers.L1", l1=number(0.01))
            ),
            lambda number: spec("layers.LeakyReLU", negative_slope=number(0.3)),
        ],
        ids=["L1", "LeakyReLU"],
    )
    def test_of_layers(self, hidden: Any) -> None:
        """The factor of an L1 penalty, the slope of a Leaky ReLU."""
        found = {}
        for number in (float, rounded):
            layers = [dense(5), hidden(number), dense(2)]
            made = Case(layers, OPTIMIZERS["SGD"], LOSSES["squared"].loss, *batches("squared"))
            found[number] = compare(made)
        agrees(found[rounded])
        assert RTOL < found[float].worst()[1] < 1e-4

    def test_in_nadam(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The .96 of mu_t, but for the product of all so far: mu_t = beta_1 (1 - .96ᵗ / 2).

        In all other tests Keras takes .96 in float64.
        """
        exact = optimizer("Nadam", 0.01, beta_1=0.875, beta_2=0.96875)
        made = Case([dense(2)], exact, LOSSES["squared"].loss, *batches("squared"))
        agrees(compare(made))
        with oracle.rounding_to_float32():
            assert RTOL < compare(made).worst()[1] < 1e-4
            right = Nadam._momentum
            monkeypatch.setattr(
                Nadam,
                "momentum_product",
                lambda self, t: math.prod(right(self, i) for i in range(1, t + 1)),
            )
            monkeypatch.setattr(
                Nadam, "_momentum", lambda self, t: self.beta_1 * (1 - 0.5 * rounded(0.96) ** t)
            )
            agrees(compare(made))


class TestProbabilities:
    """Cross-entropy where the loss cannot see the logits."""

    @pytest.mark.filterwarnings("ignore:.*expects probabilities")  # fit sees no softmax either
    @pytest.mark.parametrize("loss", ["sparse", "categorical", "binary"])
    def test_trajectories_agree(self, loss: str) -> None:
        """Of softmax and sigmoid outputs, as numbers near 0 and 1 are not met."""
        task = LOSSES[loss]
        layers = [dense(4, "tanh"), task.output, spec("layers.Rescaling", scale=1.0)]
        agrees(compare(Case(layers, OPTIMIZERS["Adam"], task.loss, *batches(loss))))

    @pytest.mark.parametrize("end", [EPSILON, 1 - EPSILON])
    def test_at_the_ends_of_the_clip(self, end: float) -> None:
        """Exactly there, Keras's derivative is the one from within, minidl's the one without."""
        p, t = np.array([[end]]), np.array([[0.25]])
        value, gradient = oracle.loss(spec("losses.BinaryCrossentropy"), t, p)
        ours, dp = passes(losses.BinaryCrossentropy(), t, p)
        oracle.assert_agrees(ours, value)
        np.testing.assert_array_equal(dp, 0)
        # 1 - p near 1e-7 has 9 digits.
        np.testing.assert_allclose(gradient, (p - t) / (p * (1 - p)), rtol=1e-8)


def passes(loss: losses.Loss, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Value and gradient."""
    return np.array(loss.forward(p, y)), loss.backward().copy()


@pytest.mark.parametrize(
    "layer",
    [
        spec("layers.ReLU"),
        spec("layers.LeakyReLU", negative_slope=0.25),
        spec("layers.ELU", alpha=0.5),
    ],
    ids=str,
)
def test_at_a_kink_both_have_the_same_derivative(layer: Spec) -> None:
    """The one from the left."""
    x, dy = np.zeros((2, 3)), np.ones((2, 3))
    np.testing.assert_array_equal(layer_pass(layer, x, dy).dx, oracle.layer(layer, x, dy).dx)


def test_at_0_both_have_no_gradient_of_l1() -> None:
    """sign(0) = 0."""
    W, dW = np.zeros(3), np.full(3, 0.5)
    minidl.regularizers.L1(0.25).add_gradient(W, dW)
    np.testing.assert_array_equal(dW, 0.5)
    np.testing.assert_array_equal(oracle.penalty(spec("regularizers.L1", l1=0.25), W)[1], 0)


def test_what_is_nearly_subnormal_becomes_0() -> None:
    """Every 64 steps, what is below 1e8 times the smallest normal number; Keras keeps it."""
    made = optimizer("SGD", 1.0, momentum=0.5)
    steps = [np.array([1e-279, 1e-285]), *[np.zeros(2)] * 63]
    (theta,), slots = oracle.optimizer_steps(made, [np.zeros(2)], [[g] for g in steps])
    ours, updated = made.make(minidl), np.zeros(2)
    for gradient in steps:
        ours.update(updated, gradient.copy())
    (expected,) = slots["momentum"]
    assert np.all(expected != 0)
    limit = 1e8 * np.finfo(float).tiny
    np.testing.assert_array_equal(ours.state["velocity"], expected * (np.abs(expected) >= limit))
    np.testing.assert_array_equal(ours.state["velocity"] == 0, [False, True])
    np.testing.assert_allclose(updated, theta, rtol=1e-15)


@pytest.mark.parametrize("name", ["hinge", "squared_hinge", "kl_divergence", "poisson"])
def test_a_metric_pairs_targets_and_rows(name: str) -> None:
    """Of N targets in a vector and one unit Keras takes all N² pairs; of a column, N."""
    x = np.linspace(-1, 1, 6)[:, None]
    targets = (x[:, 0] > 0) * 1.0
    values = {}
    for package in (minidl, oracle.keras):
        for form in ("vector", "column"):
            made = package.Sequential(
                [package.Input((1,)), package.layers.Dense(1, "sigmoid", use_bias=False)]
            )
            made.set_weights([np.array([[0.5]])])
            made.compile("sgd", "mse", metrics=[name])
            given = targets if form == "vector" else targets[:, None]
            values[package.__name__, form] = made.evaluate(x, given, verbose=0)[1]
    assert values["minidl", "vector"] == values["minidl", "column"]
    # The default type is float32 in both.
    assert values["minidl", "vector"] == pytest.approx(values["keras", "column"], rel=1e-5)
    predictions = 1 / (1 + np.exp(-0.5 * x))
    pairs = [
        getattr(minidl.losses, name)(np.full((6, 1), target), predictions).mean()
        for target in targets
    ]
    # Kullback and Leibler's is a sum over what Keras takes for six units.
    expected = np.mean(pairs) * (6 if name == "kl_divergence" else 1)
    assert values["keras", "vector"] == pytest.approx(expected, rel=1e-5)
    assert abs(values["keras", "vector"] - values["keras", "column"]) > 1e-2

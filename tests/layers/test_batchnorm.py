"""BatchNormalization: against Keras in both modes, and its errors."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.layers import BatchNormalization
from minidl.models import Network
from tests import oracle
from tests.layers.alone import alone
from tests.specs import Spec, spec

ROWS, UNITS = 6, 4


def layer_spec(center: bool, scale: bool, **options: float) -> Spec:
    return spec("layers.BatchNormalization", center=center, scale=scale, **options)


def start(random: np.random.Generator, center: bool, scale: bool) -> list[np.ndarray]:
    """gamma, beta, moving mean and moving variance that are not the initial ones."""
    gamma, beta, mean = random.normal(size=(3, UNITS))
    return [*[gamma][:scale], *[beta][:center], mean, random.uniform(0.5, 2, UNITS)]


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("options", [{}, {"momentum": 0.7, "epsilon": 1e-5}], ids=str)
def test_five_steps_and_inference_agree_with_keras(
    center: bool, scale: bool, options: dict[str, float]
) -> None:
    """Outputs, gradients and moving statistics in five training passes, then in inference."""
    random = np.random.default_rng(1)
    layer = layer_spec(center, scale, **options)
    weights = start(random, center, scale)
    ours = layer.make(minidl)
    network = alone(ours, (UNITS,), ROWS)
    network.set_weights(weights)
    for step in range(6):
        training = step < 5
        x = random.normal(size=(ROWS, UNITS)) * [1, 3, 0.1, 20] + [0, 5, -1, 30]
        dy = random.normal(size=(ROWS, UNITS))
        expected = oracle.layer(layer, x, dy, weights, training)
        weights = expected.weights
        y = ours.forward(x, training).copy()
        dx = ours.backward(dy.copy())
        oracle.assert_agrees(y, expected.y, f"y in pass {step}")
        # gamma · inverse · (dy - mean - …) is a difference of terms some ten times as large.
        oracle.assert_agrees(dx, expected.dx, f"dx in pass {step}", rtol=1e-11)
        gradients = [network.parameters.gradient(entry) for entry in network.parameters]
        assert len(gradients) == len(expected.dweights) == center + scale
        for entry, actual, wanted in zip(
            network.parameters, gradients, expected.dweights, strict=True
        ):
            oracle.assert_agrees(actual, wanted, f"{entry.name} in pass {step}", rtol=1e-11)
        for index, (actual, wanted) in enumerate(zip(network.get_weights(), weights, strict=True)):
            oracle.assert_agrees(actual, wanted, f"weight {index} after pass {step}")


def test_a_batch_of_one_row_agrees_with_keras() -> None:
    """The variance of one row is 0: the output is beta and nothing flows back."""
    random = np.random.default_rng(2)
    layer = layer_spec(True, True)
    weights = start(random, True, True)
    x, dy = random.normal(size=(2, 1, UNITS))
    ours = layer.make(minidl)
    network = alone(ours, (UNITS,), 1)
    network.set_weights(weights)
    expected = oracle.layer(layer, x, dy, weights, training=True)
    oracle.assert_agrees(ours.forward(x, training=True), expected.y, "y")
    oracle.assert_agrees(ours.backward(dy.copy()), expected.dx, "dx")
    oracle.assert_agrees(ours.moving_variance, expected.weights[3], "moving variance")


def test_starts_as_the_identity_in_inference() -> None:
    """gamma 1, beta 0, moving mean 0 and variance 1: only epsilon changes x."""
    x = np.random.default_rng(3).normal(size=(ROWS, UNITS))
    layer = BatchNormalization()
    y = Network([layer], dtype="float64").forward(x)
    np.testing.assert_allclose(y, x / np.sqrt(1.001), rtol=1e-14)


def test_inference_leaves_the_statistics_alone() -> None:
    """Only training passes move them."""
    x = np.random.default_rng(4).normal(size=(ROWS, UNITS)) + 3
    layer = BatchNormalization()
    network = Network([layer], dtype="float64")
    network.forward(x)
    assert not layer.moving_mean.any()
    network.forward(x, training=True)
    np.testing.assert_allclose(layer.moving_mean, 0.01 * x.mean(axis=0), rtol=1e-13)


def test_backward_follows_the_mode_of_the_last_forward() -> None:
    """After inference the statistics are constants, so a constant dy is not cancelled."""
    layer = BatchNormalization()
    alone(layer, (UNITS,), ROWS)
    x = np.random.default_rng(5).normal(size=(ROWS, UNITS))
    layer.forward(x, training=True)
    # Moving all rows together moves the mean: exactly nothing comes through, but rounding.
    np.testing.assert_allclose(layer.backward(np.ones_like(x)), 0, atol=1e-14)
    layer.forward(x, training=False)
    assert (layer.backward(np.ones_like(x)) > 0.5).all()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"momentum": 1.0}, ValueError, r"momentum: expected a number in \[0, 1\), received 1.0"),
        ({"momentum": -0.1}, ValueError, "momentum: .* received -0.1"),
        ({"momentum": float("nan")}, ValueError, "received nan"),
        ({"epsilon": 0.0}, ValueError, r"epsilon: expected a number in \(0, inf\), received 0.0"),
        ({"epsilon": -1e-3}, ValueError, "epsilon: .* received -0.001"),
        ({"epsilon": "small"}, TypeError, "epsilon: .* received 'small'"),
    ],
    ids=str,
)
def test_bad_arguments(options: dict[str, float], error: type[Exception], words: str) -> None:
    """Each raises in the constructor and says what was expected."""
    with pytest.raises(error, match=words):
        BatchNormalization(**options)


def test_rows_must_be_flat() -> None:
    """Images: the message names the cure."""
    with pytest.raises(ValueError, match=r"received rows of shape \(4, 4\); put a Flatten"):
        Network([BatchNormalization()]).build((4, 4))

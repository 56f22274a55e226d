"""Dense: against Keras, and its errors."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import activations
from minidl.layers import Dense
from minidl.models import Network
from tests import oracle
from tests.layers.alone import alone, layer_pass
from tests.specs import Spec, spec

ACTIVATIONS = ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softmax", None]


@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_agrees_with_keras(activation: str | None, use_bias: bool, rows: int) -> None:
    """y, dx, dW and db, with every activation by its name."""
    random = np.random.default_rng(1)
    dense = spec("layers.Dense", units=4, activation=activation, use_bias=use_bias)
    x, dy = random.normal(size=(rows, 3)), random.normal(size=(rows, 4))
    weights = [random.normal(size=(3, 4)), random.normal(size=4)][: 1 + use_bias]
    expected = oracle.layer(dense, x, dy, weights)
    actual = layer_pass(dense, x, dy, weights)
    rtol = oracle.SLOPE_RTOL if activation == "leaky_relu" else oracle.RTOL
    oracle.assert_agrees(actual.y, expected.y, "y", rtol)
    oracle.assert_agrees(actual.dx, expected.dx, "dx", rtol)
    assert len(actual.dweights) == len(expected.dweights) == 1 + use_bias
    for name, ours, theirs in zip("Wb", actual.dweights, expected.dweights, strict=False):
        oracle.assert_agrees(ours, theirs, f"d{name}", rtol)


def test_default_weights_are_kerass() -> None:
    """glorot_uniform within its bound, and zero biases."""
    dense = Dense(40)
    alone(dense, (60,), 1)
    assert np.abs(dense.W).max() <= np.sqrt(6 / 100)
    assert np.abs(dense.W).max() > 0.95 * np.sqrt(6 / 100)  # of 2,400 uniform values
    assert not dense.b.any()


def test_attributes_after_a_forward_pass() -> None:
    """z is before the activation, y after; x, W and b are what made them."""
    dense = Dense(3, "tanh")
    network = Network([dense], dtype="float64")
    x = np.random.default_rng(2).normal(size=(5, 2))
    y = network.forward(x)
    np.testing.assert_array_equal(dense.x, x)
    np.testing.assert_allclose(dense.z, x @ dense.W + dense.b, rtol=1e-15)
    np.testing.assert_array_equal(dense.y, np.tanh(dense.z))
    assert y is dense.y


def test_activation_by_function() -> None:
    """The function object and its name make the same layer."""
    assert Dense(2, activations.elu).activation.function is activations.elu
    assert Dense(2, "elu").activation.function is activations.elu
    assert Dense(2).activation is None
    assert Dense(2, "linear").activation is None


@pytest.mark.parametrize(
    ("layer", "error", "words"),
    [
        (spec("layers.Dense", units=0), ValueError, r"units: expected .* at least 1, received 0"),
        (spec("layers.Dense", units=-3), ValueError, "received -3"),
        (spec("layers.Dense", units=2.0), TypeError, r"units: expected an integer.*received 2\.0"),
        (spec("layers.Dense", units=True), TypeError, "received True"),
        (spec("layers.Dense", units="4"), TypeError, "received '4'"),
        (spec("layers.Dense", units=2, activation="rleu"), ValueError, "did you mean 'relu'"),
        (spec("layers.Dense", units=2, activation="sigmod"), ValueError, "did you mean 'sigmoid'"),
        (spec("layers.Dense", units=2, activation=3), TypeError, "activation: expected a name"),
        (
            spec("layers.Dense", units=2, kernel_initializer="glorot_unifrom"),
            ValueError,
            "unknown initializer 'glorot_unifrom'; did you mean 'glorot_uniform'",
        ),
        (
            spec("layers.Dense", units=2, bias_initializer="zeroes"),
            ValueError,
            "did you mean 'zero",
        ),
        (
            spec("layers.Dense", units=2, kernel_regularizer="l3"),
            ValueError,
            "unknown regularizer 'l3'; did you mean 'l",
        ),
        (spec("layers.Dense", units=2, bias_regularizer=0.1), TypeError, "regularizer: expected"),
    ],
    ids=str,
)
def test_bad_arguments(layer: Spec, error: type[Exception], words: str) -> None:
    """Each raises in the constructor and says what was expected."""
    with pytest.raises(error, match=words):
        layer.make(minidl)


def test_rows_must_be_flat() -> None:
    """Images into Dense: the message names the cure."""
    with pytest.raises(ValueError, match=r"received rows of shape \(28, 28\); put a Flatten"):
        Network([Dense(3)]).build((28, 28))

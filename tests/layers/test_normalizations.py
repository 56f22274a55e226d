"""LayerNormalization, UnitNormalization, Normalization, PReLU: against Keras; adapt; errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers
from minidl.backend import to_host
from minidl.layers import Dense, Input, Normalization
from minidl.models import Network
from tests import oracle
from tests.layers.alone import layer_pass
from tests.specs import Spec, spec

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(9, 5)) * 3 + 1
DY = RANDOM.normal(size=(9, 5))
GIVEN = {"mean": [1.0, 2.0, 3.0, 4.0, 5.0], "variance": [4.0, 0.25, 0.0, 1.0, 2.25]}
# Of sums of squares Keras subtracts the mean's square: five digits fewer than from differences.
MOMENTS_RTOL = 1e-10


@pytest.mark.parametrize(
    "layer",
    [
        spec("layers.LayerNormalization"),
        spec("layers.LayerNormalization", epsilon=0.25),
        spec("layers.LayerNormalization", center=False, scale=False),
        spec("layers.UnitNormalization"),
        spec("layers.PReLU"),
        spec("layers.PReLU", alpha_initializer=spec("initializers.Constant", value=0.25)),
        spec("layers.Normalization"),
        spec("layers.Normalization", **GIVEN),
        spec("layers.Normalization", mean=0.5, variance=2.25, axis=None),
        spec("layers.Normalization", invert=True, **GIVEN),
    ],
    ids=str,
)
def test_agrees_with_keras(layer: Spec) -> None:
    """y, dx and the gradients of parameters other than the first ones."""
    weights = None
    if "Layer" in layer.path and layer.options.get("scale", True) is not False:
        weights = [RANDOM.normal(size=5), RANDOM.normal(size=5)]
    if "PReLU" in layer.path:
        weights = [np.array([0.25, -0.5, 0.0, 1.5, 0.1])]
    expected = oracle.layer(layer, X, DY, weights)
    actual = layer_pass(layer, X, DY, weights)
    rtol = MOMENTS_RTOL if "Layer" in layer.path else oracle.RTOL
    oracle.assert_agrees(actual.y, expected.y, "y", rtol)
    oracle.assert_agrees(actual.dx, expected.dx, "dx", rtol)
    assert len(actual.dweights) == len(expected.dweights)
    for one, other in zip(actual.dweights, expected.dweights, strict=True):
        oracle.assert_agrees(one, other, "dweights", rtol)
    for one, other in zip(actual.weights, expected.weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("executor")
def test_a_row_of_zeros_has_length_0_and_a_gradient() -> None:
    """dx = dy / epsilon, the derivative of x / epsilon; no NaN."""
    layer = layers.UnitNormalization()
    network = Network([layer], dtype="float64")
    network.build((3,))
    layer.needs_dx = True
    x = np.array([[0.0, 0, 0], [3e-13, 0, 4e-13], [3, 0, 4]])
    y = to_host(network.forward(minidl.backend.to_device(x))).copy()
    np.testing.assert_allclose(y, [[0, 0, 0], [0.3, 0, 0.4], [0.6, 0, 0.8]], rtol=1e-12)
    dx = to_host(layer.backward(minidl.backend.to_device(np.ones((3, 3)))))
    np.testing.assert_allclose(dx[:2], np.full((2, 3), 1e12), rtol=1e-12)
    np.testing.assert_allclose(dx[2], (1 - y[2] * 1.4) / 5, rtol=1e-12)


def test_prelu_takes_images() -> None:
    """An alpha for each pixel; the gradient of each."""
    layer = layers.PReLU("ones")
    network = Network([layer], dtype="float64")
    x = RANDOM.normal(size=(4, 2, 3))
    np.testing.assert_array_equal(network.forward(x), x)
    assert layer.alpha.shape == (2, 3)
    network.backward(np.ones(x.shape))
    np.testing.assert_allclose(layer.dalpha, np.minimum(x, 0).sum(0), rtol=1e-14)


@pytest.mark.parametrize("axis", [-1, 1, None])
@pytest.mark.parametrize("invert", [False, True])
def test_adapt_agrees_with_keras(axis: int | None, invert: bool) -> None:
    item = spec("layers.Normalization", axis=axis, invert=invert)
    layer = item.make(minidl)
    layer.adapt(X)
    y = Network([Input((5,)), layer], dtype="float64").forward(X[:4])
    oracle.assert_agrees(y, oracle.adapted(item, X, X[:4]), "y", rtol=1e-10)


def test_adapt_on_batches_and_images() -> None:
    """Batches of any sizes have the moments of the whole; of images each channel."""
    x = RANDOM.normal(size=(50, 4, 3)) * [1, 10, 100] + [0, 5, 1000]
    for data in (x, iter([x[:7], x[7:8], x[8:]])):
        layer = Normalization()
        layer.adapt(data)
        y = Network([layer], dtype="float64").forward(x)
        np.testing.assert_allclose(y.mean((0, 1)), 0, atol=1e-10)
        np.testing.assert_allclose(y.var((0, 1)), 1, rtol=1e-10)
    layer = Normalization(axis=None)
    layer.adapt(np.arange(4))
    assert layer.get_config()["axis"] is None
    assert Network([Input((4,)), layer], dtype="float64").get_weights() == [1.5, 1.25, 0]


@pytest.mark.usefixtures("executor")
def test_adapt_after_the_network_is_built_saves_and_counts(tmp_path: Path, capsys: Any) -> None:
    """Statistics of the network: 2 · 5 + 1 numbers that training leaves alone, as in Keras."""
    model = minidl.Sequential([Input((5,)), Normalization(), Dense(1)], dtype="float64")
    model.compile("sgd", "mse")
    model.summary()
    assert "Non-trainable params: 11 " in capsys.readouterr().out
    model.layers[0].adapt(X)
    model.fit(X, X[:, 0], 4, 3, verbose=0)
    mean, variance, count = model.get_weights()[:3]
    np.testing.assert_allclose(mean, X.mean(0), rtol=1e-13)
    np.testing.assert_allclose(variance, X.var(0), rtol=1e-13)
    assert count == 0
    model.save(tmp_path / "model")
    other = minidl.load_model(tmp_path / "model")
    np.testing.assert_array_equal(other.predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Normalization(mean=1.0), ValueError, "expected mean and variance of one shape"),
        (lambda: Normalization(mean=[1.0], variance=[-1.0]), ValueError, "variance: expected"),
        (lambda: Normalization(mean=[1, 2], variance=[1, 2]), ValueError, r"shape \(5,\)"),
        (lambda: Normalization(axis=2), ValueError, "expected axis=-1"),
        (lambda: Normalization(axis=(0, 1)), TypeError, "axis: expected an integer"),
        (lambda: layers.LayerNormalization(axis=0), ValueError, "axis: expected -1"),
        (lambda: layers.BatchNormalization(axis=[1, 2]), ValueError, "axis: expected -1"),
        (lambda: layers.Softmax(axis=0), ValueError, "axis: expected -1"),
        (lambda: layers.PReLU(shared_axes=[1]), ValueError, "one slope for all"),
        (lambda: layers.LayerNormalization(epsilon=0), ValueError, "epsilon: expected"),
    ],
)
def test_errors(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Network([make()]).build((5,))


def test_adapt_refuses() -> None:
    with pytest.raises(ValueError, match="because mean and variance were given"):
        Normalization(**GIVEN).adapt(X)
    with pytest.raises(ValueError, match=r"write Normalization\(axis=None\)"):
        Normalization().adapt(X[:, 0])
    with pytest.raises(ValueError, match="at least one row"):
        Normalization().adapt(iter(()))
    layer = Normalization()
    layer.adapt(X[:, :3])
    with pytest.raises(ValueError, match=r"expected numbers of shape \(5,\)"):
        Network([layer]).build((5,))
    layer = Normalization()
    Network([layer]).build((5,))
    with pytest.raises(ValueError, match=r"expected rows of shape \(5,\)"):
        layer.adapt(X[:, :3])

"""AlphaDropout, GaussianNoise, GaussianDropout: their numbers, their addresses, Keras's values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from minidl import layers
from minidl.backend.random import ANGLE, DROPOUT, RADIUS, RandomBits
from minidl.kernels.noise import standard_normal
from minidl.layers import AlphaDropout, Dense, GaussianDropout, GaussianNoise
from minidl.models import Network
from tests import oracle
from tests.layers.alone import alone
from tests.specs import spec

SHAPE = (60, 50)
RANDOM = np.random.default_rng(2)
X, DY = RANDOM.normal(size=(2, *SHAPE))
# Klambauer et al., of the fixed point with mean 0 and variance 1.
LOW = -1.7580993408473766


def trained(layer: Any, x: np.ndarray, step: int = 0, seed: int = 7, index: int = 0) -> np.ndarray:
    """The layer's output in training, at an address."""
    alone(layer, x.shape[1:], len(x), x.dtype)
    layer.address(seed, index)
    return layer.forward(x, training=True, step=step).copy()


def bits(purpose: int, step: int, seed: int = 7, index: int = 0) -> np.ndarray:
    found = np.empty(SHAPE, np.uint16)
    RandomBits(seed, purpose, index).fill(found, step)
    return found


def normal(step: int, index: int = 0) -> np.ndarray:
    """Box and Muller's numbers of an address."""
    u = (bits(RADIUS, step, index=index) + 0.5) / 65_536
    v = bits(ANGLE, step, index=index) / 65_536
    return np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)


@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_alpha_dropout_is_keras_s_for_the_same_mask(rate: float) -> None:
    """Keras's formula with the mask given; the gradient is the mask times its scale."""
    layer = AlphaDropout(rate)
    y = trained(layer, X, step=3, index=2)
    kept = bits(DROPOUT, 3, index=2) >= round(rate * 65_536)
    a = ((1 - rate) * (1 + rate * LOW**2)) ** -0.5
    oracle.assert_agrees(y, a * np.where(kept, X, LOW) - a * LOW * rate, "y")
    expected_y, expected_dx = oracle.masked(X, kept * a, DY)
    oracle.assert_agrees(layer.backward(DY.copy()), expected_dx, "dx")
    assert (expected_y == 0).mean() == pytest.approx(rate, abs=0.05)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    """Of a normal input of 300,000 numbers; five standard errors of both."""
    x = np.random.default_rng(5).normal(size=(600, 500))
    y = trained(AlphaDropout(0.3), x)
    assert abs(y.mean()) < 5 / math.sqrt(y.size)
    assert abs(y.var() - 1) < 5 * math.sqrt(2 / y.size)


def test_gaussian_noise_adds_the_numbers_of_its_address() -> None:
    layer = GaussianNoise(0.3)
    y = trained(layer, X, step=4, index=1)
    oracle.assert_agrees(y, X + 0.3 * normal(4, index=1), "y")
    assert layer.backward(DY) is DY


def test_gaussian_dropout_multiplies_with_the_numbers_of_its_address() -> None:
    layer = GaussianDropout(0.2)
    y = trained(layer, X, step=4)
    factor = 1 + 0.5 * normal(4)
    oracle.assert_agrees(y, X * factor, "y")
    oracle.assert_agrees(layer.backward(DY.copy()), DY * factor, "dx")


def test_the_numbers_are_normal() -> None:
    """All pairs of a coarse grid have mean 0 and the variance of the docstring; drawn ones pass a
    Kolmogorov-Smirnov test at 1 in 1,000.
    """
    grid = np.arange(65_536, dtype=np.uint16)
    radius, angle = standard_normal(grid, np.uint16(0)), standard_normal(np.uint16(9), grid)
    assert (radius**2).mean() / 2 == pytest.approx(1, abs=1e-5)
    assert abs(angle.mean()) < 1e-12
    assert np.abs(radius).max() < 4.86
    noise = trained(GaussianNoise(1.0), np.zeros((300, 200)))
    assert stats.kstest(noise.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 5 / 245


@pytest.mark.parametrize(
    "layer",
    [
        spec("layers.AlphaDropout", rate=0.5),
        spec("layers.GaussianNoise", stddev=0.5),
        spec("layers.GaussianDropout", rate=0.5),
    ],
    ids=str,
)
def test_inference_and_the_rate_0_pass_on_what_comes(layer: Any) -> None:
    """As in Keras."""
    expected = oracle.layer(layer, X, DY)
    kind = getattr(layers, layer.path.partition(".")[2])
    (name,) = layer.options
    for made, training in ((kind(**layer.options), False), (kind(**{name: 0}), True)):
        alone(made, SHAPE[1:], SHAPE[0])
        assert made.forward(X, training) is X
        assert made.backward(DY) is DY
    oracle.assert_agrees(X, expected.y)
    oracle.assert_agrees(DY, expected.dx)


@pytest.mark.parametrize("kind", [AlphaDropout, GaussianNoise, GaussianDropout])
def test_every_part_of_the_address_matters(kind: Any) -> None:
    """Step, layer and seed; the first rows do not depend on the rows after."""
    y = trained(kind(0.5), X, step=4)
    np.testing.assert_array_equal(trained(kind(0.5), X, step=4), y)
    np.testing.assert_array_equal(trained(kind(0.5), X[:13], step=4), y[:13])
    for other in ({"step": 5}, {"seed": 8}, {"index": 1}):
        assert (trained(kind(0.5), X, **{"step": 4, **other}) != y).mean() > 0.4
    own = trained(kind(0.5, seed=3), X, seed=1)
    np.testing.assert_array_equal(trained(kind(0.5, seed=3), X, seed=2), own)


def test_layers_that_draw_are_counted_together() -> None:
    """The k-th has index k, of whatever class."""
    made = [GaussianNoise(0.5), layers.Dropout(0.5), GaussianNoise(0.5)]
    network = Network([*made, Dense(1)], dtype="float64")
    network.build(SHAPE[1:])
    network.seed = 7
    x = np.zeros(SHAPE)
    network.forward(x, training=True, step=2)
    np.testing.assert_allclose(made[0].y, 0.5 * normal(2, index=0), rtol=1e-12)
    np.testing.assert_allclose(made[2].y - made[1].y, 0.5 * normal(2, index=2), atol=1e-12)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: AlphaDropout(1.0), ValueError, "rate: expected a number"),
        (lambda: GaussianNoise(-1), ValueError, "stddev: expected a number"),
        (lambda: GaussianDropout(1), ValueError, "rate: expected a number"),
        (lambda: GaussianNoise(0.5, seed=-1), ValueError, "seed: expected"),
        (lambda: layers.Dropout(0.5, noise_shape=(1, 3)), ValueError, "noise_shape: expected None"),
    ],
)
def test_errors(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()

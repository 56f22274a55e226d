"""Dropout: inference, masks by address, against TensorFlow with the mask given."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.backend.random import DROPOUT, RandomBits
from minidl.layers import Dense, Dropout
from minidl.models import Network
from tests import oracle
from tests.layers.alone import alone
from tests.specs import spec

SHAPE = (50, 40)


def mask_of(seed: int, index: int, step: int, rate: float, shape: tuple[int, ...]) -> np.ndarray:
    """The multiplier that dropout means: 0, or one over the share that stays."""
    bits = np.empty(shape, np.uint16)
    RandomBits(seed, DROPOUT, index).fill(bits, step)
    threshold = round(rate * 65_536)
    return (bits >= threshold) / (1 - threshold / 65_536)


def trained(
    layer: Dropout, x: np.ndarray, step: int = 0, seed: int = 7, index: int = 0
) -> np.ndarray:
    """The layer's output in training, at an address."""
    alone(layer, x.shape[1:], len(x), x.dtype)
    layer.address(seed, index)
    return layer.forward(x, training=True, step=step).copy()


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("step", [0, 3])
def test_training_agrees_with_tensorflow_for_the_same_mask(rate: float, step: int) -> None:
    """y and dx are x and dy times the mask of this seed, layer and step."""
    random = np.random.default_rng(1)
    x, dy = random.normal(size=(2, *SHAPE))
    layer = Dropout(rate)
    y = trained(layer, x, step, seed=11, index=2)
    dx = layer.backward(dy.copy())
    expected_y, expected_dx = oracle.masked(x, mask_of(11, 2, step, rate, SHAPE), dy)
    oracle.assert_agrees(y, expected_y, "y")
    oracle.assert_agrees(dx, expected_dx, "dx")


def test_the_threshold_itself_stays_in_both_passes() -> None:
    """Of 2^16 numbers, rate · 2^16 are below it: forward and backward count alike."""
    layer = Dropout(0.25)
    x = np.ones((8, 65_536))
    y = trained(layer, x)
    at = np.nonzero(layer.bits == 16_384)
    assert len(at[0])
    assert (y[at] == 1 / 0.75).all()
    np.testing.assert_array_equal(layer.backward(x), y)


def test_inference_agrees_with_keras_and_copies_nothing() -> None:
    """y is x itself, dx is dy itself."""
    random = np.random.default_rng(2)
    x, dy = random.normal(size=(2, *SHAPE))
    expected = oracle.layer(spec("layers.Dropout", rate=0.5), x, dy)
    layer = Dropout(0.5)
    alone(layer, SHAPE[1:], SHAPE[0])
    assert layer.forward(x) is x
    assert layer.backward(dy) is dy
    oracle.assert_agrees(x, expected.y, "y")
    oracle.assert_agrees(dy, expected.dx, "dx")


def test_the_smallest_rate_drops_in_training() -> None:
    """One in 2¹⁶, and the others grow by as much."""
    layer = Dropout(2.0**-16)
    alone(layer, (1000,), 500)
    y = layer.forward(np.ones((500, 1000)), training=True)
    assert set(np.unique(y)) == {0.0, 65536 / 65535}


def test_rate_zero_drops_nothing_in_training() -> None:
    """Not even a copy is made."""
    x = np.ones(SHAPE)
    layer = Dropout(0.0)
    alone(layer, SHAPE[1:], SHAPE[0])
    assert layer.forward(x, training=True) is x
    assert layer.backward(x) is x


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.95])
def test_share_dropped_and_mean_kept(rate: float) -> None:
    """Of 100,000 elements the share ``rate`` is dropped, and their mean stays 1.

    Tolerance: five standard errors of a binomial share, for a fixed seed.
    """
    y = trained(Dropout(rate), np.ones((1000, 100)))
    error = 5 * np.sqrt(rate * (1 - rate) / y.size)
    assert abs((y == 0).mean() - rate) < error
    assert abs(y.mean() - 1) < error / (1 - rate)


def test_same_address_same_mask_and_every_part_of_it_matters() -> None:
    """Step, layer and seed each change the mask; asking again does not."""
    x = np.ones(SHAPE)
    y = trained(Dropout(0.5), x, step=4)
    np.testing.assert_array_equal(trained(Dropout(0.5), x, step=4), y)
    for other in ({"step": 5}, {"seed": 8}, {"index": 1}):
        changed = trained(Dropout(0.5), x, **{"step": 4, **other})
        # Two independent masks differ in half of 2,000 places, give or take 22.
        assert 800 < (changed != y).sum() < 1200, other


def test_mask_of_the_first_rows_does_not_depend_on_the_rows_after() -> None:
    """A shorter batch has the beginning of the same mask."""
    y = trained(Dropout(0.5), np.ones(SHAPE), step=9)
    np.testing.assert_array_equal(trained(Dropout(0.5), np.ones((13, 40)), step=9), y[:13])


def test_own_seed_stands_above_the_networks() -> None:
    """``seed=`` fixes the masks whatever the network's seed is; the layer's place still counts."""
    x = np.ones(SHAPE)
    y = trained(Dropout(0.5, seed=3), x, seed=1)
    np.testing.assert_array_equal(trained(Dropout(0.5, seed=3), x, seed=2), y)
    assert (trained(Dropout(0.5, seed=4), x, seed=1) != y).any()
    np.testing.assert_array_equal(y, mask_of(3, 0, 0, 0.5, SHAPE))


def test_layers_of_a_network_have_their_own_masks_and_steps_count() -> None:
    """The k-th Dropout has index k; every training pass takes the next step."""
    first, second = Dropout(0.5), Dropout(0.5)
    network = Network([first, second], dtype="float64")
    x = np.ones(SHAPE)
    for step in range(3):
        network.forward(x, training=True)
        assert network.step == step + 1
        expected = mask_of(network.seed, 0, step, 0.5, SHAPE)
        np.testing.assert_array_equal(first.y, expected)
        np.testing.assert_array_equal(
            second.y, expected * mask_of(network.seed, 1, step, 0.5, SHAPE)
        )
    network.forward(x)
    assert network.step == 3
    network.forward(x, training=True, step=1)
    assert network.step == 3
    np.testing.assert_array_equal(first.y, mask_of(network.seed, 0, 1, 0.5, SHAPE))


def test_takes_images() -> None:
    """Rows of any shape; element i of the whole batch has the i-th number."""
    shape = (4, 3, 5)
    np.testing.assert_array_equal(
        trained(Dropout(0.5), np.ones(shape)), mask_of(7, 0, 0, 0.5, shape)
    )


def test_works_behind_and_before_dense() -> None:
    """Its dx reaches the Dense before it: dW has only what the mask lets through."""
    dropout = Dropout(0.5)
    dense = Dense(40)
    network = Network([dense, dropout], dtype="float64")
    x = np.random.default_rng(6).normal(size=(50, 3))
    network.forward(x, training=True)
    network.backward(np.ones(SHAPE))
    mask = mask_of(network.seed, 0, 0, 0.5, SHAPE)
    np.testing.assert_allclose(dense.db, mask.sum(axis=0), rtol=1e-13)
    np.testing.assert_allclose(dense.dW, x.T @ mask, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"rate": 1.0}, ValueError, r"rate: expected a number in \[0, 1\), received 1.0"),
        ({"rate": 1.5}, ValueError, "rate: .* received 1.5"),
        ({"rate": -0.1}, ValueError, "rate: .* received -0.1"),
        ({"rate": float("nan")}, ValueError, "rate: .* received nan"),
        ({"rate": "half"}, TypeError, "rate: .* received 'half'"),
        ({"rate": None}, TypeError, "rate: .* received None"),
        ({"rate": 0.5, "seed": -1}, ValueError, "seed: expected an integer of at least 0"),
        ({"rate": 0.5, "seed": 1.5}, TypeError, "seed: expected an integer"),
    ],
    ids=str,
)
def test_bad_arguments(options: dict[str, float], error: type[Exception], words: str) -> None:
    """Each raises in the constructor and says what was expected."""
    with pytest.raises(error, match=words):
        Dropout(**options)


def test_training_without_an_address() -> None:
    """A layer outside a network has no random numbers: it says what to call."""
    layer = Dropout(0.5)
    layer.build((3,))
    layer.bind(2, Network([Dense(1)]).backend, np.float32)
    with pytest.raises(RuntimeError, match=r"expected address\(seed, index\)"):
        layer.forward(np.ones((2, 3), np.float32), training=True)

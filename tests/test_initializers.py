"""Initializers: their distributions, their seeds, and errors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

import minidl
from minidl import initializers
from minidl.backend.random import WEIGHTS, generator
from minidl.layers import Activation, BatchNormalization, Dense, Dropout, Input, ReLU
from minidl.models import Network
from tests import registered
from tests.specs import Spec, spec

SHAPE = (300, 200)
FANS = {"glorot": 250, "he": 300, "lecun": 300}
GAINS = {"glorot": 1, "he": 2, "lecun": 1}
CUT = stats.truncnorm(-2, 2)


def drawn(initializer: initializers.Initializer, shape: Any = SHAPE, seed: int = 5) -> np.ndarray:
    return initializer.values(shape, generator(seed, WEIGHTS, 0))


def scaled(kind: str, shape: str) -> tuple[str, float, Any]:
    """(name, variance, distribution) of glorot, he and lecun."""
    variance = GAINS[kind] / FANS[kind]
    limit = math.sqrt(3 * variance)
    distribution = (
        stats.uniform(-limit, 2 * limit)
        if shape == "uniform"
        else stats.truncnorm(-2, 2, scale=math.sqrt(variance) / CUT.std())
    )
    return f"{kind}_{shape}", variance, distribution


DISTRIBUTIONS = [
    *(scaled(kind, shape) for kind in GAINS for shape in ("uniform", "normal")),
    ("random_uniform", 0.1**2 / 12, stats.uniform(-0.05, 0.1)),
    ("random_normal", 0.05**2, stats.norm(0, 0.05)),
]


@pytest.mark.parametrize(
    ("name", "variance", "distribution"), DISTRIBUTIONS, ids=[name for name, *_ in DISTRIBUTIONS]
)
def test_distribution(name: str, variance: float, distribution: Any) -> None:
    """Mean 0, the stated variance, the stated bounds and the shape of the distribution.

    Tolerances, for 60,000 values and a fixed seed: five standard errors of the mean, and of
    the variance, whose relative one is at most √(2/n) (that of a normal distribution, with
    the largest kurtosis here); for the shape a Kolmogorov-Smirnov test at 1 in 1,000.
    """
    values = drawn(initializers.get(name))
    assert values.dtype == np.float64
    assert values.shape == SHAPE
    n = values.size
    assert abs(values.mean()) < 5 * math.sqrt(variance / n)
    assert values.var() == pytest.approx(variance, rel=5 * math.sqrt(2 / n))
    assert distribution.std() ** 2 == pytest.approx(variance, rel=1e-12)
    low, high = distribution.support()
    assert low <= values.min()
    assert values.max() <= high
    assert stats.kstest(values.ravel(), distribution.cdf).pvalue > 1e-3


def test_parameters_of_the_plain_distributions() -> None:
    """minval, maxval, mean, stddev and value do what they say; sampling as above."""
    uniform = drawn(initializers.RandomUniform(2.0, 3.0))
    assert stats.kstest(uniform.ravel(), stats.uniform(2, 1).cdf).pvalue > 1e-3
    normal = drawn(initializers.RandomNormal(mean=-4.0, stddev=0.5))
    assert stats.kstest(normal.ravel(), stats.norm(-4, 0.5).cdf).pvalue > 1e-3
    assert (drawn(initializers.Constant(2.5)) == 2.5).all()
    assert (drawn(initializers.get("constant")) == 0).all()
    assert (drawn(initializers.get("zeros")) == 0).all()
    assert (drawn(initializers.get("ones")) == 1).all()
    assert (drawn(initializers.RandomUniform(1.0, 1.0)) == 1).all()
    assert (drawn(initializers.RandomNormal(3.0, 0.0)) == 3).all()


@pytest.mark.parametrize(
    ("shape", "fan_in", "fan_out"), [((6,), 6, 6), ((), 1, 1), ((3, 5), 3, 5), ((1, 1), 1, 1)]
)
def test_fans_are_kerass(shape: tuple[int, ...], fan_in: int, fan_out: int) -> None:
    """A vector, such as a bias, counts its length twice; a number counts as 1."""
    assert initializers.GlorotUniform().variance(shape) == 2 / (fan_in + fan_out)
    assert initializers.HeNormal().variance(shape) == 2 / fan_in
    assert initializers.LecunNormal().variance(shape) == 1 / fan_in


def weights(*layers: Any, seed: int = 3) -> list[np.ndarray]:
    """Initial weights of the first model after setting the seed."""
    minidl.utils.set_random_seed(seed)
    network = Network([Input((4,)), *layers], dtype="float64")
    return network.get_weights()


def test_same_seed_same_weights() -> None:
    """And another seed, another model or another tensor has others."""
    first = weights(Dense(4), Dense(4))
    for one, again in zip(first, weights(Dense(4), Dense(4)), strict=True):
        np.testing.assert_array_equal(one, again)
    assert (first[0] != first[2]).all()
    assert (first[0] != weights(Dense(4), seed=4)[0]).all()
    weights(Dense(4))
    second_model = Network([Input((4,)), Dense(4)], dtype="float64").get_weights()
    assert (first[0] != second_model[0]).all()


def test_float32_weights_are_the_float64_ones_rounded() -> None:
    """The type does not change what is drawn."""
    wide = weights(Dense(4))[0]
    minidl.utils.set_random_seed(3)
    narrow = Network([Input((4,)), Dense(4)], dtype="float32").get_weights()[0]
    np.testing.assert_array_equal(narrow, wide.astype(np.float32))


def test_layers_without_parameters_in_between_change_nothing() -> None:
    """The k-th tensor's values depend on the seed and on k."""
    plain = weights(Dense(4), Dense(5), Dense(6))
    others = weights(
        Dropout(0.3), Dense(4), ReLU(), Dropout(0.5), Dense(5), Activation("tanh"), Dense(6)
    )
    for one, other in zip(plain, others, strict=True):
        np.testing.assert_array_equal(one, other)


def test_moving_statistics_do_not_count_as_tensors() -> None:
    """gamma and beta do: the Dense after a BatchNormalization is the fourth tensor on."""
    plain = weights(Dense(4), Dense(4), Dense(5))
    others = weights(Dense(4), BatchNormalization(), Dense(5))
    np.testing.assert_array_equal(plain[4], others[6])


def test_own_seed_stands_above_the_models() -> None:
    """Two tensors with one seeded initializer are equal, in every model, as in Keras."""
    seeded = initializers.HeUniform(seed=8)
    first = weights(Dense(4, kernel_initializer=seeded), Dense(4, kernel_initializer=seeded))
    np.testing.assert_array_equal(first[0], first[2])
    other = weights(Dense(4), Dense(4, kernel_initializer=initializers.HeUniform(8)), seed=9)
    np.testing.assert_array_equal(first[0], other[2])
    third = weights(Dense(4, kernel_initializer=initializers.HeUniform(seed=9)))
    assert (first[0] != third[0]).all()


def test_bias_initializer_is_used() -> None:
    """And leaves the kernel as it is."""
    plain = weights(Dense(4))
    other = weights(Dense(4, bias_initializer=initializers.Constant(0.1)))
    np.testing.assert_array_equal(plain[0], other[0])
    assert (other[1] == 0.1).all()


@pytest.mark.parametrize("name", sorted(registered.INITIALIZERS))
def test_configuration_makes_an_equal_initializer(name: str) -> None:
    """By name, and by what get_config gives."""
    made = initializers.get(name)
    again = type(made)(**made.get_config())
    np.testing.assert_array_equal(drawn(made), drawn(again))
    assert initializers.get(made) is made


@pytest.mark.parametrize(
    ("initializer", "error", "words"),
    [
        (spec("initializers.Constant", value=float("nan")), ValueError, "value: .* received nan"),
        (spec("initializers.Constant", value=[1]), TypeError, "value: expected a number"),
        (
            spec("initializers.RandomUniform", minval=1.0, maxval=0.0),
            ValueError,
            r"maxval: expected a number in \[1, inf\), received 0.0",
        ),
        (spec("initializers.RandomNormal", stddev=-1.0), ValueError, "stddev: .* received -1.0"),
        (spec("initializers.GlorotUniform", seed=-1), ValueError, "seed: .* received -1"),
        (spec("initializers.HeNormal", seed=0.5), TypeError, "seed: expected an integer"),
        (spec("initializers.get", identifier="he_nromal"), ValueError, "mean 'he_normal'"),
        (spec("initializers.get", identifier="xavier"), ValueError, "unknown .* 'xavier'"),
        (spec("initializers.get", identifier=None), TypeError, "received NoneType"),
    ],
    ids=str,
)
def test_bad_arguments(initializer: Spec, error: type[Exception], words: str) -> None:
    """Each says what was expected."""
    with pytest.raises(error, match=words):
        initializer.make(minidl)

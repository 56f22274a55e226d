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
from tests import oracle, registered
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
        (spec("initializers.Constant", value="x"), TypeError, "value: expected a number"),
        (spec("initializers.Constant", value=["x"]), ValueError, "value: expected finite numbers"),
        (spec("initializers.Constant", value=[1, math.nan]), ValueError, "expected finite"),
        (spec("initializers.VarianceScaling", mode="avg"), ValueError, "mode 'avg'; did you mean"),
        (spec("initializers.VarianceScaling", distribution=1), ValueError, "distribution 1"),
        (spec("initializers.VarianceScaling", scale=0.0), ValueError, "scale: expected"),
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
    ],
    ids=str,
)
def test_bad_arguments(initializer: Spec, error: type[Exception], words: str) -> None:
    """Each says what was expected."""
    with pytest.raises(error, match=words):
        initializer.make(minidl)


# Against Keras, which draws other numbers from the same distributions.

SCALINGS = [
    spec("initializers.VarianceScaling", scale=scale, mode=mode, distribution=distribution)
    for scale in (1.0, 2.5)
    for mode in ("fan_in", "fan_out", "fan_avg")
    for distribution in ("truncated_normal", "untruncated_normal", "uniform")
]
DRAWN = [
    *SCALINGS,
    spec("initializers.TruncatedNormal", mean=0.5, stddev=0.2),
    spec("initializers.RandomNormal", stddev=0.2),
    *(
        spec(f"initializers.{family}{kind}")
        for family in ("Glorot", "He", "Lecun")
        for kind in ("Uniform", "Normal")
    ),
]


@pytest.mark.parametrize("item", DRAWN, ids=str)
def test_draws_are_distributed_as_keras_s(item: Spec) -> None:
    """Two samples of 15,000 and 3,000: a Kolmogorov-Smirnov test at 1 in 1,000; their variances
    within five standard errors, √(2/n), of each other.
    """
    ours = drawn(item.make(minidl), (150, 100))
    theirs = oracle.initial(Spec(item.path, {**item.options, "seed": 1}), (150, 100))
    assert stats.ks_2samp(ours.ravel(), theirs.ravel()[::5]).pvalue > 1e-3
    assert ours.var() == pytest.approx(theirs.var(), rel=10 * math.sqrt(2 / theirs.size))


@pytest.mark.parametrize(
    ("item", "shape"),
    [
        (spec("initializers.IdentityInitializer", gain=0.5), (3, 5)),
        (spec("initializers.Constant", value=[1.0, 2.0, 3.0]), (2, 3)),
        (spec("initializers.Constant", value=2.5), (2,)),
        (spec("initializers.Zeros"), (2, 3)),
        (spec("initializers.Ones"), (2, 3)),
    ],
    ids=str,
)
def test_fixed_values_are_keras_s(item: Spec, shape: Any) -> None:
    np.testing.assert_array_equal(drawn(item.make(minidl), shape), oracle.initial(item, shape))


@pytest.mark.parametrize("shape", [(7, 4), (4, 7), (5, 5), (3, 2, 4)])
def test_orthogonal_matrices_are_orthogonal(shape: tuple[int, ...]) -> None:
    values = drawn(initializers.Orthogonal(gain=2.0), shape).reshape(-1, shape[-1])
    few = min(values.shape)
    product = values.T @ values if len(values) >= values.shape[1] else values @ values.T
    np.testing.assert_allclose(product, 4 * np.eye(few), atol=1e-12)


def test_orthogonal_matrices_are_uniform() -> None:
    """The first entries of 2,000 rotations of the plane: of a uniform angle, its cosine."""
    random = np.random.default_rng(1)
    first = [initializers.Orthogonal().values((2, 2), random)[0, 0] for _ in range(2000)]
    assert stats.kstest(np.arccos(first) / np.pi, "uniform").pvalue > 1e-3


def test_names_in_small_letters() -> None:
    """Keras's aliases, as texts and as functions of the module."""
    for name, kind in {
        "normal": "RandomNormal", "uniform": "RandomUniform", "zero": "Zeros", "one": "Ones",
        "identity": "Identity", "orthogonal": "OrthogonalInitializer", "he_normal": "HeNormal",
        "truncated_normal": "TruncatedNormal", "variance_scaling": "VarianceScaling",
        "lecun_uniform": "LecunUniform", "glorot_uniform": "GlorotUniform", "zeros": "Zeros",
    }.items():  # fmt: skip
        known = getattr(initializers, kind)
        assert type(initializers.get(name)) is getattr(initializers, name) is known
    with pytest.raises(AttributeError, match="has no attribute 'he_norml'"):
        _ = initializers.he_norml


def test_an_initializer_is_called_by_itself() -> None:
    """With a seed again and again the same; without one others, of the run's seed."""
    seeded = initializers.GlorotNormal(seed=3)
    np.testing.assert_array_equal(seeded((3, 4)), seeded(shape=(3, 4)))
    assert seeded((3, 4)).dtype == np.float32
    assert seeded((3, 4), "float64").dtype == np.float64
    free = initializers.RandomNormal()
    minidl.utils.set_random_seed(5)
    first, second = free((3,)), free((3,))
    assert (first != second).all()
    minidl.utils.set_random_seed(5)
    np.testing.assert_array_equal(free((3,)), first)


def test_shapes_that_do_not_suit() -> None:
    for made, shape, words in [
        (initializers.Constant([1, 2]), (2, 3), r"expected values of shape \(2, 3\)"),
        (initializers.Identity(), (3,), "shape of a matrix"),
        (initializers.Orthogonal(), (3,), "at least two axes"),
    ]:
        with pytest.raises(ValueError, match=words):
            made(shape)
    drawing = initializers.GlorotUniform(seed=1)
    np.testing.assert_array_equal(drawing(5), drawing((5,)))
    for made in (initializers.Zeros(), drawing, initializers.Identity()):
        for shape in (None, (3.0, 4), (3, None), (True, 2), "ab", (-1, 2)):
            with pytest.raises((TypeError, ValueError), match="size in a shape: expected an int"):
                made(shape)

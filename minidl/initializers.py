"""Initial weights.

For a kernel of shape (fan_in, fan_out) the variances are

    glorot  2 / (fan_in + fan_out)   Glorot & Bengio, AISTATS 2010, equation 12
    he      2 / fan_in               He, Zhang, Ren & Sun, ICCV 2015, equation 10
    lecun   1 / fan_in               LeCun, Bottou, Orr & Müller, "Efficient BackProp", 1998

"uniform" draws from [-√(3 variance), √(3 variance)); "normal" draws from a normal
distribution cut at two standard deviations and widened so that its variance is the stated
one, as Keras does. Every initializer can be told a ``seed``; without one its values follow
from the model's seed and the tensor's place in the model.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import checks
from minidl.lookup import get as of_kind
from minidl.register import kind, register

# Standard deviation of the standard normal distribution cut at ±2.
_CUT_DEVIATION = 0.8796256610342398


def _seed(initializer: Any, name: str, value: Any) -> int | None:
    return None if value is None else checks.seed(value)


def _limit(initializer: Any, name: str, value: Any) -> float:
    limits = vars(initializer)
    low = limits.get("minval", -math.inf) if name == "maxval" else -math.inf
    number = checks.real(name, value, low)
    if name == "minval" and number > limits.get("maxval", math.inf):
        raise ValueError(f"expected a minval of at most {limits['maxval']}, received {value}")
    return number


@kind("initializer")
class Initializer:
    """Initial values of one tensor: ``values(shape, random)``, in float64."""

    seed: Any = None

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        """Values of ``shape``, drawn from ``random`` where they are random."""
        raise NotImplementedError(f"{type(self).__name__} must define values(shape, random)")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal initializer."""
        return dict(vars(self))


@register
class Zeros(Initializer):
    """Every value is 0."""

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        return np.zeros(shape)


@register
class Ones(Initializer):
    """Every value is 1."""

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        return np.ones(shape)


@register
class Constant(Initializer):
    """Every value is ``value``, default 0."""

    value = checks.number(-math.inf)

    def __init__(self, value: float = 0.0) -> None:
        self.value = value

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        return np.full(shape, self.value)


@register
class RandomUniform(Initializer):
    """Uniform on [minval, maxval), default [-0.05, 0.05)."""

    minval: Any = checks.Attribute(_limit)
    maxval: Any = checks.Attribute(_limit)
    seed = checks.Attribute(_seed)

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        self.minval = minval
        self.maxval = maxval
        self.seed = seed

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        return random.uniform(self.minval, self.maxval, shape)


@register
class RandomNormal(Initializer):
    """Normal with ``mean``, default 0, and standard deviation ``stddev``, default 0.05."""

    mean = checks.number(-math.inf)
    stddev = checks.number(0)
    seed = checks.Attribute(_seed)

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = mean
        self.stddev = stddev
        self.seed = seed

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        return random.normal(self.mean, self.stddev, shape)


class _Scaled(Initializer):
    """Variance ``gain`` / (fan_in, or the mean of fan_in and fan_out)."""

    gain = 1.0
    both_fans = False
    seed = checks.Attribute(_seed)

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def variance(self, shape: tuple[int, ...]) -> float:
        """Variance of the values of a tensor of this shape, (fan_in, fan_out)."""
        fan_in, fan_out = (shape[0], shape[-1]) if shape else (1, 1)
        return self.gain / ((fan_in + fan_out) / 2 if self.both_fans else fan_in)


class _Uniform(_Scaled):
    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        limit = math.sqrt(3 * self.variance(shape))
        return random.uniform(-limit, limit, shape)


class _Normal(_Scaled):
    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        from scipy.special import ndtr, ndtri

        # Uniform between the distribution's values at ±2, through its inverse.
        cut = ndtri(random.uniform(ndtr(-2.0), ndtr(2.0), shape))
        values: np.ndarray = cut * (math.sqrt(self.variance(shape)) / _CUT_DEVIATION)
        return values


@register
class GlorotUniform(_Uniform):
    """Uniform with variance 2 / (fan_in + fan_out). Glorot & Bengio (2010), equation 16."""

    both_fans = True


@register
class GlorotNormal(_Normal):
    """Cut normal with variance 2 / (fan_in + fan_out). Glorot & Bengio (2010), equation 12."""

    both_fans = True


@register
class HeUniform(_Uniform):
    """Uniform with variance 2 / fan_in. He et al. (2015), equation 10."""

    gain = 2.0


@register
class HeNormal(_Normal):
    """Cut normal with variance 2 / fan_in. He et al. (2015), equation 10."""

    gain = 2.0


@register
class LecunUniform(_Uniform):
    """Uniform with variance 1 / fan_in. LeCun et al. (1998), section 4.6."""


@register
class LecunNormal(_Normal):
    """Cut normal with variance 1 / fan_in. LeCun et al. (1998), section 4.6."""


def get(identifier: str | Initializer) -> Initializer:
    """An initializer by name, or the one that is given.

    Raises:
        ValueError: unknown name.
        TypeError: neither a name nor an initializer.
    """
    return of_kind(Initializer, identifier)

"""Random initial values whose size does not follow from the tensor's shape."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import checks
from minidl.initializers.base import Initializer
from minidl.names.register import register


def _limit(initializer: Any, name: str, value: Any) -> float:
    limits = vars(initializer)
    low = limits.get("minval", -math.inf) if name == "maxval" else -math.inf
    number = checks.real(name, value, low)
    if name == "minval" and number > limits.get("maxval", math.inf):
        raise ValueError(f"expected a minval of at most {limits['maxval']}, received {value}")
    return number


def cut_normal(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Values of the standard normal distribution cut at ±2; their deviation is .8796."""
    from scipy.special import ndtr, ndtri

    # Uniform between the distribution's values at ±2, through its inverse.
    values: np.ndarray = ndtri(random.uniform(ndtr(-2.0), ndtr(2.0), shape))
    return values


@register("uniform")
class RandomUniform(Initializer):
    """Uniform on [minval, maxval), default [-0.05, 0.05)."""

    minval: Any = checks.Attribute(_limit)
    maxval: Any = checks.Attribute(_limit)
    seed = checks.seeded()

    def __init__(
        self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None
    ) -> None:
        self.minval = minval
        self.maxval = maxval
        self.seed = seed

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        return random.uniform(self.minval, self.maxval, shape)


@register("normal")
class RandomNormal(Initializer):
    """Normal with ``mean``, default 0, and standard deviation ``stddev``, default 0.05."""

    mean = checks.number(-math.inf)
    stddev = checks.number(0)
    seed = checks.seeded()

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        self.mean = mean
        self.stddev = stddev
        self.seed = seed

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        return random.normal(self.mean, self.stddev, shape)


@register
class TruncatedNormal(RandomNormal):
    """Normal, cut at two standard deviations from the mean.

    ``stddev`` is the deviation before the cut, as in Keras; after it .8796 · stddev is left.
    """

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        found: np.ndarray = self.mean + self.stddev * cut_normal(shape, random)
        return found


@register
class Orthogonal(Initializer):
    """A random matrix times ``gain``, default 1, of orthonormal rows or columns, of the fewer.

    The matrix is Q of the QR decomposition of normal values, with signs that make R's diagonal
    positive, so that each orthogonal matrix is as likely as any other. Mezzadri, "How to generate
    random matrices from the classical compact groups", Notices AMS 54 (2007), section 5; Saxe,
    McClelland & Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", ICLR 2014, section 3.

    Raises:
        ValueError: when the network is built, a tensor of fewer than two axes.
    """

    gain = checks.number(-math.inf)
    seed = checks.seeded()

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        self.gain = gain
        self.seed = seed

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(f"Orthogonal: expected at least two axes, received the shape {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(random.normal(size=(max(rows, columns), min(rows, columns))))
        q = q * np.where(np.diagonal(r) < 0, -1.0, 1.0)
        found: np.ndarray = self.gain * (q if rows >= columns else q.T).reshape(shape)
        return found


OrthogonalInitializer = Orthogonal

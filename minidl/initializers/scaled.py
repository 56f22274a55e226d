"""Random initial values with a variance that follows from the tensor's shape.

For a kernel of shape (fan_in, fan_out) the variances are

    glorot  2 / (fan_in + fan_out)   Glorot & Bengio, AISTATS 2010, equation 12
    he      2 / fan_in               He, Zhang, Ren & Sun, ICCV 2015, equation 10

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
from minidl.initializers.base import Initializer
from minidl.initializers.random import cut_normal
from minidl.names.register import register

# Standard deviation of the standard normal distribution cut at ±2.
_CUT_DEVIATION = 0.8796256610342398


class _Scaled(Initializer):
    """Variance ``scale`` / fan, where ``mode`` says which fan, or the mean of both."""

    scale: Any = 1.0
    mode: Any = "fan_in"
    distribution: Any = "truncated_normal"
    seed = checks.seeded()

    def __init__(self, seed: int | None = None) -> None:
        self.seed = seed

    def variance(self, shape: tuple[int, ...]) -> float:
        """Variance of the values of a tensor of this shape, (fan_in, fan_out)."""
        fan_in, fan_out = (shape[0], shape[-1]) if shape else (1, 1)
        fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
        variance: float = self.scale / fans[self.mode]
        return variance

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        variance = self.variance(shape)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return random.uniform(-limit, limit, shape)
        return cut_normal(shape, random) * (math.sqrt(variance) / _CUT_DEVIATION)


@register
class GlorotUniform(_Scaled):
    """Uniform with variance 2 / (fan_in + fan_out). Glorot & Bengio (2010), equation 16."""

    mode = "fan_avg"
    distribution = "uniform"


@register
class GlorotNormal(_Scaled):
    """Cut normal with variance 2 / (fan_in + fan_out). Glorot & Bengio (2010), equation 12."""

    mode = "fan_avg"


@register
class HeUniform(_Scaled):
    """Uniform with variance 2 / fan_in. He et al. (2015), equation 10."""

    scale = 2.0
    distribution = "uniform"


@register
class HeNormal(_Scaled):
    """Cut normal with variance 2 / fan_in. He et al. (2015), equation 10."""

    scale = 2.0

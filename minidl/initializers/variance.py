"""Random initial values with a variance that a user chooses, as a share of the tensor's fan."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import checks
from minidl.initializers.scaled import _Scaled
from minidl.names.register import register

MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


def _one_of(names: tuple[str, ...]) -> Any:
    """An attribute that is one of some names; "normal" is the truncated one, as in Keras."""

    def check(initializer: Any, name: str, value: Any) -> str:
        folded = value.casefold() if isinstance(value, str) else value
        folded = "truncated_normal" if folded == "normal" else folded
        if folded not in names:
            raise checks.unknown(name, value, names)
        return str(folded)

    return checks.Attribute(check)


@register
class VarianceScaling(_Scaled):
    """Variance ``scale`` / fan: the family of glorot, he and lecun.

    Args:
        scale: > 0, default 1.
        mode: "fan_in", the default, "fan_out" or "fan_avg", the mean of both.
        distribution: "truncated_normal", the default, also called "normal"; "untruncated_normal"
            or "uniform".
        seed: of the values; None takes the model's.

    Raises:
        ValueError, TypeError: no such number, mode or distribution.
    """

    scale = checks.number(0, ends="()")
    mode = _one_of(MODES)
    distribution = _one_of(DISTRIBUTIONS)

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        super().__init__(seed)
        self.scale = scale
        self.mode = mode
        self.distribution = distribution

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        if self.distribution == "untruncated_normal":
            return random.normal(0.0, math.sqrt(self.variance(shape)), shape)
        return super().values(shape, random)

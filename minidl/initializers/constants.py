"""Initial values that are not random."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl import checks
from minidl.initializers.base import Initializer
from minidl.names.register import register


@register("zero")
class Zeros(Initializer):
    """Every value is 0."""

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        return np.zeros(shape)


@register("one")
class Ones(Initializer):
    """Every value is 1."""

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        return np.ones(shape)


def _value(initializer: Any, name: str, value: Any) -> Any:
    if not isinstance(value, np.ndarray | list | tuple) or np.ndim(value) == 0:
        return checks.real(name, value, -math.inf)
    found = np.array(value)
    if found.dtype.kind not in "biuf" or not np.isfinite(found).all():
        raise ValueError(f"{name}: expected finite numbers, received {found.dtype}: {value!r}")
    return found.astype(np.float64).tolist()


@register
class Constant(Initializer):
    """Every value is ``value``, default 0; or the values of an array, repeated to the shape.

    Raises:
        ValueError, TypeError: values that are no finite numbers; when the network is built, an
            array that does not repeat to the tensor's shape.
    """

    value: Any = checks.Attribute(_value)

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        found: np.ndarray = np.array(self.value, dtype=np.float64)
        try:
            found = np.broadcast_to(found, shape).copy()
        except ValueError:
            raise ValueError(
                f"Constant: expected values of shape {shape}, received {found.shape}"
            ) from None
        return found


@register("identity")
class IdentityInitializer(Initializer):
    """The identity matrix times ``gain``, default 1; of a longer axis the rest is 0.

    Raises:
        ValueError: when the network is built, a tensor that is no matrix.
    """

    gain = checks.number(-math.inf)

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(f"Identity: expected the shape of a matrix, received {shape}")
        found: np.ndarray = self.gain * np.eye(*shape)
        return found


Identity = IdentityInitializer  # "Identity" in a file is the layer

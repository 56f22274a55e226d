"""The base of all initializers."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import floating
from minidl.backend.random import WEIGHTS, generator
from minidl.names.configuration import Configured
from minidl.names.register import kind
from minidl.seeds import next_seed


@kind("initializer")
class Initializer(Configured):
    """Initial values of one tensor: ``values(shape, random)``, in float64."""

    seed: Any = None

    def values(self, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
        """Values of ``shape``, drawn from ``random`` where they are random."""
        raise NotImplementedError(f"{type(self).__name__} must define values(shape, random)")

    def drawn(self, shape: tuple[int, ...], seed: int, place: int) -> np.ndarray:
        """Values of a network's tensor, in float64.

        With a seed of the initializer's own the values follow from that alone.

        Args:
            shape: of the tensor.
            seed: of the network.
            place: of the tensor in the network, 0, 1, ….
        """
        if self.seed is not None:
            seed, place = self.seed, 0
        return self.values(shape, generator(seed, WEIGHTS, place))

    def __call__(self, shape: Any, dtype: Any = None) -> np.ndarray:
        """Values of a tensor by itself, as a NumPy array of ``dtype``.

        With a seed each call gives the same values. Without one each call gives others, and takes
        a number from the run's seed as a new model does.

        Args:
            shape: of the tensor; a number for one axis.
            dtype: "float32" or "float64"; the default of :func:`minidl.set_floatx` if left out.

        Raises:
            TypeError, ValueError: no sizes, or a size below 0; another ``dtype``.
        """
        sizes = tuple(shape) if np.iterable(shape) else (shape,)
        shape = tuple(checks.integer("size in a shape", size, 0) for size in sizes)
        own = next_seed() if self.seed is None else self.seed
        return self.values(shape, generator(own, WEIGHTS, 0)).astype(floating(dtype))

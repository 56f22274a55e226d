"""A network's parameters: one vector, its gradient, and named views into both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.backend import Backend, tensors
from minidl.constraints import Constraint
from minidl.initializers import Initializer
from minidl.regularizers import Regularizer


@dataclass
class Specification:
    """Request of a layer for a named tensor: initial values, penalty and constraint.

    Penalty and constraint can be exchanged at any time, and training of the tensor turned off and
    on; the rest counts when the network is built.
    """

    name: str
    shape: tuple[int, ...]
    initializer: Initializer
    regularizer: Regularizer | None = None
    constraint: Constraint | None = None
    trainable: bool = True


@dataclass(frozen=True)
class Parameter:
    """A named tensor within the vector.

    Attributes:
        name: "layer/tensor", for example "dense_1/kernel".
        shape: of the tensor.
        offset: place of the tensor's first element in the vector.
        specification: the layer's request for the tensor.
    """

    name: str
    shape: tuple[int, ...]
    offset: int
    specification: Specification

    @property
    def regularizer(self) -> Regularizer | None:
        """The tensor's penalty now, or None."""
        return self.specification.regularizer

    @property
    def trainable(self) -> bool:
        """True if training moves the tensor."""
        return self.specification.trainable

    @property
    def constraint(self) -> Constraint | None:
        """The tensor's constraint now, or None."""
        return self.specification.constraint

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def slice(self) -> slice:
        """Slice of the tensor in the vector."""
        return slice(self.offset, self.offset + self.size)


class ParameterVector(Sequence[Parameter]):
    """``theta``, all parameters in one contiguous vector, and ``grad``, all gradients.

    A sequence of :class:`Parameter` entries. ``grad`` is overwritten by every backward pass, never
    accumulated.

    Args:
        specifications: (layer name, specification) for each tensor, in order.
        backend: home of the vectors.
        dtype: of every parameter.
        vectors: ``theta`` and ``grad``, of the right size; made, full of zeros, if left out.
    """

    def __init__(
        self,
        specifications: Sequence[tuple[str, Specification]],
        backend: Backend,
        dtype: np.dtype[Any],
        vectors: Sequence[Any] | None = None,
    ) -> None:
        self._entries: list[Parameter] = []
        offset = 0
        for layer, asked in specifications:
            entry = Parameter(f"{layer}/{asked.name}", asked.shape, offset, asked)
            self._entries.append(entry)
            offset += entry.size
        if vectors is None:
            vectors = [backend.xp.zeros(offset, dtype=dtype) for _ in range(2)]
        self.theta, self.grad = vectors
        for vector in vectors:
            tensors.declare(vector, [(entry.offset, entry.shape) for entry in self._entries])

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: Any) -> Any:
        return self._entries[index]

    def __repr__(self) -> str:
        rows = "\n".join(f"  {p.name} {p.shape} at {p.offset}" for p in self)
        return f"ParameterVector of {self.theta.size:,} in {len(self)} tensors\n{rows}"

    def view(self, entry: Parameter) -> Any:
        """The tensor: a view into ``theta``."""
        return self.theta[entry.slice].reshape(entry.shape)

    def gradient(self, entry: Parameter) -> Any:
        """The tensor's gradient: a view into ``grad``."""
        return self.grad[entry.slice].reshape(entry.shape)

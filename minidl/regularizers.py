"""Penalties on weights, and their sum over a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl import checks
from minidl.backend import Backend
from minidl.kernels import penalties

if TYPE_CHECKING:
    from minidl.parameters import ParameterVector


class Regularizer:
    """A penalty on one tensor, P(W) = Σ P(w)."""

    def forward(self, W: Any, out: Any) -> Any:
        """Write each weight's P(w) into ``out``, of W's shape."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(W, out)")

    def add_gradient(self, W: Any, dW: Any) -> None:
        """dW ← dW + dP/dW."""
        raise NotImplementedError(f"{type(self).__name__} must define add_gradient(W, dW)")

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal regularizer."""
        return dict(vars(self))


class L1(Regularizer):
    """l1 · Σ |w|; l1 = 0.01 if left out."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = checks.real("l1", l1, 0)

    def forward(self, W: Any, out: Any) -> Any:
        return penalties.l1_forward(W, self.l1, out=out)

    def add_gradient(self, W: Any, dW: Any) -> None:
        penalties.l1_backward(dW, W, self.l1, out=dW)


class L2(Regularizer):
    """l2 · Σ w², without a half; l2 = 0.01 if left out."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = checks.real("l2", l2, 0)

    def forward(self, W: Any, out: Any) -> Any:
        return penalties.l2_forward(W, self.l2, out=out)

    def add_gradient(self, W: Any, dW: Any) -> None:
        penalties.l2_backward(dW, W, self.l2, out=dW)


class L1L2(Regularizer):
    """l1 · Σ |w| + l2 · Σ w²; each 0 if left out."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = checks.real("l1", l1, 0)
        self.l2 = checks.real("l2", l2, 0)

    def forward(self, W: Any, out: Any) -> Any:
        return penalties.l1_l2_forward(W, self.l1, self.l2, out=out)

    def add_gradient(self, W: Any, dW: Any) -> None:
        penalties.l1_l2_backward(dW, W, self.l1, self.l2, out=dW)


# Keras writes them both ways.
l1 = L1
l2 = L2
l1_l2 = L1L2

TABLE: dict[str, type[Regularizer]] = {"l1": L1, "l2": L2, "l1_l2": L1L2}


def get(identifier: str | Regularizer | None) -> Regularizer | None:
    """A regularizer by name, the one that is given, or None.

    Raises:
        ValueError: unknown name.
        TypeError: neither a name nor a regularizer.
    """
    if identifier is None:
        return None
    found: Regularizer = checks.instance("regularizer", identifier, Regularizer, TABLE)
    return found


class Penalties:
    """The sum of all penalties of a network, and its gradient, on slices of the vector.

    Args:
        parameters: whose entries name their regularizers.
        backend: where the vector lives.
    """

    def __init__(self, parameters: ParameterVector, backend: Backend) -> None:
        self._terms: Sequence[tuple[Regularizer, slice]] = [
            (entry.regularizer, entry.slice) for entry in parameters if entry.regularizer
        ]
        largest = max((part.stop - part.start for _, part in self._terms), default=0)
        theta = parameters.theta
        self._work = backend.xp.empty(largest, dtype=theta.dtype)
        self._value = backend.xp.zeros((), dtype=theta.dtype)
        self._term = backend.xp.zeros((), dtype=theta.dtype)

    def __len__(self) -> int:
        return len(self._terms)

    def forward(self, theta: Any) -> Any:
        """Σ P(W) over the penalised tensors of ``theta``: 0-d, on the device."""
        self._value[...] = 0
        for regularizer, part in self._terms:
            W = theta[part]
            np.sum(regularizer.forward(W, self._work[: W.size]), out=self._term)
            np.add(self._value, self._term, out=self._value)
        return self._value

    def add_gradients(self, theta: Any, grad: Any) -> None:
        """grad ← grad + dP/dtheta."""
        for regularizer, part in self._terms:
            regularizer.add_gradient(theta[part], grad[part])

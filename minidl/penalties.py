"""The sum of all penalties of a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.backend import Backend
from minidl.backend.repeating import repeats
from minidl.kernels import measures
from minidl.optimizers import Optimizer
from minidl.parameters import ParameterVector
from minidl.regularizers import Regularizer


class Penalties:
    """The sum of all penalties of a network, its gradient and proximal steps.

    Each acts on its tensor's slice of the vector.

    Args:
        parameters: whose entries name their regularizers.
        backend: where the vector lives.

    Attributes:
        proximal: those that take a proximal step, each with its slice.
    """

    def __init__(self, parameters: ParameterVector, backend: Backend) -> None:
        self._terms: Sequence[tuple[Regularizer, slice]] = [
            (entry.regularizer, entry.slice) for entry in parameters if entry.regularizer
        ]
        self.proximal = [term for term in self._terms if term[0].proximal]
        largest = max((part.stop - part.start for _, part in self._terms), default=0)
        theta = parameters.theta
        self._work = backend.xp.empty(largest, dtype=theta.dtype)
        self._value = backend.xp.zeros((), dtype=theta.dtype)
        self._term = backend.xp.zeros((), dtype=theta.dtype)

    @property
    def repeats(self) -> bool:
        """Whether all regularizers do."""
        return all(map(repeats, self.regularizers))

    @property
    def regularizers(self) -> list[Regularizer]:
        """Those that penalise a tensor."""
        return [regularizer for regularizer, _ in self._terms]

    def __len__(self) -> int:
        return len(self._terms)

    def forward(self, theta: Any) -> Any:
        """Σ P(W) over the penalised tensors of ``theta``: 0-d, on the device."""
        measures.clear(self._value)
        for regularizer, part in self._terms:
            W = theta[part]
            measures.add_sum(self._value, regularizer.forward(W, self._work[: W.size]), self._term)
        return self._value

    def add_gradients(self, theta: Any, grad: Any) -> None:
        """grad ← grad + dP/dtheta, less the penalties that take a proximal step."""
        for regularizer, part in self._terms:
            regularizer.add_gradient(theta[part], grad[part])

    def proximal_step(self, theta: Any, optimizer: Optimizer) -> None:
        """Move ``theta`` after the optimizer's update: the soft threshold of proximal L1."""
        for regularizer, part in self.proximal:
            W = theta[part]
            regularizer.proximal_step(W, optimizer.step_size(part, self._work[: W.size]))

"""The sum of all penalties of a network."""

from __future__ import annotations

from typing import Any

from minidl.backend import Backend
from minidl.freezing import Frozen
from minidl.kernels import measures
from minidl.optimizers import Optimizer
from minidl.optimizers.base import NO_STEP_SIZE
from minidl.parameters import ParameterVector
from minidl.regularizers import Regularizer


class Penalties:
    """The sum of all penalties of a network, with gradient and proximal steps.

    Each penalty acts on one tensor's slice of the vector.

    Args:
        parameters: entries that name their regularizers.
        backend: home of the vector.
    """

    def __init__(self, parameters: ParameterVector, backend: Backend) -> None:
        self._places = [(entry, entry.slice) for entry in parameters]
        theta = parameters.theta
        self._backend, self._dtype = backend, theta.dtype
        self.frozen = Frozen(parameters)
        self.bind()

    def bind(self) -> None:
        """Allocate memory for intermediate results."""
        self._memory = self._empty(max((p.stop - p.start for _, p in self._terms), default=0))
        zeros = self._backend.xp.zeros
        self._value, self._term = zeros((), self._dtype), zeros((), self._dtype)

    def _empty(self, size: int) -> Any:
        return self._backend.xp.empty(size, self._dtype)

    @property
    def _terms(self) -> list[tuple[Regularizer, slice]]:
        """The present penalties: a layer's penalty can be exchanged."""
        return [
            (e.regularizer, part)
            for e, part in self._places
            if e.regularizer is not None and e.trainable
        ]

    @property
    def proximal(self) -> list[tuple[Regularizer, slice]]:
        """The penalties that take a proximal step, each with its slice."""
        return [term for term in self._terms if term[0].proximal]

    def _work(self, W: Any) -> Any:
        """Memory of a tensor's size."""
        if self._memory.size < W.size:
            largest = max(part.stop - part.start for _, part in self._terms)
            self._memory = self._empty(largest)
        return self._memory[: W.size]

    @property
    def regularizers(self) -> list[Regularizer]:
        """The regularizers that penalise a tensor."""
        return [regularizer for regularizer, _ in self._terms]

    def __len__(self) -> int:
        return len(self._terms)

    def forward(self, theta: Any) -> Any:
        """Σ P(W) over the penalised tensors of ``theta``: 0-d, on the device."""
        if not self._terms:
            return self._backend.xp.zeros((), self._dtype)
        measures.clear(self._value)
        for regularizer, part in self._terms:
            W = theta[part]
            measures.add_sum(self._value, regularizer.forward(W, self._work(W)), self._term)
        return self._value

    def add_gradients(self, theta: Any, grad: Any) -> None:
        """grad ← grad + dP/dtheta, less the penalties that take a proximal step.

        The gradient of a tensor that does not train becomes 0.
        """
        for regularizer, part in self._terms:
            regularizer.add_gradient(theta[part], grad[part])
        self.frozen.keep(theta, grad)

    def proximal_step(self, theta: Any, optimizer: Optimizer) -> None:
        """Move ``theta`` after the optimizer's update: the soft threshold of proximal L1.

        Tensors that do not train get their values of before the update.

        Raises:
            ValueError: the optimizer's momentum is 1, which has no step size.
        """
        proximal = self.proximal
        if proximal and optimizer.momentum == 1:
            raise ValueError(NO_STEP_SIZE)
        for regularizer, part in proximal:
            W = theta[part]
            regularizer.proximal_step(W, optimizer.step_size(part, self._work(W)))
        self.frozen.put_back()

"""The sum of all penalties of a network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minidl.backend import Backend
from minidl.kernels import sums
from minidl.layers.base import Layer
from minidl.network.activity_penalties import Activities
from minidl.network.freezing import Frozen
from minidl.network.projections import Projections
from minidl.optimizers import Optimizer
from minidl.parameters import ParameterVector
from minidl.regularizers import Regularizer
from minidl.regularizers.arrays import costs


class Penalties:
    """The sum of all penalties of a network, with gradient and proximal steps.

    Each penalty acts on one tensor's slice of the vector, or on the outputs of one layer.

    Args:
        parameters: entries that name their regularizers and constraints.
        backend: home of the vector.
        layers: built; some have a penalty on their outputs.
    """

    def __init__(
        self, parameters: ParameterVector, backend: Backend, layers: Iterable[Layer]
    ) -> None:
        self._places = [(entry, entry.slice) for entry in parameters]
        theta = parameters.theta
        self._backend, self._dtype = backend, theta.dtype
        self.activities = Activities(layers, backend, theta.dtype)
        self.projections, self.frozen = Projections(parameters), Frozen(parameters)
        self.bind()

    def bind(self) -> None:
        """Allocate new memory for the sum and its terms."""
        xp, dtype = self._backend.xp, self._dtype
        self._value, self._term = xp.zeros((), dtype), xp.zeros((), dtype)
        self._memory = xp.empty(0, dtype)

    @property
    def _terms(self) -> list[tuple[Regularizer, slice]]:
        """The present penalties: a layer's penalty can be exchanged."""
        return [
            (e.regularizer, part)
            for e, part in self._places
            if e.regularizer is not None and e.trainable
        ]

    def _work(self, W: Any) -> Any:
        """Memory of a penalised tensor's size; all penalised tensors share the memory."""
        if self._memory.size < W.size:
            largest = max(part.stop - part.start for _, part in self._terms)
            self._memory = self._backend.xp.empty(largest, self._dtype)
        return self._memory[: W.size]

    @property
    def regularizers(self) -> list[Regularizer]:
        """The regularizers that penalise a tensor or outputs."""
        found = [regularizer for regularizer, _ in self._terms]
        return [*found, *(activity.regularizer for activity in self.activities)]

    def __len__(self) -> int:
        return len(self._terms) + len(self.activities)

    def forward(self, theta: Any) -> Any:
        """Σ P(W) over the penalised tensors of ``theta``, and Σ P(y) / N: 0-d, on the device."""
        if not len(self):
            return self._backend.xp.zeros((), self._dtype)
        sums.clear(self._value)
        for regularizer, part in self._terms:
            W = theta[part]
            sums.add_sum(self._value, costs(regularizer, W, self._work(W)), self._term)
        for activity in self.activities:
            activity.add_cost(self._value, self._term)
        return self._value

    def add_gradients(self, theta: Any, grad: Any) -> None:
        """grad ← grad + dP/dtheta, less the penalties that take a proximal step.

        The gradient of a tensor that does not train becomes 0.
        """
        for regularizer, part in self._terms:
            regularizer._add_gradient(theta[part], grad[part])
        self.frozen.keep(theta, grad)

    def proximal_step(self, theta: Any, optimizer: Optimizer) -> None:
        """Move ``theta`` after the update: soft thresholds of L1, then projections on constraints.

        Tensors that do not train get back the values from before the update.

        Raises:
            ValueError: the optimizer's steps have no size, as with a momentum of 1.
        """
        proximal = [term for term in self._terms if term[0].proximal]
        if proximal and optimizer.without_step_size:
            raise ValueError(optimizer.without_step_size)
        for regularizer, part in proximal:
            W = theta[part]
            regularizer.proximal_step(W, optimizer.step_size(part, self._work(W)))
        self.projections.step(theta)
        self.frozen.put_back()

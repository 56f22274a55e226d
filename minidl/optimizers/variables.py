"""An optimizer's state as a list of arrays, in Keras's order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.parameters import Parameter


class Variables:
    """The part of an optimizer that lists the state."""

    batches: int
    state: dict[str, Any]
    _learning_rate: Any
    _tensors: list[Parameter] | None
    _slot: Callable[[], None]
    built: Any

    @property
    def variables(self) -> list[Any]:
        """Count of batches, learning rate if it is a number, and the state: views.

        The state comes tensor by tensor, each with its part of every vector; or as whole vectors,
        where the optimizer was built without the places of the tensors.
        """
        found: list[Any] = [np.array(self.batches)]
        if not callable(self._learning_rate):
            found.append(np.array(self._learning_rate))
        vectors = self.state.values()
        if self._tensors is None:
            return [*found, *vectors]
        for tensor in self._tensors:
            found += [vector[tensor.slice].reshape(tensor.shape) for vector in vectors]
        return found

    def _resize(self) -> None:
        """Have the vectors that the attributes ask for now, if there are vectors."""
        if self.built:
            self._slot()

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Overwrite all with arrays in the order of :attr:`variables`.

        Raises:
            ValueError: the optimizer is not built, or another number of arrays, or another shape.
        """
        if not self.state:
            raise ValueError(
                "set_weights: expected build(model.theta, model.parameters) before, received an "
                "optimizer without a state"
            )
        own = self.variables
        expected, received = [a.shape for a in own], [np.shape(a) for a in weights]
        if expected != received:
            raise ValueError(f"expected arrays of shapes {expected}, received {received}")
        rest = list(weights)
        self.batches = int(rest.pop(0))
        if not callable(self._learning_rate):
            self._learning_rate = float(rest.pop(0))
        for array, values in zip(own[len(own) - len(rest) :], rest, strict=True):
            array[...] = values

"""An optimizer's state: vectors by name, and a list of arrays in Keras's order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minidl import checks
from minidl.optimizers import proximal
from minidl.optimizers.count import Count
from minidl.parameters import Parameter


class Variables:
    """The part of an optimizer that makes the state and lists it."""

    batches: int
    state: dict[str, Any]
    use_ema: Any
    gradient_accumulation_steps: Any
    built: Any
    _learning_rate: Any
    _theta: Any
    #: Names of the slots for which the state was made; True if these may change by themselves.
    _made: tuple[str, ...] = ()
    _own_slots = False
    _tensors: list[Parameter] | None

    @property
    def slots(self) -> Mapping[str, float]:
        """Names of the state vectors, in the order of the formula's arguments -> initial values."""
        return {}

    @property
    def iterations(self) -> Any:
        """Number of steps made; can be set, for a training that goes on from there."""
        return Count(self.batches // (self.gradient_accumulation_steps or 1))

    @iterations.setter
    def iterations(self, value: int) -> None:
        self.batches = value * (self.gradient_accumulation_steps or 1)

    @property
    def all_slots(self) -> dict[str, float | None]:
        """The slots, and those of sums and averages; None for theta's own values at the start."""
        gathering = {"gradient_sum": 0.0} if self.gradient_accumulation_steps else {}
        return {**self.slots, **gathering, **({"moving_average": None} if self.use_ema else {})}

    def _allocate(self, theta: Any) -> None:
        """Have a vector for each slot of now; keep existing vectors, and what is in no slot."""
        wanted, had = self.all_slots, self.state
        slots = {n: had[n] if n in had else _filled(theta, start) for n, start in wanted.items()}
        others = {name: had[name] for name in had if name not in (*wanted, *self._made)}
        self.state, self._made = slots | others, tuple(wanted)

    def _follow(self) -> None:
        """Follow a change of the attributes that :attr:`slots` depends on."""
        if self.built:
            proximal.check(self, self._tensors)
            self._allocate(self._theta())

    def _follow_own(self) -> None:
        """Follow a user's class whose slots, or arguments, are a function of the step."""
        if self._own_slots and tuple(self.all_slots) != self._made:
            self._follow()

    def __getstate__(self) -> dict[str, Any]:  # of parameters that no network has
        return {**vars(self), "_theta": self._theta and _gone}

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
            raise ValueError(
                f"set_weights: expected arrays of shapes {expected}, received {received}"
            )
        rest = list(weights)
        self.batches = int(rest.pop(0))
        if not callable(self._learning_rate):
            self._learning_rate = float(rest.pop(0))
        for array, values in zip(own[len(own) - len(rest) :], rest, strict=True):
            array[...] = values


def initial_value(optimizer: Any, name: str, value: Any) -> float:
    """The check of an argument that is a state vector's initial value: at least 0."""
    if optimizer.built:
        raise AttributeError(
            f"{name} acts when the state is made, and it is made; expected a new "
            f"{type(optimizer).__name__}, or state['accumulator'] to be overwritten"
        )
    return checks.real(name, value, 0)


def _filled(theta: Any, start: float | None) -> Any:
    """A vector of theta's size, of one number; or theta's own for None."""
    return theta.copy() if start is None else np.full_like(theta, start)


def _gone() -> None:
    """In the place of a reference to parameters."""

"""All that a training step moves, copied: to go back to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minidl.beside import Instead
from minidl.objective import Objective
from minidl.optimizers import Optimizer

_NUMBERS = (int, float, tuple)  # Nadam's product of momenta is one with its step


class State:
    """A copy of weights, statistics, the optimizer's vectors, sums of an epoch, and counters.

    The memory is allocated once. Attributes that a class of somebody else's adds are not copied.

    Args:
        objective: bound to the network.
        optimizer: of the network.

    Attributes:
        batch: number of the batch before which the copy was made.
        step: number of the network's step then.
    """

    def __init__(self, objective: Objective, optimizer: Optimizer) -> None:
        self._objective, self._optimizer = objective, optimizer
        self._network = objective.network
        self._pairs: list[tuple[Any, Any]] = []
        self.batch = self.step = 0

    def keep(self, batch: int) -> None:
        """Copy all as it is before a batch."""
        with self._network.traffic.lock:
            self._keep(batch)

    def _keep(self, batch: int) -> None:
        arrays = [*vectors(self._objective, self._optimizer), *self._sums()]
        if [id(array) for array, _ in self._pairs] != [id(array) for array in arrays]:
            self._pairs = [(array, array.copy()) for array in arrays]
        else:
            for array, copy in self._pairs:
                copy[...] = array
        self.batch, self.step = batch, self._network.step
        numbers = vars(self._optimizer).items()
        self._numbers = {name: value for name, value in numbers if isinstance(value, _NUMBERS)}
        self._rows = [measure.rows for measure in self._objective.measures]

    def restore(self) -> None:
        """Go back to what was kept."""
        with self._network.traffic.lock, Instead(self._network):
            self._restore()

    def _restore(self) -> None:
        for array, copy in self._pairs:
            array[...] = copy
        self._network.step = self.step
        vars(self._optimizer).update(self._numbers)
        for measure, rows in zip(self._objective.measures, self._rows, strict=True):
            measure.rows = rows

    def _sums(self) -> Iterator[Any]:
        """What the measures have added up: their arrays of one number."""
        for measure in self._objective.measures:
            for value in vars(measure).values():
                if getattr(value, "ndim", None) == 0 and hasattr(value, "flags"):
                    yield value


def vectors(objective: Objective, optimizer: Optimizer) -> list[Any]:
    """What holds a NaN or an infinity from then on, once a step has brought it there.

    Every update adds to what was there, or multiplies it: weights, the optimizer's averages and
    running statistics never become finite again.
    """
    network = objective.network
    return [network.theta, network.statistics.theta, *optimizer.state.values()]

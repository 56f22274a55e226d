"""The state that a training step moves: arrays and numbers, copied and put back.

A step changes weights, statistics, the optimizer's vectors and counts, the sums of measures, and
the network's step. Attributes of foreign classes are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import is_
from typing import Any

from minidl.metrics import Metric
from minidl.network import Network
from minidl.network.concurrency import Instead
from minidl.optimizers import Optimizer

# Nadam's product of momenta is kept with the step of the product, in a tuple.
_NUMBERS = (int, float, tuple, type(None))


def vectors(network: Network, optimizer: Optimizer | None) -> list[Any]:
    """Weights, statistics and the optimizer's vectors.

    Every update adds to the arrays or scales the arrays, so that a NaN or an infinity stays.
    """
    state = () if optimizer is None else optimizer.state.values()
    return [network.theta, network.statistics.theta, *state]


def numbers(optimizer: Optimizer) -> dict[str, Any]:
    """The optimizer's attributes that are numbers, functions or None, for ``vars(...).update``."""
    values = vars(optimizer).items()
    return {name: value for name, value in values if isinstance(value, _NUMBERS) or callable(value)}


class Copies:
    """Copies of vectors and of the sums of measures; memory is allocated once.

    Attributes:
        vectors: each vector with a copy.
        sums: each measure with its rows and a copy of the sum.
    """

    def __init__(self) -> None:
        self.vectors: list[tuple[Any, Any]] = []
        self.sums: list[tuple[Metric, int, Any]] = []

    def take(self, arrays: Sequence[Any], measures: Iterable[Metric]) -> None:
        """Copy vectors and sums."""
        before = self.vectors
        if len(before) == len(arrays) and all(map(is_, arrays, [a for a, _ in before])):
            for array, copy in before:
                copy[...] = array
        else:
            self.vectors = [(array, array.copy()) for array in arrays]
        self.sums = [(each, each.rows, each._sum.copy()) for each in measures]

    def put_back(self) -> None:
        """Write the copies back; no other call may come in between."""
        for array, copy in self.vectors:
            array[...] = copy
        for measure, rows, total in self.sums:
            measure.rows, measure._sum[...] = rows, total


class Snapshot:
    """A copy of arrays and numbers, for a return between two steps.

    Args:
        network: the network's ``optimizer`` moves the parameters.

    Attributes:
        batch: number of the batch before which the copy was made.
        step: number of the network's step at the copy.
    """

    def __init__(self, network: Any) -> None:
        self._network = network
        self._copies = Copies()
        self.batch = self.step = 0

    def keep(self, batch: int, measures: Iterable[Metric]) -> None:
        """Copy the state before a batch."""
        network = self._network
        with network.traffic.lock:
            self._optimizer = network.optimizer
            self._copies.take(vectors(network, self._optimizer), measures)
            self.batch, self.step = batch, network.step
            self._numbers = numbers(self._optimizer)
            self._state = self._optimizer.state

    def restore(self) -> None:
        """Go back to the copy."""
        network = self._network
        with network.traffic.lock, Instead(network):
            if network.optimizer is not self._optimizer:
                network.optimizer = self._optimizer
            self._copies.put_back()
            network._step = self.step
            vars(self._optimizer).update(self._numbers)
            if self._optimizer._own_slots:  # with the names of its slots, which are among these
                self._optimizer.state = self._state

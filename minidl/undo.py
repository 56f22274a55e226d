"""A training step is done, or it is not: what it changes is kept until it is done.

A signal, or an exception from elsewhere, may come between any two calls of Python. What it leaves
half done is put back by whoever next does something with the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minidl.metrics import Metric
from minidl.network import Network


class Undo:
    """What a step changes, as it was before.

    Args:
        network: of the step; its ``optimizer``, if it has one, moves its parameters.
        measures: add the step's batch to their sums.

    Attributes:
        open: an object for each step that has begun and is not done; None between steps.
        copied: whether arrays were copied, as for a step that Python makes call by call.
    """

    def __init__(self, network: Network, measures: Sequence[Metric]) -> None:
        self.open: object = None
        self.copied = False
        self._network = network
        self._measures = measures
        self._counts: tuple[Any, ...] = ()
        self._sums: list[tuple[Metric, int, Any]] = []
        self._copies: list[tuple[Any, Any]] = []

    def begin(self) -> object:
        """Keep the counts; what stands for the step until it is done."""
        network = self._network
        optimizer = getattr(network, "optimizer", None)
        rates = optimizer and (optimizer.iterations, optimizer.gathered_rate)
        self._counts = network.step, optimizer, rates
        self.copied = False
        self.open = token = object()
        return token

    def copy(self) -> None:
        """Keep the arrays, too: before Python changes them."""
        network, (_, optimizer, _) = self._network, self._counts
        arrays = [network.theta, network.statistics.theta]
        arrays += optimizer.state.values() if optimizer else ()
        before = self._copies
        if len(before) == len(arrays) and all(a is b for a, (b, _) in zip(arrays, before)):  # noqa: B905
            for array, kept in before:
                kept[...] = array
        else:
            self._copies = [(array, array.copy()) for array in arrays]
        self._sums = [(each, each.rows, each._sum.copy()) for each in self._measures]
        self.copied = True

    def roll_back(self) -> None:
        """Make everything as it was before the step that is open, if one is."""
        if self.open is None:
            return
        if self.copied:
            for array, kept in self._copies:
                array[...] = kept
            for measure, rows, total in self._sums:
                measure.rows, measure._sum[...] = rows, total
        network, (step, optimizer, rates) = self._network, self._counts
        network.step = step
        if optimizer:
            optimizer.iterations, optimizer.gathered_rate = rates
        # Last: whoever is interrupted before begins again.
        self.open = None

    def show_before(self) -> list[tuple[Any, Any]]:
        """Make arrays as they were before the open step; what they are to be made again after."""
        now = [(array, array.copy()) for array, _ in self._copies]
        for array, kept in self._copies:
            array[...] = kept
        return now

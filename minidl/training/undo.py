"""A training step is done or not done: the former state is kept until the step is done.

A signal, or an exception from elsewhere, may come between any two calls of Python. A step left
half done is undone by the next call that uses the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl.metrics import Metric
from minidl.network import Network
from minidl.training.snapshots import Copies, vectors


class Undo:
    """The state that a step changes, as before the step.

    Args:
        network: of the step; the network's ``optimizer``, if any, moves the parameters.

    Attributes:
        measures: the measures that add the step's batch to sums.
        open: an object for each step that has begun and is not done; None between steps.
        copied: True if arrays were copied, as for a step that Python makes call by call.
    """

    def __init__(self, network: Network) -> None:
        self.open: object = None
        self.copied = False
        self._network = network
        self.measures: Sequence[Metric] = ()
        self._counts: tuple[Any, ...] = ()
        self._state: tuple[Any, ...] = ()
        self._copies = Copies()

    def begin(self) -> object:
        """Keep the counts; return an object that stands for the step until the step is done."""
        network, token = self._network, object()
        optimizer = getattr(network, "optimizer", None)
        # Nothing is called from here on, so that nothing comes between.
        rates: Any = None
        if optimizer is not None:
            rates = optimizer.batches, optimizer.accumulated_learning_rate
            self._state = optimizer.state, optimizer._made
        self._counts = network._step, optimizer, rates
        self.copied = False
        self.open = token
        return token

    def copy(self, weights: bool = True) -> None:
        """Keep the arrays, too: before Python changes arrays.

        Args:
            weights: True if Python may change weights and the optimizer's vectors.
        """
        network, (_, optimizer, _), token = self._network, self._counts, self.open
        arrays = vectors(network, optimizer) if weights else [network.statistics.theta]
        self._copies.take(arrays, self.measures)
        # Not if another call came between: some arrays were copied before that call, some after.
        if self.open is token:
            self.copied = True

    def copy_weights(self) -> None:
        """Keep weights and the optimizer's vectors beside the arrays that are kept already."""
        network, optimizer = self._network, self._counts[1]
        kept = [id(array) for array, _ in self._copies.vectors]
        more = [each for each in vectors(network, optimizer) if id(each) not in kept]
        self._copies.vectors = [*self._copies.vectors, *((each, each.copy()) for each in more)]

    def roll_back(self) -> None:
        """Restore the state before the open step, if a step is open."""
        token = self.open
        if token is None:
            return
        if self.copied:
            # Nothing is called between a look at ``open`` and the next write.
            for array, kept in self._copies.vectors:
                if self.open is not token:  # another call has rolled back meanwhile
                    return
                array[...] = kept
            for measure, rows, total in self._copies.sums:
                measure.rows, measure._sum[...] = rows, total
        network, (step, optimizer, rates) = self._network, self._counts
        # Nothing is called from here on, so that nothing comes between.
        if self.open is not token:
            return
        network._step = step
        if optimizer is not None:
            optimizer.batches, optimizer.accumulated_learning_rate = rates
            if optimizer._own_slots:  # the step may have begun with other slots
                optimizer.state, optimizer._made = self._state
        network.traffic.expected = network.traffic.awaits_backward = False
        self.open = None

    def show_before(self) -> Callable[[], None]:
        """Show arrays and counts from before the open step; return a function that goes back."""
        counts = self._counted(self._counts[1])
        now = [(array, array.copy()) for array, _ in self._copies.vectors]
        for array, kept in self._copies.vectors:
            array[...] = kept
        self._count(self._counts)

        def show_now() -> None:
            for array, values in now:
                array[...] = values
            self._count(counts)

        return show_now

    def _counted(self, optimizer: Any) -> tuple[Any, ...]:
        rates = optimizer and (optimizer.batches, optimizer.accumulated_learning_rate)
        return self._network._step, optimizer, rates

    def _count(self, counts: tuple[Any, ...]) -> None:
        self._network._step, optimizer, rates = counts
        if optimizer is not None:
            optimizer.batches, optimizer.accumulated_learning_rate = rates

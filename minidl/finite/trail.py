"""The steps since a copy of the state, noted beside foreign callbacks.

Such a callback may change anything between two steps. The optimizer's numbers, such as a learning
rate, are noted before each step. The bits of weights and statistics, read as integers, are added up
after a step and before the next step. Two unequal sums show a change; a repeated step must reach
the same sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.training.snapshots import numbers


class Trail:
    """Numbers and sums of each step since :meth:`begin`.

    Args:
        network: the network's ``optimizer`` moves the parameters.
    """

    def __init__(self, network: Any) -> None:
        self._network = network
        self._numbers: list[dict[str, Any]] = []
        self._sums: list[Any] = []

    def begin(self) -> None:
        """Forget all steps, and note the sums of now."""
        self._numbers, self._sums = [], [self._now()]

    def holds(self) -> bool:
        """Compare weights, statistics and the optimizer with the state after the last step."""
        return bool(self._sums[-1] == self._now())

    def before(self) -> None:
        """Note the optimizer's numbers before a step."""
        self._numbers.append(numbers(self._network.optimizer))

    def after(self) -> None:
        """Note the sums after the step."""
        self._sums.append(self._now())

    def give_numbers(self, number: int) -> None:
        """Give the optimizer the numbers noted before a step; steps count from 0."""
        vars(self._network.optimizer).update(self._numbers[number])

    def agrees(self, number: int) -> bool:
        """Compare the sums with the sums after a step; steps count from 0."""
        return bool(self._sums[number + 1] == self._now())

    def _now(self) -> tuple[Any, ...]:
        network = self._network
        with network.traffic.lock:
            vectors = network.theta, network.statistics.theta
            # Of 32 bits for each type of numbers; a sum that overflows goes on from 0.
            sums = [vector.view(np.uint32).sum(dtype=np.uint32) for vector in vectors]
            return network.optimizer, *map(int, sums)

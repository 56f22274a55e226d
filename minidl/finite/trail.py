"""The steps since a copy of the state, noted beside callbacks of somebody else's.

Such a callback may change anything between two steps. Numbers of the optimizer, such as a learning
rate, are noted before each step. Weights and statistics are added up before each step and after it,
as the integers that their bits are: a sum shows a change, and steps that are done again come to the
same sums, or they are not the same steps.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.moved import numbers


class Trail:
    """Numbers and sums of each step since :meth:`begin`.

    Args:
        network: its ``optimizer`` moves its parameters.
    """

    def __init__(self, network: Any) -> None:
        self._network = network
        self._numbers: list[dict[str, Any]] = []
        self._sums: list[Any] = []

    def begin(self) -> None:
        """Forget all steps; the next one begins from what is now."""
        self._numbers, self._sums = [], [self._now()]

    def holds(self) -> bool:
        """Whether weights, statistics and the optimizer are those that the last step left."""
        return bool(self._sums[-1] == self._now())

    def before(self) -> None:
        """Note the optimizer's numbers before a step."""
        self._numbers.append(numbers(self._network.optimizer))

    def after(self) -> None:
        """Note what the step has left."""
        self._sums.append(self._now())

    def again(self, number: int) -> None:
        """Give the optimizer the numbers that it had before a step, which is counted from 0."""
        vars(self._network.optimizer).update(self._numbers[number])

    def agrees(self, number: int) -> bool:
        """Whether the step, done again, has left what it left before."""
        return bool(self._sums[number + 1] == self._now())

    def _now(self) -> tuple[Any, ...]:
        network = self._network
        with network.traffic.lock:
            vectors = network.theta, network.statistics.theta
            # Of 32 bits, whatever the type; sums that overflow go on from 0.
            sums = [vector.view(np.uint32).sum(dtype=np.uint32) for vector in vectors]
            return network.optimizer, *map(int, sums)

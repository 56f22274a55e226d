"""Steadiness of the machine: all processors at full speed, or not.

The processors of a virtual machine may for seconds or minutes be two threads of one core, or be
shared with other machines: then all computing takes up to twice as long. Chance decides which peer
is measured at such a time, and a median over some rounds does not even out the chance. So a product
on all processors is timed before and after each epoch, by itself, and an epoch between slow
products does not count. The rule is the same for every engine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.train.gate import SETTLE

#: A product is slow if it takes this many times the time of the fastest so far.
SLOW = 1.25
#: Seconds that a race may wait for the machine, and how often an epoch is tried.
PATIENCE, TRIES = 60.0, 4
#: Number of products, of which the fastest counts, and the size of a product.
_PRODUCTS, _SIZE = 7, 640


class Machine:
    """The machine during a race.

    Attributes:
        patience: seconds left for waiting.
    """

    def __init__(self, product: Callable[[], float] | None = None) -> None:
        self._product = product or _product
        self._fastest = float("inf")
        self.patience = PATIENCE

    def steady(self) -> bool:
        """True if all processors run at full speed."""
        seconds = self._product()
        self._fastest = min(self._fastest, seconds)
        return seconds <= SLOW * self._fastest

    def epochs(self, train: Callable[[], dict[str, Any]]) -> tuple[list[dict[str, Any]], bool]:
        """Answers of epochs up to the first that began and ended on a steady machine.

        The second result is True if the last epoch did so; possibly no epoch did.
        """
        answers = []
        for _ in range(TRIES):
            while not self.steady() and self.patience > 0:
                self._rest(1.0)
            start = time.perf_counter()
            answers.append(train())
            took = time.perf_counter() - start
            if self.steady():
                return answers, True
            self.patience -= took
            if self.patience <= 0:
                break
        return answers, False

    def _rest(self, seconds: float) -> None:
        self.patience -= seconds
        time.sleep(seconds)


def _product() -> float:
    """Seconds of a product, once no other thread spins any more."""
    time.sleep(SETTLE)
    x = np.ones((_SIZE, _SIZE), np.float32)
    out = np.empty_like(x)
    taken = []
    for _ in range(_PRODUCTS):
        start = time.perf_counter()
        np.matmul(x, x, out=out)
        taken.append(time.perf_counter() - start)
    time.sleep(SETTLE)  # nor its own
    return min(taken)

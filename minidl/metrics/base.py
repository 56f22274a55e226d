"""The base of all metrics: running means over the batches of an epoch.

The sums stay on the device until read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import Backend
from minidl.kernels import measures
from minidl.register import kind


@kind("metric")
class Metric:
    """The mean over all rows seen since :meth:`reset`.

    Args:
        name: the key in a History.

    Attributes:
        rows: the number of rows seen.
        activations: the output activations that the metric can look behind: the metric takes
            the logits before the activation as well as the outputs.
    """

    activations: tuple[str, ...] = ()
    #: True for targets of class numbers, False for rows, None for both.
    class_numbers: bool | None = None

    def __init__(self, name: str) -> None:
        if not (isinstance(name, str) and name):
            raise TypeError(f"name: expected a text, received {name!r}")
        self.name = name

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        """Allocate buffers for batches of up to ``rows`` rows; call :meth:`reset` after."""
        xp = backend.xp
        self.from_logits = from_logits
        self._sum = xp.zeros((), dtype=np.float64)
        self._batch = xp.zeros((), dtype=np.float64)
        self.rows = 0

    def takes_logits(self, activation: str | None, units: int) -> bool:
        """True if logits before this activation will do in place of the outputs."""
        return activation in self.activations

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments that make an equal metric."""
        return {"name": self.name}

    def reset(self) -> None:
        """Forget all rows."""
        self._sum[...] = 0
        self.rows = 0

    def get_state(self) -> dict[str, Any]:
        """Sum and rows since :meth:`reset`, in the form of a callback's ``get_state``."""
        return {"sum": float(self._sum), "rows": self.rows}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a state returned by :meth:`get_state`."""
        self._sum[...] = state["sum"]
        self.rows = state["rows"]

    def update(self, predictions: Any, y: Any) -> None:
        """Add a batch: predictions (N, units), targets in the loss's form."""
        self._count(predictions, y, self._batch)
        measures.add(self._sum, self._batch)
        self.rows += len(predictions)

    def result(self) -> float:
        """The mean; waits for the device. NaN before the first batch."""
        return float(self._sum) / self.rows if self.rows else float("nan")

    def _count(self, predictions: Any, y: Any, out: Any) -> None:
        """Write the batch's sum over rows into ``out`` (0-d)."""
        raise NotImplementedError(f"{type(self).__name__} must define _count")


class Mean(Metric):
    """The mean of batch means, weighted by the number of rows."""

    def add(self, mean: Any, rows: int) -> None:
        """Add a batch's mean (0-d)."""
        measures.scale(mean, float(rows), out=self._batch)
        measures.add(self._sum, self._batch)
        self.rows += rows

    def take(self, other: Mean) -> None:
        """Count the batches of another mean as one's own."""
        measures.add(self._sum, other._sum)
        self.rows += other.rows

"""The base of all metrics: sums over the batches of an epoch.

The sums stay on the device until read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import Backend, to_host
from minidl.backend.array import Number
from minidl.backend.own import overridden
from minidl.kernels import sums
from minidl.layers.names import chosen
from minidl.metrics import weighted
from minidl.metrics.arguments import precision
from minidl.metrics.arrays import as_given
from minidl.metrics.results import within
from minidl.metrics.standalone import Standalone
from minidl.metrics.variables import Variables
from minidl.names.configuration import Configured
from minidl.names.register import kind


@kind("metric")
class Metric(Standalone, Variables, Configured):
    """The mean over all rows seen since :meth:`reset_state`.

    A metric computes within ``fit`` and ``evaluate``, or by itself::

        metric = minidl.metrics.Recall()
        metric.update_state([0, 1, 1], [0.2, 0.9, 0.4])
        metric.result()  # 0.5

    A user's class defines ``update_state`` and ``result``, as in Keras. The sums are
    weights of :meth:`add_weight`, or the class defines ``reset_state``, too. A metric that is a
    mean over rows may define ``_count(predictions, y, out)`` instead; among the
    ``weighted_metrics`` it defines ``_count_weighted(predictions, y, weight, out)``, too.

    Args:
        dtype: "float32", "float64" or None: the least precision of the sums, which is that of
            float64.
        name: the key in a History; default None: the class's name, numbered from the second
            object on, "recall", "recall_1".

    Attributes:
        rows: the number of rows seen.
        weighted: True if ``fit`` and ``evaluate`` hand over the rows' weights; set by
            ``compile(weighted_metrics=...)``.
        direction: "up" if larger is better, "down" if smaller is better, None if unknown.
        activations: the output activations that the metric can look behind: the metric takes
            the logits before the activation as well as the outputs.
        class_numbers: True for targets of class numbers, False for rows, None for both.
    """

    activations: tuple[str, ...] = ()
    class_numbers: bool | None = None
    direction: str | None = None
    weighted = False
    #: Bounds of the mean, which rounding does not leave; None for none.
    _ends: tuple[float, float] | None = None
    #: True within a user's own update_state.
    _in_own_form = False
    #: Rows, units, type of numbers and of arrays.
    _bound: tuple[Any, ...] = (0, 0, None, None)

    dtype: Any = precision()

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name, self.dtype = chosen(name, type(self)), dtype
        self.rows = 0

    def bind(self, rows: int, units: int, backend: Backend, dtype: Any, from_logits: bool) -> None:
        """Allocate buffers for batches of up to ``rows`` rows; call :meth:`reset_state` after.

        Args:
            rows: at most so many in a batch.
            units: of the output.
            backend: where the batches are.
            dtype: of the predictions.
            from_logits: True if predictions come before their activation.
        """
        xp = backend.xp
        self._bound = rows, units, dtype, xp.ndarray
        self.on_logits = from_logits
        self._sum = xp.zeros(self._shape(units), dtype=np.float64)
        self._batch = xp.zeros((), dtype=np.float64)
        self._number = xp.zeros((), dtype=dtype)
        self.rows = 0

    def _shape(self, units: int) -> tuple[int, ...]:
        """Shape of the sums. A mean with weights has two sums; the 2nd is that of the weights."""
        return (2,) if self.weighted or self._standalone else ()

    def takes_logits(self, activation: str | None, units: int) -> bool:
        """True if logits before this activation will do in place of the outputs."""
        return activation in self.activations and not overridden(type(self), "update_state")

    def reset_state(self) -> None:
        """Forget all rows."""
        if self._bound[0]:
            self._sum[...] = 0
        self.rows = 0
        self._clear()

    def update(self, predictions: Any, y: Any, weight: Any = None) -> None:
        """Add a batch: predictions (N, units), targets in the loss's form, weights (N, 1)."""
        if self._in_own_form or not overridden(type(self), "update_state"):
            self._add(predictions, y, weight)
            self.rows += len(predictions)
            return
        rows, self._in_own_form = self.rows + len(predictions), True
        try:  # a class in Keras's form may hand other arrays to the metric that it derives from
            self.update_state(as_given(y, predictions), predictions, weight)
        finally:
            self._in_own_form = False
        self.rows = rows

    def _add(self, predictions: Any, y: Any, weight: Any) -> None:
        """Add a batch to the sums."""
        if self._sum.ndim:
            weighted.add(self, predictions, y, weight)
        else:
            self._count(predictions, y, self._batch)
            sums.add(self._sum, self._batch)

    def result(self) -> Any:
        """The mean; waits for the device. 0 before the first batch, and where weights are 0."""
        found = self._sums().tolist()
        total, count = found if isinstance(found, list) else (found, self.rows)
        mean = total / count if count else 0.0
        return Number(mean if self._ends is None else within(mean, *self._ends, self._bound[2]))

    def _sums(self) -> np.ndarray:
        """The sums as a NumPy array; waits for the device."""
        return np.array(to_host(self._sum)) if self._bound[0] else np.zeros(self._shape(1))

    def _count(self, predictions: Any, y: Any, out: Any) -> Any:
        """Write the batch's sum over rows into ``out`` (0-d)."""
        raise NotImplementedError(f"{type(self).__name__} must define _count")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

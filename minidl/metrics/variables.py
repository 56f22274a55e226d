"""The arrays of a metric: sums, read and put back, and the weights of ``add_weight``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl import initializers
from minidl.backend import backend_of
from minidl.backend.array import Weight


class Variables:
    """The part of a metric that lists its arrays: the sums, and the weights of ``add_weight``."""

    name: str
    rows: int
    _sum: Any
    _sums: Callable[[], np.ndarray]
    _own_weights: tuple[Any, ...] = ()

    def add_weight(
        self,
        shape: Any = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        name: str | None = None,
    ) -> Any:
        """An array for a class's own sums, with ``assign``, ``assign_add`` and ``numpy()``.

        ::

            class Largest(minidl.metrics.Metric):
                def __init__(self, name="largest"):
                    super().__init__(name=name)
                    self.largest = self.add_weight(name="largest")

                def update_state(self, y_true, y_pred, sample_weight=None):
                    self.largest.assign(np.maximum(self.largest, np.max(y_pred)))

                def result(self):
                    return self.largest

        Args:
            shape: of the array; default one number.
            initializer: of its first values, by name or as an object; default zeros.
            dtype: of its numbers; default float64, in which metrics have their sums.
            name: of the weight; default "weight" and a number.
        """
        shape = (shape,) if hasattr(shape, "__index__") else tuple(shape)
        known = len(self._own_weights)
        made = name or f"weight_{known}"
        start = initializers.get("zeros" if initializer is None else initializer)
        values = np.array(start(shape), dtype=np.float64 if dtype is None else dtype)
        weight = Weight.of(values, made, f"{self.name}/{made}", False)
        self._own_weights = (*self._own_weights, weight)
        return weight

    add_variable = add_weight

    @property
    def variables(self) -> list[np.ndarray]:
        """Copies of the sums of which the result is made: of a mean the total and the count.

        Copies of the weights, where a metric has weights of its own.
        """
        if self._own_weights:
            return list(self._own_weights)
        sums = self._sums()
        return [*sums] if sums.ndim else [sums, np.asarray(float(self.rows))]

    def get_state(self) -> dict[str, Any]:
        """Sums and rows since :meth:`reset_state`, in the form of a callback's ``get_state``."""
        sums = self._sums()
        return {"sum": sums if sums.ndim else float(sums), "rows": self.rows}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a state returned by :meth:`get_state`."""
        found = np.asarray(state["sum"])
        if found.shape != self._sum.shape:
            raise ValueError(
                f"{self.name}: expected sums of shape {self._sum.shape}, received {found.shape}"
            )
        self._sum[...] = backend_of(self._sum).to_device(found)
        self.rows = state["rows"]

    def __copy__(self) -> Any:
        """A copy with weights of its own, of the same values."""
        made = object.__new__(type(self))
        vars(made).update(vars(self))
        copies = {id(each): _copied(each) for each in self._own_weights}
        made._own_weights = tuple(copies.values())
        for name, value in vars(self).items():
            if id(value) in copies:
                vars(made)[name] = copies[id(value)]
        return made

    def _clear(self) -> None:
        """Make all weights 0."""
        for each in self._own_weights:
            each[...] = 0


def _copied(weight: Any) -> Any:
    return Weight.of(weight.numpy(), weight.name, weight.path, False)

"""Metrics that are called without a network: batches of arrays from a user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.backend import backend_of
from minidl.metrics.arrays import Meaning, given


class Standalone:
    """The part of a metric that takes arrays as a user has them."""

    name: str
    rows: int
    bind: Callable[..., None]
    update: Callable[..., None]
    result: Callable[[], Any]
    _bound: tuple[Any, ...]
    _shape: Callable[[int], tuple[int, ...]]
    _sum: Any
    #: The meaning of the arrays.
    _meaning = Meaning()
    #: True once the metric has been called so.
    _standalone = False

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of arrays.

        Args:
            y_true: targets: of the predictions' shape, or class numbers (N,).
            y_pred: predictions (N, units), or (N,).
            sample_weight: a number, (N,), (N, 1) or of the predictions' shape; None for ones.

        Raises:
            TypeError: not numbers.
            ValueError: shapes that do not fit together.
        """
        predictions, y, weight = given(self.name, self._meaning, y_true, y_pred, sample_weight)
        rows, units = predictions.shape
        self._standalone = True
        wanted = units, predictions.dtype, type(predictions)
        if (
            rows > self._bound[0]
            or wanted != self._bound[1:]
            or self._sum.shape != self._shape(units)
        ):
            before, seen = getattr(self, "_sum", None), self.rows
            self.bind(max(rows, self._bound[0]), units, backend_of(predictions), wanted[1], False)
            if seen and before is not None:
                if before.shape != self._sum.shape:
                    raise ValueError(
                        f"{self.name}: expected batches of as many units as before, received "
                        f"{units}; reset_state() begins anew"
                    )
                self._sum[...], self.rows = before, seen
        self.update(predictions, y, weight)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Add a batch of arrays; return the result of all batches so far."""
        self.update_state(y_true, y_pred, sample_weight)
        return self.result()

"""Penalties on the outputs of layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from minidl.backend import Backend
from minidl.kernels import activities as kernels
from minidl.kernels import sums
from minidl.layers.base import Layer, first_rows
from minidl.regularizers.arrays import costs


class Activity:
    """A penalty on a layer's outputs, Σ P(y) / N, and its gradient.

    Args:
        layer: built; has an ``activity_regularizer``.
        backend, dtype: of the network.

    Attributes:
        y: the outputs of the last pass, or None.
    """

    def __init__(self, layer: Layer, backend: Backend, dtype: Any) -> None:
        self._layer, self._backend, self._dtype = layer, backend, dtype
        self._work: Any = None
        self.y: Any = None

    @property
    def regularizer(self) -> Any:
        """The penalty."""
        return self._layer.activity_regularizer

    def bind(self, rows: int) -> None:
        """Allocate memory for passes over up to ``rows`` rows."""
        shape = (rows, *self._layer.output_shape)
        self._work = self._backend.xp.empty(shape, dtype=self._dtype)

    def add_cost(self, total: Any, work: Any) -> None:
        """total ← total + Σ P(y) / N, both 0-d; nothing before the first pass."""
        if self.y is None:
            return
        rows = len(self.y)
        found = costs(self.regularizer, self.y, first_rows(self._work, rows))
        kernels.add_activity(total, found, rows, work)

    def add_gradient(self, dy: Any) -> Any:
        """dy ← dy + dP/dy / N."""
        gradient = sums.clear(first_rows(self._work, len(dy)))
        self.regularizer._add_gradient(self.y, gradient)
        return kernels.activity_backward(dy, gradient, len(dy), out=dy)


class Activities:
    """The penalties on the outputs of a network's layers.

    Args:
        layers: built; some have an ``activity_regularizer``.
        backend, dtype: of the network.
    """

    def __init__(self, layers: Iterable[Layer], backend: Backend, dtype: Any) -> None:
        self._of = {
            layer: Activity(layer, backend, dtype)
            for layer in layers
            if layer.activity_regularizer is not None
        }

    def __iter__(self) -> Iterator[Activity]:
        return iter(self._of.values())

    def __len__(self) -> int:
        return len(self._of)

    def bind(self, rows: int) -> None:
        """Allocate memory for passes over up to ``rows`` rows."""
        for activity in self:
            activity.bind(rows)

    def noted(self, layer: Layer, y: Any) -> Any:
        """Keep ``y``, a layer's outputs, for the layer's penalty, if any; return ``y``."""
        if layer in self._of:
            self._of[layer].y = y
        return y

    def with_gradient(self, layer: Layer, dy: Any) -> Any:
        """``dy``, the gradient at a layer's outputs, plus the penalty's gradient (in place)."""
        return self._of[layer].add_gradient(dy) if layer in self._of else dy

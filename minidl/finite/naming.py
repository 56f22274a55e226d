"""The first tensor of a step that is not finite: each tensor is checked as soon as computed."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl.backend import is_sparse
from minidl.finite.errors import Finding, Seen
from minidl.layers.base import Layer
from minidl.training.objective import Objective

After = Callable[..., None]


class Observer:
    """Looks at all tensors of steps that are called in Python.

    Within :meth:`watching` the methods of the network, its layers, the loss, the penalties and the
    optimizer are followed by a look at the results. The step itself stays unchanged.

    Args:
        objective: of the step.

    Attributes:
        found: the first tensor that is not finite, or None.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._network: Any = objective.network
        network = objective.network
        owned = [(layer.name, key) for layer in network.leaves for key in layer.tensors]
        moving = [(layer.name, key) for layer in network.leaves for key in layer.statistics]
        self._tensors = list(zip(owned, network.parameters, strict=True))
        self._statistics = list(zip(moving, network.statistics, strict=True))
        self.clear()

    def clear(self) -> None:
        """Forget the last step."""
        self.found: Finding | None = None
        self._seen: dict[tuple[str, str, str], Seen] = {}

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Look at each tensor of a step within the block."""
        with contextlib.ExitStack() as replaced, np.errstate(all="ignore"):
            for owner, method, before, after in self._places():
                replaced.enter_context(_followed(owner, method, before, after))
            yield

    def look(self, phase: str, layer: str, tensor: str, values: Any, by_rows: bool = False) -> None:
        """Look at a tensor.

        Args:
            phase, layer, tensor: as in :class:`Finding`.
            values: an array, or CSR rows; one of integers is finite.
            by_rows: whether the first axis is that of the batch's rows.
        """
        if self.found is not None or values is None:
            return
        stored = values.data if is_sparse(values) else values
        if stored.dtype.kind != "f" or stored.size == 0:
            return
        low, high = float(stored.min()), float(stored.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            host = self._network.backend.to_host(stored).copy()
            bad = ~np.isfinite(host)
            rows: list[int] = []
            if by_rows and is_sparse(values):
                starts = self._network.backend.to_host(values.indptr)
                rows = np.unique(np.searchsorted(starts, np.flatnonzero(bad), "right") - 1).tolist()
            elif by_rows:
                rows = np.flatnonzero(bad.reshape(len(bad), -1).any(axis=1)).tolist()
            self.found = Finding(phase, layer, tensor, host, rows, [*self._seen.values()])
            return
        self._seen[phase, layer, tensor] = Seen(phase, layer, tensor, max(high, -low))

    def look_at_state(self, phase: str) -> None:
        """Look at the results of a step: statistics, the optimizer's vectors, weights."""
        for (layer, key), entry in self._statistics:
            self.look(phase, layer, key, self._network.statistics.view(entry))
        for name, vector in self._network.optimizer.state.items():
            for (layer, key), entry in self._tensors:
                self.look(phase, layer, f"{name} of {key}", vector[entry.slice])
        for (layer, key), entry in self._tensors:
            self.look(phase, layer, key, self._network.parameters.view(entry))

    def _places(self) -> Iterator[tuple[Any, str, After | None, After | None]]:
        """Objects, names of methods, and the looks before and after each method."""
        network, loss, penalties = self._network, self._objective.loss, self._network.penalties
        yield network, "forward", self._begin, None
        for layer in network.leaves:
            yield from self._of_layer(layer, layer.name, "dx")
            inner = getattr(layer, "activation", None)
            if isinstance(inner, Layer):
                yield from self._of_layer(inner, layer.name, "dz")
        kind = type(loss).__name__
        yield loss, "forward", self._targets, self._shows("forward", kind, "value")
        yield loss, "row_losses", None, self._third("forward", kind, "losses")
        yield loss, "row_gradients", None, self._third("backward", kind, "dpredictions")
        yield loss, "backward", None, self._shows("backward", kind, "dpredictions", True)
        yield penalties, "forward", None, self._shows("forward", "penalties", "value")
        yield penalties, "add_gradients", None, self._gradients("backward", "d{} and its penalty's")
        yield self._network.optimizer, "_clip", None, self._gradients("update", "d{}, clipped")
        yield self._network.optimizer, "update", None, self._updated
        yield penalties, "proximal_step", None, self._updated

    def _of_layer(
        self, layer: Layer, name: str, dx: str
    ) -> Iterator[tuple[Any, str, After | None, After | None]]:
        def computed(y: Any, *_: Any, **__: Any) -> None:
            for key in layer.statistics:
                self.look("forward", name, key, getattr(layer, key))
            self.look("forward", name, "y", y, True)

        def went_back(result: Any, *_: Any, **__: Any) -> None:
            for key in layer.tensors:
                self.look("backward", name, f"d{key}", getattr(layer, f"d{key}"))
            self.look("backward", name, dx, result, True)

        yield layer, "forward", None, computed
        yield layer, "backward", None, went_back
        if hasattr(layer, "logits") and layer.tensors:
            yield layer, "logits", None, self._shows("forward", name, "z", True)
            yield layer, "logits_backward", None, went_back

    def _begin(self, x: Any, *_: Any, **__: Any) -> None:
        self.look_at_state("before")
        self.look("data", "", "x", x, True)

    def _targets(self, predictions: Any, y: Any, weight: Any = None) -> None:
        self.look("data", "", "y", y, True)
        self.look("data", "", "sample_weight", weight, True)

    def _updated(self, *_: Any) -> None:
        self.look_at_state("update")

    def _shows(self, phase: str, layer: str, tensor: str, by_rows: bool = False) -> After:
        return lambda result, *_, **__: self.look(phase, layer, tensor, result, by_rows)

    def _third(self, phase: str, layer: str, tensor: str) -> After:
        """A look at the third argument, which a method writes."""
        return lambda _, a, b, out: self.look(phase, layer, tensor, out, True)

    def _gradients(self, phase: str, name: str) -> After:
        def look(*_: Any) -> None:
            for (layer, key), entry in self._tensors:
                gradient = self._network.parameters.gradient(entry)
                self.look(phase, layer, name.format(key), gradient)

        return look


@contextlib.contextmanager
def _followed(owner: Any, method: str, before: After | None, after: After | None) -> Iterator[None]:
    """A method of one object, with functions that are called before and after the method."""
    original, own = getattr(owner, method), vars(owner).get(method)

    def call(*arguments: Any, **named: Any) -> Any:
        if before is not None:
            before(*arguments, **named)
        result = original(*arguments, **named)
        if after is not None:
            after(result, *arguments, **named)
        return result

    setattr(owner, method, call)
    try:
        yield
    finally:
        if own is None:
            delattr(owner, method)
        else:
            setattr(owner, method, own)

"""Passes beside the one that is under way, and what they leave as it was.

A signal handler, or another thread, may have a network predict while a training step is between
two calls of Python, or between an explicit loop's ``forward`` and ``backward``. Layers then hold
what that step still needs: the other pass gets buffers of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from minidl.backend.recorder import recorder
from minidl.layers.base import Layer

if TYPE_CHECKING:
    from minidl.network import Network

# What a pass leaves on the network itself.
_LEFT = ("_x", "_logits", "expected", "awaits_backward", "passes", "rows")


class Beside:
    """A context in which rows may pass through a network in inference; enter it with its lock.

    The network then shows what is true between two steps, and no tape records.

    Args:
        network: built or not.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._states: list[tuple[Layer, dict[str, Any]]] = []
        self._arrays: list[tuple[Any, Any]] = []
        self._left: dict[str, Any] = {}
        self._tape: Any = None
        self._outermost = True

    def __enter__(self) -> None:
        network = self._network
        self._tape, recorder.tape = recorder.tape, None
        self._outermost = not network.passing
        open_step = network.pending is not None and network.pending.is_called
        if open_step:
            self._arrays = network.pending.undo.show_before()
        else:
            network.settle()
        if open_step or not self._outermost or network.awaits_backward:
            self._left = {name: getattr(network, name) for name in _LEFT}
            self._states = [(layer, dict(vars(layer))) for layer in _all(network.layers)]
            network.rows, network._x, network.awaits_backward = 0, None, False
        network.passing = True

    def __exit__(self, *_: object) -> None:
        network = self._network
        for layer, state in self._states:
            vars(layer).clear()
            vars(layer).update(state)
        for name, value in self._left.items():
            setattr(network, name, value)
        for array, values in self._arrays:
            array[...] = values
        if self._outermost:
            network.passing = False
        recorder.tape = self._tape


def _all(layers: Any) -> Iterator[Layer]:
    """Layers, and layers that they consist of."""
    for layer in layers:
        yield layer
        yield from _all(value for value in vars(layer).values() if isinstance(value, Layer))

"""A training step that is recorded once and then played, where that changes nothing."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from minidl.backend.device.nodes import same
from minidl.backend.repeating import repeats
from minidl.backend.tape import Tape, player
from minidl.network import Network


class RecordedStep:
    """Calls a step, or plays the tape of it.

    The first step on some arrays runs as it is, and allocates what was missing; the second is
    recorded, the later ones are played. In between, any other pass through the network, or a step
    on other arrays, leaves layers with attributes that show that pass: the step after it runs as it
    is once more. Where a part of the step does not say that it does the same each time, or formulas
    are not compiled, every step runs as it is.

    Args:
        step: called with arrays, such as (x, y, weight).
        network: through which it passes.
        parts: all other objects whose methods it calls, but for what it calls ``stepwise``.
        moving: the objects of what it calls ``stepwise``.

    Attributes:
        may_wait: whether steps may be done several at a time, until :meth:`finish` is called;
            False at first.
        tape: what was recorded, or None.
    """

    def __init__(
        self,
        step: Callable[..., None],
        network: Network,
        parts: Iterable[object],
        moving: Iterable[object] = (),
    ) -> None:
        self._step = step
        self._network = network
        self._parts = (*network.layers, *parts)
        self._moving = tuple(moving)
        self._player = player(network.backend)
        self._plays = self._player is not None and all(map(repeats, (network, *self._parts)))
        self._seen: list[Any] = []
        self.may_wait = False
        self.tape: Tape | None = None
        self.forget()

    def finish(self) -> None:
        """Do the steps that still wait."""
        if self.tape is not None:
            self.tape.finish()

    def forget(self) -> None:
        """Record anew before anything is played."""
        self.finish()
        self.tape = None
        self._arrays: tuple[Any, ...] = ()
        self._passes = self._rows = -1

    def look(self) -> None:
        """Forget the tape if a part has other numbers or other parts than at the last look.

        Called where somebody else may have changed them, always at the same point of an epoch.
        """
        if self._plays:
            before, self._seen = self._seen, [*_state(self._parts), *map(repeats, self._moving)]
            if len(before) != len(self._seen) or not all(map(_same, before, self._seen)):
                self.forget()

    def __call__(self, *arrays: Any) -> bool:
        """Do the step. Whether it was played: then Python saw nothing of it."""
        network = self._network
        if not self._plays:
            self._step(*arrays)
            return False
        if network.rows != self._rows:  # its buffers are others
            self.forget()
        same = len(arrays) == len(self._arrays) and all(map(operator.is_, arrays, self._arrays))
        if same and network.passes == self._passes:
            if self.tape is not None:
                if self.tape.ready():
                    self.tape.play(network.step, self.may_wait)
                    network.step += 1
                    return True
                self._plays, self.tape = False, None
                self._step(*arrays)
                return False
            tape = Tape(network.step, self._player)
            with tape.record():
                self._step(*arrays)
            self.tape = tape
        else:
            self.finish()
            self._step(*arrays)
        if self.tape is None and not same:
            self._arrays, same = arrays, True
        if same:
            self._passes, self._rows = network.passes, network.rows
        return False


def _state(parts: Iterable[object]) -> Iterator[Any]:
    """What objects, and those that they consist of, refer to."""
    for part in parts:
        for value in vars(part).values():
            yield value
            if hasattr(value, "repeats") and not isinstance(value, Network):
                yield from _state([value])


def _same(a: Any, b: Any) -> bool:
    """Whether a tape may take one for the other: equal numbers, or arrays in the same place."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a is b or bool(a.__array_interface__ == b.__array_interface__)
    if hasattr(a, "__cuda_array_interface__") and hasattr(b, "__cuda_array_interface__"):
        return same(a, b)
    return a is b or (isinstance(a, int | float | str) and type(a) is type(b) and a == b)

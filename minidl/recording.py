"""A training step that is recorded once and then played, where that changes nothing."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from minidl.backend.device.nodes import same
from minidl.backend.recorder import recorder
from minidl.backend.repeating import repeats
from minidl.backend.tape import Tape, player
from minidl.metrics import Metric
from minidl.network import Network
from minidl.undo import Undo


class RecordedStep:
    """Calls a step, or plays the tape of it.

    The first step on some arrays runs as it is, and allocates what was missing; the second is
    recorded, the later ones are played. In between, any other pass through the network, or a step
    on other arrays, leaves layers with attributes that show that pass: the step after it runs as it
    is once more. Where a part of the step does not say that it does the same each time, or formulas
    are not compiled, every step runs as it is.

    A step is done or not done, whatever comes between the calls that it consists of: see
    :mod:`minidl.undo`. Where a signal's handler trains the same network, or something else that
    cannot go on beside the step, it is made again from the beginning.

    Args:
        step: called with arrays, such as (x, y, weight).
        network: through which it passes.
        parts: all other objects whose methods it calls, but for what it calls ``stepwise``.
        moving: the objects of what it calls ``stepwise``.
        measures: those of the parts that sum up batches.
        aim: called before each attempt, to say which rows the step is of.

    Attributes:
        thread: number of the thread that makes the steps.
        may_wait: whether steps may be done several at a time, until :meth:`settle` is called;
            False at first.
        tape: what was recorded, or None.
        undo: what puts a step back that is half done.
    """

    def __init__(
        self,
        step: Callable[..., None],
        network: Network,
        parts: Iterable[object],
        moving: Iterable[object] = (),
        measures: Sequence[Metric] = (),
        aim: Callable[[], None] = lambda: None,
    ) -> None:
        self._step = step
        self._aim = aim
        self._network = network
        self._parts = (*network.layers, *parts)
        self._moving = tuple(moving)
        self._player = player(network.backend)
        self._plays = self._player is not None and all(map(repeats, (network, *self._parts)))
        self._seen: list[Any] = []
        self.undo = Undo(network, measures)
        self._active = False
        self.thread = threading.get_ident()
        self.may_wait = False
        self.tape: Tape | None = None
        self.forget()

    @property
    def under_way(self) -> bool:
        """Whether a step is under way, of which what now runs was called, and which will go on."""
        return self._active and self.undo.open is not None

    @property
    def is_called(self) -> bool:
        """Whether it is one that Python makes call by call."""
        return self.under_way and self.undo.copied

    def settle(self) -> None:
        """Undo the step that is under way, if one is, and do those that wait."""
        if self.undo.open is not None and self.undo.copied and self.tape is not None:
            self.tape.drop()
        self.undo.roll_back()
        if self.tape is not None:
            self.tape.finish()

    def forget(self) -> None:
        """Record anew before anything is played."""
        if self.tape is not None:
            self.tape.finish()
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
        with network.lock:
            before = recorder.tape
            try:
                self._active = True
                recorder.tape = None  # of another network's step, which this one came between
                while True:
                    if network.pending is not self or self.undo.open is not None:
                        network.settle()
                        network.pending = self
                    self._aim()
                    played = self._attempt(arrays)
                    if played is not None:
                        return played
            finally:
                self._active = False
                recorder.tape = before

    def _attempt(self, arrays: tuple[Any, ...]) -> bool | None:
        """Do the step, if nothing comes between: whether it was played; None if it is undone."""
        network = self._network
        if not self._plays:
            return self._call(arrays)
        if network.rows != self._rows:  # its buffers are others
            self.forget()
        same = len(arrays) == len(self._arrays) and all(map(operator.is_, arrays, self._arrays))
        tape = None
        if same and network.passes == self._passes:
            if self.tape is not None:
                return self._play(self.tape)
            tape = Tape(network.step, self._player)
        elif self.tape is not None:
            self.tape.finish()
        done = self._call(arrays, tape)
        if done is None:
            return None
        self.tape = tape or self.tape
        if self.tape is None and not same:
            self._arrays, same = arrays, True
        if same:
            self._passes, self._rows = network.passes, network.rows
        return False

    def _play(self, tape: Tape) -> bool | None:
        """Play a step."""
        network = self._network
        self.undo.begin()
        step = network.step
        network.step = step + 1
        try:
            return True if tape.play(step, self.may_wait, self.undo) else None
        except BaseException:
            self.settle()
            raise

    def _call(self, arrays: tuple[Any, ...], tape: Tape | None = None) -> bool | None:
        """Have Python make a step, and record it if there is a tape."""
        network = self._network
        token = self.undo.begin()
        self.undo.copy()
        if self.undo.open is not token:
            return None
        try:
            network.expected = True
            if tape is None:
                self._step(*arrays)
            else:
                with tape.record():
                    self._step(*arrays)
        except BaseException as error:
            if self.undo.open is not token and isinstance(error, Exception):
                return None  # it was undone, and no longer made sense
            self.settle()
            raise
        if self.undo.open is not token:
            return None
        self.undo.open = None
        return False


def _state(parts: Iterable[object]) -> Iterator[Any]:
    """What objects, and those that they consist of, refer to."""
    for part in parts:
        for value in list(vars(part).values()):
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

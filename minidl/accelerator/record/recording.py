"""A training step that is recorded once and then played, where that changes nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from operator import is_
from typing import Any

from minidl.accelerator.record.operands import UnsupportedError
from minidl.accelerator.record.repeating import repeats
from minidl.accelerator.record.tape import Tape, player
from minidl.accelerator.record.watching import Seen
from minidl.accelerator.trace import loops
from minidl.backend.recorder import recorder
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
        aim: Callable[[], None] = lambda: None,
    ) -> None:
        self._step = step
        self._aim = aim
        self._network = network
        self._player = player(network.backend)
        self.undo = Undo(network)
        self._active = False
        self.thread = threading.get_ident()
        self.may_wait = False
        self.tape: Tape | None = None
        self._seen: Seen | None = None
        self.forget()
        self.look(parts, moving)

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
        self.tape, self._seen, self._doubts = None, None, False
        self._arrays: tuple[Any, ...] = ()
        self._passes = self._rows = -1

    def look(
        self,
        parts: Iterable[object],
        moving: Iterable[object] = (),
        told: Iterable[object] = (),
        within: bool = False,
    ) -> None:
        """Forget the tape if anything is other than when it was recorded.

        Called where somebody else may have changed something.

        Args:
            parts: as for the constructor, those of now.
            moving: the same.
            told: callbacks that are called after each step, which a tape does not stand for.
            within: whether it is called again and again within an epoch. Where a tape does not
                live until the next step, recording rests for more and more steps.
        """
        self._parts = (*self._network.layers, *parts)
        self._moving = (self._network, *moving)
        self._told = tuple(told)
        self.undo.measures = [part for part in self._parts if isinstance(part, Metric)]
        if not within:
            self._vain = self._rests = 0
        if self.tape is None or self._network.passes == self._passes:
            self._compare()
        else:  # After a step on the same arrays the layers can be compared.
            self._doubts = True

    def _compare(self) -> None:
        if self.tape is not None:
            if self._seen is not None and self._seen.holds(self._parts, self._moving):
                self._doubts = False
                if all(map(repeats, self._told)):
                    return
            self._rest()
            self.forget()
        self._plays = self._player is not None and self._promised()

    def _promised(self) -> bool:
        return all(map(repeats, (self._network, *self._parts, *self._told)))

    def _rest(self) -> None:
        """Record nothing for some steps."""
        self._vain = min(self._vain + 1, 10)
        self._rests = 2**self._vain - 2

    def __call__(self, *arrays: Any) -> bool:
        """Do the step. Whether it was played: then Python saw nothing of it."""
        network = self._network
        with network.traffic.lock:
            before = recorder.tape
            try:
                self._active = True
                recorder.tape = None  # of another network's step, which this one came between
                while True:
                    if network.traffic.pending is not self or self.undo.open is not None:
                        network.settle()
                        network.traffic.pending = self
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
        same = len(arrays) == len(self._arrays) and all(map(is_, arrays, self._arrays))
        tape = seen = None
        if same and network.passes == self._passes:
            if self.tape is not None:
                return self._play(self.tape, arrays)
            if self._rests or not self._promised():
                self._rests = max(0, self._rests - 1)
            else:
                seen = Seen(self._parts, self._moving)
                tape = Tape(network.step, self._player)
        elif self.tape is not None:
            self.tape.finish()
        if self._call(arrays, tape) is None:
            return None
        if tape is not None and seen is not None:
            # A step that has changed what it depends on is not to be played.
            if seen.holds(self._parts, self._moving):
                self.tape, self._seen = tape, seen
            else:
                self._rest()
        if self.tape is None and not same:
            self._arrays, same = arrays, True
        if same:
            self._passes, self._rows = network.passes, network.rows
            if self._doubts:
                self._compare()
        return False

    def _play(self, tape: Tape, arrays: tuple[Any, ...]) -> bool | None:
        """Play a step; or call it, from now on, where no compiled code can be had."""
        network, undo = self._network, self.undo
        token = undo.begin()
        step = network.step
        network.step = step + 1
        try:
            return True if tape.play(step, self.may_wait, undo, token) else None
        except UnsupportedError:
            self.settle()
            self._player = self.tape = None
            self._plays = False
            return self._call(arrays)
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
            network.traffic.expected = True
            with loops.passing() if self._plays and not self._vain else nullcontext():
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

"""A training step that is recorded once and then played, where that changes nothing."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

from minidl.backend.repeating import repeats
from minidl.backend.tape import Tape, player
from minidl.network import Network
from minidl.watching import Seen


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
        self._player = player(network.backend)
        self.may_wait = False
        self.tape: Tape | None = None
        self._seen: Seen | None = None
        self.forget()
        self.look(parts, moving)

    def finish(self) -> None:
        """Do the steps that still wait."""
        if self.tape is not None:
            self.tape.finish()

    def forget(self) -> None:
        """Record anew before anything is played."""
        self.finish()
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

    def _record(self, *arrays: Any) -> None:
        """Do the step, and keep the tape of it if it has changed nothing that it depends on."""
        if self._rests or not self._promised():
            self._rests = max(0, self._rests - 1)
            self._step(*arrays)
            return
        seen = Seen(self._parts, self._moving)
        tape = Tape(self._network.step, self._player)
        with tape.record():
            self._step(*arrays)
        if seen.holds(self._parts, self._moving):
            self.tape, self._seen = tape, seen
        else:
            self._rest()

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
                network.step += 1  # before, as in a forward pass: a learning rate may read it
                try:
                    self.tape.play(network.step - 1, self.may_wait)
                except BaseException:
                    network.step -= 1
                    raise
                return True
            self._record(*arrays)
        else:
            self.finish()
            self._step(*arrays)
        if self.tape is None and not same:
            self._arrays, same = arrays, True
        if same:
            self._passes, self._rows = network.passes, network.rows
            if self._doubts:
                self._compare()
        return False

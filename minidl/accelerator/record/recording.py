"""The tape that stands for a training step, and the check that the tape still does."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Iterable
from typing import Any

from minidl.accelerator.record.alike import are
from minidl.accelerator.record.called import ChangedError, watching
from minidl.accelerator.record.last_batch import LastBatch
from minidl.accelerator.record.operands import UnsupportedError
from minidl.accelerator.record.seen import Seen
from minidl.accelerator.record.tape import Tape
from minidl.accelerator.trace import loops
from minidl.backend.own import Look, has_foreign
from minidl.backend.turns import new_lock

_turn = new_lock()

#: So many steps of a small network take as long called in Python as recorded and then played.
FEW = 16
#: Rows times parameters for which the arithmetic of a step takes as long as the step's Python.
WORK = 5_000_000
#: Seconds for which a look holds where no foreign code runs: an epoch of a few rows is shorter
#: than a look, and another thread, or a signal's handler, may change a part at any time.
HOLDS = 0.05


class Recording:
    """Records steps of a network on tapes.

    The first step on some arrays is called as written, and allocates missing memory; the second is
    recorded, and later steps are played. Any other pass through the network, or a step on other
    arrays, leaves layers with attributes that show that pass: the next step is called once more.
    Steps on a second kind of arrays that come again, such as an epoch's last batch, have a tape of
    their own.

    Args:
        network: of the steps.
        player: makes and runs commands.

    Attributes:
        tape: the recorded tape, or None.
        strange: True if the step calls foreign code, which may change anything, or if no step has
            been recorded yet.
        called: the parts of the step that are called although the step is played.
        coming: the number of steps that the caller is going to make. A few steps are called: a
            recording would take longer than playing saves.
        reason: why steps are called in Python, in words; "" where steps are played.
    """

    #: Errors of a tape where the step has to be called.
    CannotPlay = UnsupportedError, ChangedError

    def __init__(self, network: Any, player: Any) -> None:
        self._network, self._player = network, player
        self.tape: Tape | None = None
        self._last_batch = LastBatch()
        self.strange = True
        self.called: list[object] = []
        self.coming = sys.maxsize
        self.reason = ""
        self._gone = self._skips = False
        self._looked = 0.0
        self._vain = self._rests = 0
        self._new: tuple[Tape, Seen] | None = None
        self.forget()

    def forget(self) -> None:
        """Record anew before anything is played."""
        self.finish()
        self.tape = None
        self._last_batch = LastBatch()
        self._seen: Seen | None = None
        self._doubts = False
        self._arrays: tuple[Any, ...] = ()
        self._passes = self._rows = -1

    def finish(self) -> None:
        """Do the steps that still wait."""
        for tape in (self.tape, self._last_batch.tape):
            if tape is not None:
                tape.finish()

    def drop(self) -> None:
        """Forget the steps that still wait."""
        for tape in (self.tape, self._last_batch.tape):
            if tape is not None:
                tape.drop()

    def look(
        self, parts: Iterable[object], movers: Iterable[tuple[object, str]], within: bool
    ) -> None:
        """Forget the tape if anything has changed since the recording.

        Args:
            parts: all objects whose methods the step calls.
            movers: (object, name of a method) for each that ends the step with numbers that differ
                from step to step: an optimizer's update.
            within: True for a step called again and again within an epoch. Where a tape does not
                live until the next step, recording rests for more and more steps.
        """
        self._looked = time.monotonic()
        self._last_batch.hide()
        self._parts = (*self._network.leaves, *parts)
        self._endings = tuple(movers)
        self._movers = tuple({id(thing): thing for thing, _ in self._endings}.values())
        if not within:
            self._vain = self._rests = 0
        if self.tape is None or self._network.passes == self._passes:
            self._compare()
        else:  # After a step on the same arrays the layers can be compared.
            self._doubts = True

    def unchanged(self) -> bool:
        """True if the parts of the last look are surely in the same state."""
        seen = self._seen
        return seen is not None and seen.unchanged(self._moving())

    @property
    def looked_just_now(self) -> bool:
        """True if the last look still holds, unless foreign code has run since."""
        return not self.strange and time.monotonic() - self._looked < HOLDS

    def _compare(self) -> None:
        if self.tape is not None:
            if self._seen is not None and self._seen.holds(self._parts, self._moving()):
                self._doubts = False
                return
            self._rest()
            self.forget()

    def _moving(self) -> tuple[object, ...]:
        rates = [getattr(each, "_learning_rate", None) for each in self._movers]
        found = [rate for rate in rates if callable(rate) or hasattr(rate, "__dict__")]
        return (self._network, *self._movers, *found)

    def _rest(self) -> None:
        """Record nothing for some steps."""
        self._vain = min(self._vain + 1, 10)
        self._rests = 2**self._vain - 2

    def to_play(self, arrays: tuple[Any, ...]) -> Tape | None:
        """The tape that stands for a step on the arrays; None where the step is to be called."""
        network = self._network
        if network.rows != self._rows:  # the network has new buffers
            self.forget()
        if self.tape is not None and self.tape.strays > 1:  # the recorded step was the exception
            self.forget()
        same = are(arrays, self._arrays)
        known = network.passes == self._passes
        last = self._last_batch
        last.hide()
        if same and known:
            if last.tape is not None:
                last.tape.finish()
            return self.tape
        if self.tape is not None:
            self.tape.finish()
        if last.tape is not None and last.tape.strays > 1:
            last.tape = None
        if known and last.tape is not None and are(arrays, last.arrays):
            last.show()
            return last.tape
        return None

    def call(self, step: Any, arrays: tuple[Any, ...]) -> None:
        """Call a step, and record the second step on the same arrays."""
        network = self._network
        self._new = None
        if not (self._gone or self._vain):  # later steps are played, by loops of their own
            step = loops.passing()(step)
        same = are(arrays, self._arrays)
        self._skips = self.tape is None and self._few(arrays, self.coming)
        if self._skips:
            step(*arrays)
            return
        comes_again = same if self.tape is None else self._comes_again(arrays)
        if self._gone or not comes_again or network.passes != self._passes:
            step(*arrays)
            return
        if self._rests:
            self._rests -= 1
            step(*arrays)
            return
        # Other networks may share parts, which show their calls to one tape at a time.
        if not _turn.acquire(blocking=False):
            step(*arrays)
            return
        try:
            self._record(step, arrays)
        finally:
            _turn.release()

    def _few(self, arrays: tuple[Any, ...], steps: float) -> bool:
        """True if so many steps to come are too few for a recording."""
        work = arrays[0].shape[0] * self._network.theta.size
        return bool(steps * (1 + work / WORK) < FEW)

    def _comes_again(self, arrays: tuple[Any, ...]) -> bool:
        """True if a step beside the tape's comes again, and so often that a recording pays."""
        last = self._last_batch
        if last.tape is not None or self.strange or not are(arrays, last.arrays):
            return False
        steps = self._network.step - last.since
        if steps < 0:  # steps are done again, in search of a NaN
            return False
        between = steps // last.calls + 1
        # Where such a step is called, the step after it is called, too.
        return not self._few(arrays, 2 * self.coming / between)

    def _record(self, step: Any, arrays: tuple[Any, ...]) -> None:
        """Call and record a step."""
        network = self._network
        optimizer = getattr(network, "optimizer", None)
        weights = [network.theta, *(optimizer.state.values() if optimizer else ())]
        tape = Tape(network.step, self._player, weights)
        own = Look()
        strangers = [thing for thing in (network, *self._movers) if not own(thing)]
        late = has_foreign([each for each in self._movers if own(each)], own)
        self.called = [part for part in self._parts if not own(part)]
        end = functools.partial(tape.end, late)
        try:
            seen = Seen(self._parts, self._moving(), own, self._player.look)
            parts = *self._parts, *strangers
            hand_over = watching(parts, self._endings, tape.call, end, own)
            with hand_over as changed, tape.record():
                step(*arrays)
        except UnsupportedError as error:  # before the step began
            self._gone, self.reason = True, str(error)
            raise
        self.strange = late or bool(tape.called)
        if tape.obstacle:
            self._gone, self.reason = True, tape.obstacle
        elif changed:  # the tape lacks what was called there
            self._rest()
        else:
            self._new = tape, seen

    def keep(self, arrays: tuple[Any, ...]) -> None:
        """Note that a step on these arrays was called and done; keep a tape of the step, if any."""
        network = self._network
        same = are(arrays, self._arrays)
        new, self._new = self._new, None
        if self.tape is not None and not same:
            self._keep_last_batch(arrays, new)
        elif new is not None:
            tape, seen = new
            seen.pass_over_arrays()
            # A step that has changed its own conditions is not to be played.
            if seen.holds(self._parts, self._moving()):
                self.tape, self._seen = tape, seen
            else:
                self._rest()
        if self.tape is None and not same:
            self._arrays, same = arrays, True
        if same:
            self._passes, self._rows = network.passes, network.rows
            if self._doubts:
                self._compare()

    def _keep_last_batch(self, arrays: tuple[Any, ...], new: tuple[Tape, Seen] | None) -> None:
        """Note a step beside the tape's; keep a tape of the step, if any.

        Such a step begins with the arrays that the tape's steps leave. When the tape ends, the
        step's tape ends, too.
        """
        if not are(arrays, self._last_batch.arrays):
            self._last_batch = LastBatch(arrays, self._network.step)
        self._last_batch.calls += 1
        if new is not None:
            self._last_batch.keep(*new)

    def give_up(self, error: Exception) -> None:
        """Call the steps from now on where compiled code cannot be had; else record anew."""
        if isinstance(error, UnsupportedError):
            self._gone, self.reason = True, str(error)
            self.tape, self._last_batch = None, LastBatch()
        else:
            self._rest()
            self.forget()

    def __str__(self) -> str:
        if self._gone:
            return f"each step is called in Python: {self.reason}"
        if self._skips:
            return "each step is called in Python: a recording would take longer than a few steps"
        if self.tape is None:
            return "no step is recorded yet: the second on the same arrays is"
        called = [f"{each.name}, which is not minidl's" for each in self.tape.called]
        called += self.tape.kept
        lines = [f"compiled: {len(self.tape.entries) - len(called)} commands"]
        called += self.tape.kept_at_end
        if called:
            lines.append(f"called in Python at each step: {'; '.join(called)}")
        return "\n".join(lines)

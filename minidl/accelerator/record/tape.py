"""A tape: what a training step did, to be done again without Python.

While a tape records, formulas (``@fused``) and kernels (``@kernel``) leave on it what they do to
which arrays, and run as they are. Commands of ``cpu``, or nodes of ``gpu``, are recorded where they
can do the same; what they cannot do stays a call of Python, in its place among them, as does
somebody else's code.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.accelerator.record.called import Called
from minidl.accelerator.record.ending import Call, Ending
from minidl.accelerator.record.operands import UnsupportedError, has_operands
from minidl.backend.recorder import recorder, unrecorded

if TYPE_CHECKING:
    from minidl.backend.fused import Fused


class Tape:
    """What a step did, in order: commands, and calls of Python between them.

    Args:
        step: the number of the step that is about to be recorded.
        player: makes commands and runs them: the module ``cpu.player``, or ``gpu``'s Player.
        weights: arrays that only the ending should change.

    Attributes:
        called: somebody else's code that is called at each step.
        kept: calls of Python in the place of kernels that have no commands.
        obstacle: why no tape can stand for the step, in words; "" where one can.
        strays: steps in a row that ended otherwise than the recorded one.
    """

    def __init__(self, step: int, player: Any, weights: Sequence[Any] = ()) -> None:
        self._player = player
        self._weights = weights
        #: The number of the step that is recorded or played, where commands can read it.
        self._step = np.array([step], np.int64)
        self.called: list[Called] = []
        self.kept: list[str] = []
        self.obstacle = ""
        self.strays = 0
        # What comes before the ending, and after it.
        self._entries: list[Any] = []
        self._after: list[Any] = []
        self._ending = Ending(player)
        self._at_end = False
        # What Python writes before a step, for commands to read.
        self._numbers = [self._step]
        # What plays it: the whole as a series; or in pieces, made when they are needed.
        self._series: Any = None
        self._pieces: dict[str, Any] = {}
        # What is done with the last step that waits.
        self._tail: Any = None

    @property
    def entries(self) -> list[Any]:
        """Commands, and functions of Python between them, in their order."""
        return [*self._entries, *self._ending.commands, *self._after]

    @contextmanager
    def record(self) -> Iterator[None]:
        """Record what formulas and kernels do within the block."""
        before = recorder.tape
        try:
            recorder.tape = self
            yield
        finally:
            recorder.tape = before

    # What a step that is recorded hands over.

    def commands(self, commands: Sequence[Any], numbers: Sequence[np.ndarray] = ()) -> None:
        """Record commands that somebody else runs now.

        Args:
            commands: compiled ones, or functions of Python.
            numbers: arrays that somebody writes before each step, and that they read.
        """
        (self._after if self._ending.calls else self._entries).extend(commands)
        self._numbers += numbers

    def kernel(
        self, function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
    ) -> Any:
        """Run a kernel and record it."""
        if self._at_end:
            return self._ending.kernel(function, arguments, named)
        plain = function.__wrapped__  # type: ignore[attr-defined]
        if has_operands(arguments, named):
            return plain(*arguments, **named)
        call = functools.partial(function, *arguments, **named)
        try:
            self.commands(self._player.record_kernel(plain, arguments, named))
        except UnsupportedError:
            self.kept.append(function.__name__)
            self.commands([call])
        return unrecorded(call)

    def formula(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        """Run a formula and record it."""
        call = Call(formula, arguments, outs)
        if self._at_end:
            self._ending.formula(call)
            return
        try:
            program = formula.program(arguments, outs)
            self.commands(self._player.commands(program, arguments, outs))
        except UnsupportedError:
            self.kept.append(formula.formula.__name__)
            self.commands([call])
        unrecorded(call)

    def expects(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> bool:
        """Take the numbers of a formula that the ending was recorded with; whether it was."""
        return self._at_end and self._ending.expects_formula(formula, arguments, outs)

    def draw(self, bits: Any, out: Any, step: int) -> None:
        """Fill ``out`` with the random bits of a step, and record it."""
        ahead = step - int(self._step[0])
        try:
            drawn = self._player.draw(bits.key, out, self._step, ahead)
            self._player.run([drawn])
        except UnsupportedError:

            def drawn() -> None:
                unrecorded(bits.fill, out, int(self._step[0]) + ahead)

            drawn()
        self.commands([drawn])

    def call(
        self, function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
    ) -> Any:
        """Call somebody else's function, and record that it is called."""
        before = [array.copy() for array in self._weights]
        called = Called(function, arguments, named, self._step)
        pairs = zip(before, self._weights, strict=True)
        called.spares_weights = all(bool((a == b).all()) for a, b in pairs)
        self.obstacle = self.obstacle or called.obstacle
        self.called.append(called)
        self.commands([called])
        return called.result

    def end(
        self,
        late: bool,
        function: Callable[..., Any],
        arguments: Sequence[Any],
        named: dict[str, Any],
    ) -> None:
        """Make a call that ends the step, and record its formulas.

        Args:
            late: whether it may look at what comes before it.
            function, arguments, named: the call; it returns nothing.
        """
        if self._after:
            self.obstacle = "other things come between two updates"
        call = functools.partial(function, *arguments, **named)
        ending = self._ending
        ending.calls.append(call)
        known = len(ending.bound)
        self._make(call)
        if len(ending.bound) == known:  # it does nothing, as a proximal step of no penalty
            ending.calls.pop()
        else:
            ending.late = ending.late or late

    def _make(self, call: Callable[[], Any]) -> None:
        """Make a call, or several, of the ending."""
        before = recorder.tape
        try:
            recorder.tape, self._at_end = self, True
            call()
        finally:
            recorder.tape, self._at_end = before, False

    # What plays it.

    def play(
        self, step: int, may_wait: bool = False, undo: Any = None, token: object = None
    ) -> bool:
        """Do it again, as the step of this number.

        Args:
            step: the number.
            may_wait: whether it is soon enough to do it together with steps to come, or when
                :meth:`finish` is called; until then nobody looks.
            undo: of the caller's step: its ``open`` is ``token`` for as long as the step may be
                done, and None once it is. Before Python changes arrays, ``copy`` is called.
            token: what stands for the step.

        Returns:
            Whether it is done, or will be: not where ``undo.open`` has changed in between.

        Raises:
            UnsupportedError: the compiled code that plays it cannot be had; nothing is done.
        """
        ending = self._ending
        if not ending.recorded:
            self._assemble()
        if not self._series:
            return self._play_in_pieces(step, undo, token)
        if ending.calls:
            self._make(ending.ask)
        tail = None
        if ending.extra or not ending.as_recorded:
            self.finish()
            tail = ending.tail() if ending.as_recorded else None
            if tail is None:
                return self._play_in_pieces(step, undo, token)
        self._step[0] = step
        room = self._series.write()
        # Nothing is called here, so that no signal's handler comes between: either it finds a step
        # that is not done, and what was written counts for nothing, or it finds one that waits.
        if undo is not None:
            if undo.open is not token:
                return False
            undo.open = None
        self._series.waiting[0] += 1
        self.strays = 0
        if tail is not None:
            self._tail = tail
            tail.waiting[0] = 1
        if not may_wait or not room or tail is not None:
            self.finish()
        return True

    def _play_in_pieces(self, step: int, undo: Any, token: object) -> bool:
        """Do it where Python has a part in it, or where it ends otherwise than it was recorded."""
        ending = self._ending
        head, after = self._piece("head"), self._piece("after")
        end = self._piece("end")
        once = hasattr(end, "waiting")
        self.finish()
        if not ending.late and self._series is None and ending.calls:
            self._make(ending.ask)
        # A late ending is known only when the rest is done; until then weights stay as they are.
        atomic = once and (ending.late or (ending.as_recorded and not ending.extra))
        if undo is not None:
            undo.copy(weights=not atomic or not self._spares_weights)
            if undo.open is not token:
                return False
        self._step[0] = step
        for run in head:
            run()
        if ending.late:
            self._make(ending.ask)
        if not (ending.as_recorded and not ending.extra):
            self.strays += 1
        else:
            self.strays = 0
        if atomic and ending.as_recorded and not ending.extra:
            # As above: nothing is called between.
            if undo is not None:
                if undo.open is not token:
                    return False
                undo.open = None
            self._tail = end
            end.waiting[0] = 1
            self.finish()
            for run in after:
                run()
            return True
        if undo is not None and atomic:
            undo.copy_weights()
            if undo.open is not token:
                return False
        if ending.as_recorded:
            for run in [end.now] if once else end:
                run()
        for call in ending.extra:
            call()
        for run in after:
            run()
        if undo is not None:
            if undo.open is not token:
                return False
            undo.open = None
        return True

    @property
    def _spares_weights(self) -> bool:
        """Whether nothing changes weights before the ending."""
        return all(called.spares_weights for called in self.called)

    def finish(self) -> None:
        """Do the steps that still wait."""
        if self._series:
            self._series.run()
        if self._tail is not None:
            self._tail.run()

    def drop(self) -> None:
        """Forget the steps that still wait."""
        if self._series:
            self._series.waiting[0] = 0

    def _assemble(self) -> None:
        """Make what plays it."""
        ending = self._ending
        if not ending.late:
            self._series = self._player.series(self.entries, [*self._numbers, *ending.numbers])
        if not self._series:
            for part in ("head", "end", "after"):
                self._piece(part)
        ending.recorded = True

    def _piece(self, part: str) -> Any:
        """Calls that run the "head", the "end" or what comes "after" it; made when first needed.

        The end is one thing that is done or waits, where the player has such things.
        """
        if part not in self._pieces:
            entries = {"head": self._entries, "after": self._after}.get(part)
            once = getattr(self._player, "Once", None)
            if entries is not None:
                self._pieces[part] = self._player.assemble(entries)
            elif once is not None and self._ending.commands:
                self._pieces[part] = once(self._player.complete(self._ending.commands), True)
            else:
                self._pieces[part] = self._player.assemble(self._ending.commands)
        return self._pieces[part]

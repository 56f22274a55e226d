"""A tape: the work of a training step, to be done again without Python.

While a tape records, formulas (``@fused``) and kernels (``@kernel``) leave on the tape their work
and their arrays, and run as usual. Commands of ``cpu``, or nodes of ``gpu``, are recorded for the
same work; work without commands stays a call of Python, in its place among the commands, as does
foreign code.
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
    """The work of a step, in order: commands, and calls of Python between commands.

    Args:
        step: the number of the step that is about to be recorded.
        player: makes and runs commands: the module ``cpu.player``, or ``gpu``'s Player.
        weights: arrays that only the ending should change.

    Attributes:
        called: foreign code that is called at each step.
        kept: calls of Python in the place of kernels that have no commands.
        strays: steps in a row that ended otherwise than the recorded step.
        obstacle: why no tape can stand for the step, in words; "" where a tape can.
    """

    def __init__(self, step: int, player: Any, weights: Sequence[Any] = ()) -> None:
        self._player = player
        self._weights = weights
        #: The number of the step that is recorded or played, in memory that commands can read.
        self._step = np.array([step], np.int64)
        self.called: list[Called] = []
        self.kept: list[str] = []
        self.obstacle = ""
        self.strays = 0
        # The parts before the ending and after the ending.
        self._entries: list[Any] = []
        self._after: list[Any] = []
        self._ending = Ending(player)
        self._at_end = False
        # Numbers that Python writes before a step, for commands to read.
        self._numbers = [self._step]
        # Players of the tape: the whole as a series; or pieces, made at the first need.
        self._series: Any = None
        self._pieces: dict[str, Any] = {}
        # The part that is done with the last step that waits.
        self._tail: Any = None

    @property
    def entries(self) -> list[Any]:
        """Commands, and functions of Python between commands, in order of execution."""
        return [*self._entries, *self._ending.commands, *self._after]

    @contextmanager
    def record(self) -> Iterator[None]:
        """Record the work of formulas and kernels within the block."""
        before = recorder.tape
        try:
            recorder.tape = self
            yield
        finally:
            recorder.tape = before

    # The parts of a step, handed over while the step is recorded.

    def commands(self, commands: Sequence[Any], numbers: Sequence[np.ndarray] = ()) -> None:
        """Record commands that the caller runs now.

        Args:
            commands: compiled commands, or functions of Python.
            numbers: arrays that the caller writes before each step, and that the commands read.
        """
        (self._after if self._ending.calls else self._entries).extend(commands)
        self._numbers += numbers

    def kernel(
        self, function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
    ) -> Any:
        """Run and record a kernel."""
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
        """Run and record a formula."""
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
        """Take the numbers of a formula that the ending was recorded with; return True if so."""
        return self._at_end and self._ending.expects_formula(formula, arguments, outs)

    def draw(self, bits: Any, out: Any, step: int) -> None:
        """Fill ``out`` with the random bits of a step, and record the draw."""
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
        """Call a foreign function, and record the call."""
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
            late: True if the call may look at the results of earlier work.
            function, arguments, named: the call; the function returns nothing.
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

    # Playing.

    def play(
        self, step: int, may_wait: bool = False, undo: Any = None, token: object = None
    ) -> bool:
        """Do the work again, as the step of this number.

        Args:
            step: the number.
            may_wait: True if the work may be done together with steps to come, or at a call of
                :meth:`finish`; until then no caller looks at results.
            undo: of the caller's step: its ``open`` is ``token`` for as long as the step may be
                done, and None once the step is done. Before Python changes arrays, ``copy`` is run.
            token: an object that stands for the step.

        Returns:
            True if the step is done, or will be; False if ``undo.open`` has changed in between.

        Raises:
            UnsupportedError: no machine code for the tape can be made here; nothing is done.
        """
        ending = self._ending
        if not ending.recorded:
            self._assemble()
        if not self._series:
            return self._play_in_pieces(step, undo, token)
        if ending.calls:
            self._make(ending.ask)
        tail = None
        if not ending.exact:
            self.finish()
            tail = ending.tail() if ending.as_recorded else None
            if tail is None:
                return self._play_in_pieces(step, undo, token)
        self._step[0] = step
        room = self._series.write()
        # No call here, so that no signal's handler comes between: a handler finds either a step
        # that is not done, whose written numbers count for nothing, or a step that waits.
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
        """Do the work where Python takes part, or where the ending differs from the recording."""
        ending = self._ending
        head, after = self._piece("head"), self._piece("after")
        end = self._piece("end")
        once = hasattr(end, "waiting")
        self.finish()
        if not ending.late and self._series is None and ending.calls:
            self._make(ending.ask)
        # A late ending is known only when the rest is done; until then weights stay as they are.
        atomic = once and (ending.late or ending.exact)
        if undo is not None:
            undo.copy(weights=not atomic or not self._spares_weights)
            if undo.open is not token:
                return False
        self._step[0] = step
        for run in head:
            run()
        if ending.late:
            self._make(ending.ask)
        self.strays = 0 if ending.exact else self.strays + 1
        if atomic and ending.exact:
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
        """True if nothing changes weights before the ending."""
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
        """Make the functions that play the tape."""
        ending = self._ending
        if not ending.late:
            self._series = self._player.series(self.entries, [*self._numbers, *ending.numbers])
        if not self._series:
            for part in ("head", "end", "after"):
                self._piece(part)
        ending.recorded = True

    def _piece(self, part: str) -> Any:
        """Calls that run the "head", the "end" or the part "after"; made when first needed.

        The end is one command that is done or waits, where the player has such commands.
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

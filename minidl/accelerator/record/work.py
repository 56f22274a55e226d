"""The work of a training step, recorded: formulas, kernels, calls of foreign code.

Formulas (``@fused``) and kernels (``@kernel``) leave here their work and their arrays, and run as
usual. Commands of ``cpu``, or nodes of ``gpu``, are recorded for the same work; work without
commands stays a call of Python, in its place among the commands, as does foreign code.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.accelerator.record.called import Called
from minidl.accelerator.record.ending import Call, Ending
from minidl.accelerator.record.operands import UnsupportedError, has_operands, without_command
from minidl.backend.recorder import recorder, unrecorded

if TYPE_CHECKING:
    from minidl.backend.fused import Fused


class Work:
    """The work of a step, in order: commands, and calls of Python between commands.

    Args:
        step: the number of the step that is about to be recorded.
        player: makes and runs commands: the module ``cpu.player``, or ``gpu``'s Player.
        weights: arrays that only the ending should change.

    Attributes:
        called: foreign code that is called at each step.
        kept: calls of Python in the place of work that has no commands, each in words with the
            reason.
        obstacle: why no tape can stand for the step, in words; "" where a tape can.
        ends_in_python: True if foreign code ends the update, as a constraint on weights does.
    """

    def __init__(self, step: int, player: Any, weights: Sequence[Any] = ()) -> None:
        self._player = player
        self._weights = weights
        #: The number of the step that is recorded or played, in memory that commands can read.
        self._step = np.array([step], np.int64)
        self.called: list[Called] = []
        self.kept: list[str] = []
        self.obstacle = ""
        self.ends_in_python = False
        # The parts before the ending and after the ending.
        self._before: list[Any] = []
        self._after: list[Any] = []
        self._ending = Ending(player)
        self._at_end = False
        # Numbers that Python writes before a step, for commands to read.
        self._numbers = [self._step]

    @property
    def entries(self) -> list[Any]:
        """Commands, and functions of Python between commands, in order of execution."""
        return [*self._before, *self._ending.commands, *self._after]

    @property
    def kept_at_end(self) -> list[str]:
        """As ``kept``, of the ending."""
        return self._ending.kept

    @contextmanager
    def record(self) -> Iterator[None]:
        """Record the work of formulas and kernels within the block."""
        before = recorder.tape
        try:
            recorder.tape = self
            yield
        finally:
            recorder.tape = before

    def commands(self, commands: Sequence[Any], numbers: Sequence[np.ndarray] = ()) -> None:
        """Record commands that the caller runs now.

        Args:
            commands: compiled commands, or functions of Python.
            numbers: arrays that the caller writes before each step, and that the commands read.
        """
        (self._after if self._ending.calls else self._before).extend(commands)
        self._numbers += numbers

    def kernel(
        self, function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
    ) -> Any:
        """Run and record a kernel."""
        plain = function.__wrapped__  # type: ignore[attr-defined]
        if has_operands(arguments, named):
            return plain(*arguments, **named)
        if self._at_end:
            self._check_order()
            return self._ending.kernel(function, arguments, named)
        call = functools.partial(function, *arguments, **named)
        try:
            self.commands(self._player.record_kernel(plain, arguments, named))
        except UnsupportedError as error:
            self.kept.append(without_command(function.__name__, error))
            self.commands([call])
        return unrecorded(call)

    def formula(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        """Run and record a formula."""
        call = Call(formula, arguments, outs)
        if self._at_end:
            self._check_order()
            self._ending.formula(call)
            return
        try:
            program = formula.program(arguments, outs)
            self.commands(self._player.commands(program, arguments, outs))
        except UnsupportedError as error:
            self.kept.append(without_command(formula.formula.__name__, error))
            self.commands([call])
        unrecorded(call)

    def _check_order(self) -> None:
        """Note an obstacle: work of the ending would overtake an earlier foreign call."""
        if self._after and not self._ending.recorded:
            self.obstacle = "something foreign comes between two parts of the update"

    def expects(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> bool:
        """Take the numbers of a formula that the ending was recorded with; return True if so."""
        return self._at_end and self._ending.expects_formula(formula, arguments, outs)

    def draw(self, bits: Any, out: Any, step: int) -> None:
        """Fill ``out`` with the random bits of a step, and record the draw."""
        ahead = step - int(self._step[0])
        try:
            drawn = self._player.draw(bits.key, out, self._step, ahead)
            self._player.run([drawn])
        except UnsupportedError as error:
            self.kept.append(without_command("draw", error))

            def drawn() -> None:
                unrecorded(bits.fill, out, int(self._step[0]) + ahead)

            drawn()
        self.commands([drawn])

    def call(
        self,
        function: Callable[..., Any],
        arguments: Sequence[Any],
        named: dict[str, Any],
        method: str | None = None,
    ) -> Any:
        """Call a foreign function, which the step knows as ``method``, and record the call."""
        before = [array.copy() for array in self._weights]
        called = Called(function, arguments, named, self._step, method)
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
        self._check_order()
        call = functools.partial(function, *arguments, **named)
        ending = self._ending
        ending.calls.append(call)
        known, strange = len(ending.bound), len(self.called)
        self._make(call)
        if len(ending.bound) == known:  # it does nothing, as a proximal step of no penalty
            ending.calls.pop()
            self.ends_in_python = self.ends_in_python or len(self.called) > strange
            if any(called.takes_numbers for called in self.called[strange:]):
                self.obstacle = self.obstacle or "something foreign takes numbers of the update"
        else:
            ending.late = ending.late or late
            if len(self.called) > strange:  # it would be called once with the call, and once after
                self.obstacle = self.obstacle or "something foreign is part of the update"

    def _make(self, call: Callable[[], Any]) -> None:
        """Make a call, or several, of the ending."""
        before = recorder.tape
        try:
            recorder.tape, self._at_end = self, True
            call()
        finally:
            recorder.tape, self._at_end = before, False

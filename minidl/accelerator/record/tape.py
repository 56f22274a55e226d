"""A tape: what a training step did, to be done again without Python.

While a tape records, formulas (``@fused``) and kernels (``@kernel``) leave on it what they do to
which arrays, and run as they are. Where commands can do the same (``native``, and ``device`` on a
GPU), these are what is recorded; what they cannot do stays a call of Python, in its place among
them. Whoever plays
a tape vouches that the step would do the same to the same arrays.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from minidl.accelerator.record.calls import Between, Call, Last
from minidl.accelerator.record.operands import UnsupportedError, has_operands
from minidl.accelerator.record.repeating import repeats
from minidl.backend.recorder import aside, recorder
from minidl.backend.switch import Backend, executor_name
from minidl.backend.weak import weakly

if TYPE_CHECKING:
    from minidl.backend.fused import Fused

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Decorate a function of NumPy calls that write into given arrays: a tape can record it."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        tape = recorder.tape
        if tape is None:
            return function(*arguments, **named)
        return tape.kernel(function, arguments, named)

    call.repeats = True  # type: ignore[attr-defined]
    return cast(F, call)


def stepwise(function: Callable[..., None], *arguments: Any) -> None:
    """Call a function whose numbers change from step to step; a tape calls it again each time.

    What its formulas do to which arrays is recorded the first time, their numbers are not. A method
    of an object that :func:`repeats`, as do its arguments, is called before anything is played,
    and only then are its formulas run: it reads no array itself, and nothing that a kernel returns.
    An object that ``foresees`` nothing, as it asks others for its numbers, is called in its place.
    """
    if recorder.tape is None:
        function(*arguments)
    else:
        given = (getattr(function, "__self__", None), *arguments)
        things = [thing for thing in given if not _is_array(thing)]
        ahead = all(repeats(thing) and getattr(thing, "foresees", True) for thing in things)
        recorder.tape.stepwise(functools.partial(function, *arguments), ahead)


def player(backend: Backend) -> Any:
    """What makes commands of steps on arrays of a backend, and runs them; None where nothing does.

    That is ``native`` where Numba runs the formulas, and ``device.playing`` on a device.
    """
    if backend.name == "cupy":
        return importlib.import_module("minidl.accelerator.gpu.playing").Player(backend.tf32)
    return _native() if executor_name() == "numba" else None


def _native() -> Any:
    return importlib.import_module("minidl.accelerator.cpu.player")


def _is_array(thing: Any) -> bool:
    return isinstance(thing, np.ndarray) or hasattr(thing, "__cuda_array_interface__")


class Tape:
    """What a step did, in order: commands, and calls of Python between them.

    Args:
        step: the number of the step that is about to be recorded.
        player: what makes commands of the step and runs them, as :func:`player` says; for arrays
            of NumPy if left out.
    """

    def __init__(self, step: int, player: Any = None) -> None:
        self._player = player or _native()
        #: The number of the step that is recorded or played, where commands can read it.
        self._step = np.array([step], np.int64)
        self._entries: list[Any] = []
        # What Python writes before a step, for commands to read.
        self._numbers = [self._step]
        self._runs: dict[bool, Sequence[Callable[[], None]]] = {}
        self._series: Any = None
        # What follows the last step that waits, every so many steps.
        self._tail: Any = None
        # Functions that are called at each step: those between commands, those after all of them,
        # and of which sort the one is that is being called.
        self._between, self._last = Between(self._player), Last(self._player)
        self._inside: Between | Last | None = None

    @property
    def entries(self) -> list[Any]:
        """Commands, and functions of Python between them, in their order."""
        return [*self._entries, *self._last.commands]

    @contextmanager
    def record(self) -> Iterator[None]:
        """Record what formulas and kernels do within the block."""
        before = recorder.tape
        try:
            recorder.tape = self
            yield
        finally:
            recorder.tape = before

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
        last = self._last
        if not self._between.recorded:
            self._assemble()
        if last.calls:
            self._call(last.ask, last)
        tail = None
        if last.others and self._series and last.as_recorded:
            self.finish()
            tail = last.tail()
        self._step[0] = step
        if self._series and last.as_recorded and (tail or not last.others):
            room = self._series.write()
            # Nothing is called here, so that no signal's handler comes between: either it finds a
            # step that is not done, and what was written counts for nothing, or it finds one that
            # waits.
            if undo is not None:
                if undo.open is not token:
                    return False
                undo.open = None
            self._series.waiting[0] += 1
            if tail is not None:
                self._tail = tail
                tail.waiting[0] = 1
            if not may_wait or not room or tail is not None:
                self.finish()
            return True
        runs = () if self._series and last.as_recorded else self._lists(last.as_recorded)
        self.finish()
        if undo is not None:
            undo.copy()
            if undo.open is not token:
                return False
        if self._series and last.as_recorded:
            self._series.keep()
            self.finish()
        else:
            for run in runs:
                run()
        for call in last.others:
            call()
        if undo is not None:
            if undo.open is not token:
                return False
            undo.open = None
        return True

    def finish(self) -> None:
        """Do the steps that still wait."""
        if self._series:
            self._series.run()
        if self._tail is not None:
            self._tail.run()

    def _lists(self, all_of_it: bool) -> Sequence[Callable[[], None]]:
        """Calls that run all commands, or all but what ends the step; made when first needed."""
        if all_of_it not in self._runs:
            entries = self.entries if all_of_it else self._entries
            self._runs[all_of_it] = self._player.assemble(entries)
        return self._runs[all_of_it]

    def drop(self) -> None:
        """Forget the steps that still wait."""
        if self._series:
            self._series.waiting[0] = 0

    def _assemble(self) -> None:
        """Make what plays it."""
        last = self._last
        numbers = [*self._numbers, *(bound.numbers for bound in last.bound if bound)]
        self._series = self._player.series(self.entries, numbers)
        if not self._series:
            self._lists(True)
        self._between.recorded = last.recorded = True

    def commands(self, commands: Sequence[Any], numbers: Sequence[np.ndarray] = ()) -> None:
        """Record commands that somebody else runs now.

        Args:
            commands: compiled ones, or functions of Python.
            numbers: arrays that somebody writes before each step, and that they read.
        """
        # What was to end the step is followed by something.
        self._entries += [self._again(call) for call in self._last.calls]
        for bound in filter(None, self._last.bound):
            self._between.bound[bound.what.key] = bound
        self._last = Last(self._player)
        self._entries += commands
        self._numbers += numbers

    def kernel(
        self, function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
    ) -> Any:
        """Run a kernel and record it."""
        call = functools.partial(function, *arguments, **named)
        if self._inside is not None:
            return self._inside.kernel(call)
        if has_operands(arguments, named):
            return call()
        try:
            self.commands(self._player.record_kernel(function, arguments, named))
        except UnsupportedError:
            self.commands([call])
        return aside(call)

    def formula(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        """Run a formula and record it."""
        call = Call(formula, arguments, outs)
        if self._inside is not None:
            self._inside.formula(call)
            return
        try:
            program = formula.program(arguments, outs)
            self.commands(self._player.commands(program, arguments, outs))
        except UnsupportedError:
            self.commands([call])
        aside(call)

    def again(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> bool:
        """Run a formula of a call that is made at each step, if it is recorded; whether it is."""
        return self._inside is not None and self._inside.again(formula, arguments, outs)

    def draw(self, key: Any, out: np.ndarray, step: int, fill: Callable[[Any, int], None]) -> None:
        """Fill ``out`` with the 16-bit random numbers of a key and step, and record it.

        Args:
            key, out, step: as said.
            fill: does the same to ``out`` for a step, where no command does.
        """
        ahead = step - int(self._step[0])
        try:
            drawn = self._player.draw(key, out, self._step, ahead)
            self._player.run([drawn])
        except UnsupportedError:

            def drawn() -> None:
                aside(fill, out, int(self._step[0]) + ahead)

            drawn()
        self.commands([drawn])

    def stepwise(self, call: Callable[[], None], ahead: bool) -> None:
        """Run a call that is made again at each step, and record that.

        Args:
            call: takes and returns nothing.
            ahead: whether it may be called before the step and its formulas be run after it.
        """
        if ahead:
            self._last.calls.append(call)
            self._call(call, self._last)
        else:
            self.commands([self._again(call)])
            self._call(call, self._between)

    def _again(self, call: Callable[[], None]) -> Callable[[], None]:
        return functools.partial(weakly(self._call), call, self._between)

    def _call(self, call: Callable[[], None], inside: Between | Last) -> None:
        before = recorder.tape
        try:
            recorder.tape, self._inside = self, inside
            call()
        finally:
            recorder.tape, self._inside = before, None

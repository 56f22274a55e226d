"""A tape: what a training step did, to be done again without Python.

While a tape records, formulas (``@fused``) and kernels (``@kernel``) leave on it what they do to
which arrays, and run as they are. Where compiled commands can do the same (``native``), these are
what is recorded; what they cannot do stays a call of Python, in its place among them. Whoever plays
a tape vouches that the step would do the same to the same arrays.
"""

from __future__ import annotations

import functools
import inspect
import operator
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

if TYPE_CHECKING:
    from minidl.backend.fused import Fused

F = TypeVar("F", bound=Callable[..., Any])


class _Recording(threading.local):
    """What records in this thread."""

    tape: Tape | None = None


_recording = _Recording()


def current_tape() -> Tape | None:
    """The tape that records or plays now, in this thread; or None."""
    return _recording.tape


def kernel(function: F) -> F:
    """Decorate a function of NumPy calls that write into given arrays: a tape can record it."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        tape = _recording.tape
        if tape is None:
            return function(*arguments, **named)
        return tape.kernel(function, arguments, named)

    call.repeats = True  # type: ignore[attr-defined]
    return cast(F, call)


def aside(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns that does with arrays what it likes: no tape records it."""
    before, _recording.tape = _recording.tape, None
    try:
        return function(*arguments)
    finally:
        _recording.tape = before


def stepwise(function: Callable[..., None], *arguments: Any) -> None:
    """Call a function whose numbers change from step to step; a tape calls it again each time.

    What its formulas do to which arrays is recorded the first time, their numbers are not. A method
    of an object that :func:`repeats`, as do its arguments, is called before anything is played,
    and only then are its formulas run: it reads no array itself, and nothing that a kernel returns.
    """
    if _recording.tape is None:
        function(*arguments)
    else:
        things = [getattr(function, "__self__", None), *arguments]
        ahead = all(repeats(thing) for thing in things if not isinstance(thing, np.ndarray))
        _recording.tape.stepwise(functools.partial(function, *arguments), ahead)


class Tape:
    """What a step did, in order: compiled commands, and calls of Python between them.

    Args:
        step: the number of the step that is about to be recorded.
    """

    def __init__(self, step: int) -> None:
        from minidl.backend import native

        self._native = native
        #: The number of the step that is recorded or played, where commands can read it.
        self._step = np.array([step], np.int64)
        self._entries: list[Any] = []
        self._runs: Sequence[Callable[[], None]] | None = None
        # Functions that are called at each step: those between commands, those after all of them,
        # and of which sort the one is that is being called.
        self._between, self._last = _Between(), _Last()
        self._inside: _Between | _Last | None = None

    @property
    def entries(self) -> list[Any]:
        """Commands, and functions of Python between them, in their order."""
        return [*self._entries, *self._last.commands]

    @contextmanager
    def record(self) -> Iterator[None]:
        """Record what formulas and kernels do within the block."""
        before, _recording.tape = _recording.tape, self
        try:
            yield
        finally:
            _recording.tape = before

    def play(self, step: int) -> None:
        """Do it again, as the step of this number."""
        last = self._last
        if self._runs is None:
            self._between.recorded = last.recorded = True
            self._head = self._native.assemble(self._entries)
            self._runs = self._head
            if last.calls:
                self._runs = self._native.assemble([*self._entries, *last.commands])
        last.forget()
        for call in last.calls:
            self._call(call, last)
        self._step[0] = step
        for run in self._runs if last.as_recorded else self._head:
            run()
        for call in last.others:
            call()

    def commands(self, commands: Sequence[Any]) -> None:
        """Record commands that somebody else runs now."""
        # What was to end the step is followed by something.
        self._entries += [self._again(call) for call in self._last.calls]
        for bound in filter(None, self._last.bound):
            self._between.bound[_key(*bound.what)] = bound
        self._last = _Last()
        self._entries += commands

    def kernel(
        self, function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
    ) -> Any:
        """Run a kernel and record it."""
        call = functools.partial(function, *arguments, **named)
        if self._inside is not None:
            return self._inside.kernel(call)
        if self._native.has_operands(arguments, named):
            return call()
        try:
            self.commands(self._native.record_kernel(function, arguments, named))
        except self._native.UnsupportedError:
            self.commands([call])
        return aside(call)

    def formula(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        """Run a formula and record it."""
        call = functools.partial(formula, *arguments, out=tuple(outs))
        if self._inside is not None:
            self._inside.formula(formula, arguments, outs, call)
            return
        try:
            program = formula.program(arguments, outs)
            self.commands(self._native.commands(program, arguments, outs))
        except self._native.UnsupportedError:
            self.commands([call])
        aside(call)

    def again(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> bool:
        """Run a formula of a call that is made at each step, if it is recorded; whether it is."""
        return self._inside is not None and self._inside.again(formula, arguments, outs)

    def draw(self, key: Any, out: np.ndarray, step: int) -> None:
        """Fill ``out`` with the 16-bit random numbers of a key and step, and record it."""
        drawn = self._native.draw(key, out, self._step, step - int(self._step[0]))
        self.commands([drawn])
        self._native.run([drawn])

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
        return functools.partial(self._call, call, self._between)

    def _call(self, call: Callable[[], None], inside: _Between | _Last) -> None:
        before, _recording.tape, self._inside = _recording.tape, self, inside
        try:
            call()
        finally:
            _recording.tape, self._inside = before, None


class _Between:
    """Formulas of functions that are called at each step, between the commands.

    Attributes:
        recorded: whether no more of them are bound to their arrays.
        bound: those that are.
    """

    def __init__(self) -> None:
        self.recorded = False
        self.bound: dict[Any, Any] = {}

    def again(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> bool:
        """Run a formula that is bound; whether it is."""
        bound = self.bound.get(_key(formula, arguments, outs))
        if bound is not None:
            bound.take(arguments)
            bound()
        return bound is not None

    def formula(
        self,
        formula: Fused,
        arguments: Sequence[Any],
        outs: Sequence[Any],
        call: Callable[[], Any],
    ) -> None:
        """Run another formula."""
        # Arrays that are made anew at each step: no command would be used twice.
        bound = None if self.recorded else _bound(formula, arguments, outs)
        if bound is not None:
            self.bound[_key(formula, arguments, outs)] = bound
        aside(bound or call)

    def kernel(self, call: Callable[[], Any]) -> Any:
        """Run a kernel."""
        return aside(call)


class _Last:
    """Functions that are called before a step is played, and their formulas, which end it.

    Attributes:
        calls: the functions.
        commands: of the formulas, in their order.
        recorded: whether all have been called once.
        bound: what these are bound to, in their order; None where it is no loop or a kernel.
        as_recorded: whether they have asked for these formulas, since the last ``forget``.
        others: what they have asked for after these, or in place of them.
    """

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self.commands: list[Any] = []
        self.recorded = False
        self.bound: list[Any] = []
        self.forget()

    def forget(self) -> None:
        """Nothing is asked for yet."""
        self._asked: list[Any] = []
        self._same = 0  # so many of them were asked for when this was recorded

    @property
    def as_recorded(self) -> bool:
        """Whether the calls have asked for the same as when they were recorded."""
        return self._same == len(self.bound)

    @property
    def others(self) -> list[Any]:
        """What they have asked for after it, or all of it where it is not the same."""
        return self._asked[self._same :] if self.as_recorded else self._asked

    def again(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> bool:
        """Ask for a formula, if it is the one that comes now; whether it is."""
        k = len(self._asked)
        bound = self.bound[k] if self.recorded and k < len(self.bound) else None
        if bound is None or not _same(bound.what, (formula, arguments, outs)):
            return False
        bound.take(arguments)
        self._same += self._same == k
        self._asked.append(bound)
        return True

    def formula(
        self,
        formula: Fused,
        arguments: Sequence[Any],
        outs: Sequence[Any],
        call: Callable[[], Any],
    ) -> None:
        """Ask for another formula; run it, while this is recorded."""
        if self.recorded:
            self._asked.append(call)
            return
        bound = _bound(formula, arguments, outs)
        self.bound.append(bound)
        self.commands += bound.commands if bound else []
        aside(bound or call)

    def kernel(self, call: Callable[[], Any]) -> Any:
        """Ask for a kernel; run it, while this is recorded."""
        if self.recorded:
            self._asked.append(call)
            return None
        self.bound.append(None)
        return aside(call)


def _bound(formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> Any:
    """A formula bound to its arrays, or None where it is no single loop."""
    from minidl.backend import native

    try:
        bound = native.Bound(formula.program(arguments, outs), arguments, outs)
    except native.UnsupportedError:
        return None
    bound.what = formula, arguments, outs
    return bound


def _key(formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> tuple[int, ...]:
    places = (0 if isinstance(a, float | int) else id(a) for a in arguments)
    return (id(formula), *map(id, outs), *places)


def _same(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    """Whether two formulas are called on the same arrays, with any numbers."""
    return (
        a[0] is b[0]
        and len(a[1]) == len(b[1])
        and all(map(operator.is_, a[2], b[2]))
        and all(map(_alike, a[1], b[1]))
    )


def _alike(a: Any, b: Any) -> bool:
    return a is b or (isinstance(a, float | int) and isinstance(b, float | int))


def repeats(thing: Any) -> bool:
    """Whether a tape may stand for an object: its methods do the same at each step.

    A class says so with ``repeats = True``: when called again with the same arrays, its methods do
    the same with formulas and kernels to the same arrays, and change nothing else that anybody
    looks at. It does not speak for what a subclass adds, nor for methods that others have put on
    the object or the class.
    """
    kind = type(thing)
    if any(inspect.isroutine(getattr(kind, name, None)) for name in getattr(thing, "__dict__", ())):
        return False
    for known in kind.__mro__:
        methods = {name: m for name, m in vars(known).items() if inspect.isfunction(m)}
        if any(m.__qualname__ != f"{known.__qualname__}.{name}" for name, m in methods.items()):
            return False
        if "repeats" in vars(known):
            return bool(thing.repeats)
        own = {name for name, value in vars(known).items() if callable(value) or _computes(value)}
        if own - {"__init__", "get_config"}:
            return False
    return False


def _computes(value: Any) -> bool:
    """Whether an attribute of a class is a property or the like, but for those of every class."""
    return hasattr(value, "__get__") and not inspect.isgetsetdescriptor(value)

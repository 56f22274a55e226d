"""A tape: what a training step did, to be done again without Python.

While a tape records, formulas (``@fused``) and kernels (``@kernel``) leave on it what they do to
which arrays, and run as they are. Where compiled commands can do the same (``native``), these are
what is recorded; what they cannot do stays a call of Python, in its place among them. Whoever plays
a tape vouches that the step would do the same to the same arrays.
"""

from __future__ import annotations

import functools
import inspect
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


def stepwise(function: Callable[..., None], *arguments: Any) -> None:
    """Call a function whose numbers change from step to step; a tape calls it again each time.

    What its formulas do to which arrays is recorded the first time, their numbers are not.
    """
    if _recording.tape is None:
        function(*arguments)
    else:
        _recording.tape.stepwise(functools.partial(function, *arguments))


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
        self._inside = False  # a function that is called at each step
        self._bound: dict[tuple[int, ...], Any] = {}

    @property
    def entries(self) -> list[Any]:
        """Commands, and functions of Python, in their order."""
        return list(self._entries)

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
        if self._runs is None:
            self._runs = self._native.assemble(self._entries)
        self._step[0] = step
        for run in self._runs:
            run()

    def kernel(
        self, function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
    ) -> Any:
        """Run a kernel and record it."""
        call = functools.partial(function, *arguments, **named)
        if self._inside or self._native.has_operands(arguments, named):
            return call()
        try:
            commands = self._native.record_kernel(function, arguments, named)
        except self._native.UnsupportedError:
            return self._python(call)
        self._entries += commands
        return self._outside(call)

    def formula(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> None:
        """Run a formula and record it."""
        program = formula.program(arguments, outs)
        call = functools.partial(formula, *arguments, out=tuple(outs))
        try:
            if not self._inside:
                self._entries += self._native.commands(program, arguments, outs)
                self._outside(call)
            elif self._runs is None:
                bound = self._native.Bound(program, arguments, outs)
                self._bound[_key(formula, arguments, outs)] = bound
                bound.run(arguments)
            else:
                # Arrays that are made anew at each step: no command would be used twice.
                self._outside(call)
        except self._native.UnsupportedError:
            self._outside(call) if self._inside else self._python(call)

    def again(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> bool:
        """Run a formula of a call that is made at each step, if it is recorded; whether it is."""
        if not self._inside:
            return False
        bound = self._bound.get(_key(formula, arguments, outs))
        if bound is not None:
            bound.run(arguments)
        return bound is not None

    def draw(self, key: Any, out: np.ndarray, step: int) -> None:
        """Fill ``out`` with the 16-bit random numbers of a key and step, and record it."""
        drawn = self._native.draw(key, out, self._step, step - int(self._step[0]))
        self._entries.append(drawn)
        self._native.run([drawn])

    def stepwise(self, call: Callable[[], None]) -> None:
        """Run a call that is made again at each step, and record that."""

        def again() -> None:
            with self.record():
                self._inside = True
                try:
                    call()
                finally:
                    self._inside = False

        self._entries.append(again)
        again()

    def _python(self, call: Callable[[], Any]) -> Any:
        self._entries.append(call)
        return self._outside(call)

    def _outside(self, call: Callable[[], Any]) -> Any:
        before, _recording.tape = _recording.tape, None
        try:
            return call()
        finally:
            _recording.tape = before


def _key(formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> tuple[int, ...]:
    places = (0 if isinstance(a, float | int) else id(a) for a in arguments)
    return (id(formula), *map(id, outs), *places)


def repeats(thing: Any) -> bool:
    """Whether a tape may stand for an object: its methods do the same at each step.

    A class says so with ``repeats = True``: when called again with the same arrays, its methods do
    the same with formulas and kernels to the same arrays, and change nothing else that anybody
    looks at. It does not speak for what a subclass adds, nor for methods that others have put on
    the object or the class.
    """
    kind = type(thing)
    if any(inspect.isroutine(getattr(kind, name, None)) for name in vars(thing)):
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

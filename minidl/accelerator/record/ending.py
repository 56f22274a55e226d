"""The end of a recorded step: the optimizer's update, whose numbers differ from step to step."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.accelerator.record.operands import UnsupportedError, without_command
from minidl.backend.addresses import location
from minidl.backend.recorder import unrecorded

if TYPE_CHECKING:
    from minidl.backend.fused import Fused

_NUMBERS = (float, int)


def _key(formula: Any, arguments: Sequence[Any], outs: Sequence[Any]) -> tuple[Any, ...]:
    """A key, equal for formulas on the same arrays, with any numbers; while the arrays exist."""
    places = [0 if isinstance(a, _NUMBERS) else id(a) for a in arguments]
    return (id(formula), *map(id, outs), *places)


def _where(values: Sequence[Any]) -> tuple[Any, ...]:
    """Places of arrays in memory, equal for other views of the same elements; 0 for numbers."""
    return tuple(
        0
        if isinstance(value, _NUMBERS)
        else location(value)
        if isinstance(value, np.ndarray)
        else id(value)
        for value in values
    )


@dataclass(slots=True, eq=False)
class Call:
    """A formula with arguments, arrays and numbers."""

    formula: Fused
    arguments: Sequence[Any]
    outs: Sequence[Any]

    def __call__(self) -> Any:
        return self.formula(*self.arguments, out=tuple(self.outs))

    @property
    def key(self) -> tuple[Any, ...]:
        """A key, equal for calls on the same arrays, with any numbers; while the arrays exist."""
        return _key(self.formula, self.arguments, self.outs)

    def bound(self, player: Any) -> Any:
        """The call bound to its arrays.

        Raises:
            UnsupportedError: the formula is no single loop.
        """
        program = self.formula.program(self.arguments, self.outs)
        bound = player.Bound(program, self.arguments, self.outs)
        bound.what, bound.key = self, self.key
        bound.where = id(self.formula), _where((*self.outs, *self.arguments))
        return bound


class BoundKernel:
    """A kernel on arrays and numbers that stay the same, as commands.

    Attributes:
        commands: the kernel as commands.
        key: equal for calls on the same arrays with the same numbers.
        where: the same for other views of the same elements.
    """

    numbers = None

    def __init__(
        self, key: Any, where: Any, commands: Sequence[Any], call: Callable[[], Any]
    ) -> None:
        self.key, self.where = key, where
        self.commands, self._call = list(commands), call

    def __call__(self) -> None:
        """Call the kernel."""
        self._call()

    def take(self, arguments: Sequence[Any]) -> None:
        """Do nothing: the numbers are part of the key."""


class Ending:
    """The last part of a step: calls whose formulas get other numbers at each step.

    The calls are made at each step, and give the numbers; the formulas are commands, which run
    together, as one command. A call reads no array itself, unless ``late``.

    Args:
        player: of the tape.

    Attributes:
        calls: of the recorded step, in their order.
        late: True if the calls wait for all commands before the end, as a call may read arrays.
        commands: of the formulas, in their order.
        recorded: whether all calls have been made once.
        bound: the formulas bound to arrays; None for an ending without commands.
        kept: formulas and kernels without commands, as of
            :attr:`~minidl.accelerator.record.work.Work.kept`.
        as_recorded: whether the calls asked for ``bound`` when :meth:`ask` ran last.
        extra: the formulas asked for after the recorded formulas, or in their place.
    """

    def __init__(self, player: Any) -> None:
        self._player = player
        self.calls: list[Callable[[], None]] = []
        self.late = False
        self.commands: list[Any] = []
        self.recorded = False
        self.bound: list[Any] = []
        self.kept: list[str] = []
        self.as_recorded = True
        self.extra: list[Any] = []
        self._tails: dict[Any, Any] = {}
        self._asked: list[Any] = []
        self._same = 0

    @property
    def numbers(self) -> list[Any]:
        """Arrays of the numbers that the calls give."""
        return [each.numbers for each in self.bound if each and each.numbers is not None]

    @property
    def exact(self) -> bool:
        """True if the calls asked for the recorded formulas, and for nothing else."""
        return self.as_recorded and not self.extra

    def ask(self) -> None:
        """Make the calls; :attr:`as_recorded` and :attr:`extra` tell the formulas asked for."""
        self._asked = []
        self._same = 0  # so many of them were asked for when this was recorded
        for call in self.calls:
            call()
        self.as_recorded = self._same == len(self.bound)
        self.extra = self._asked[self._same :] if self.as_recorded else self._asked

    def expects(self, key: Any, where: Callable[[], Any], arguments: Sequence[Any]) -> bool:
        """Take the numbers of a formula or kernel if recorded at this place; return True if so."""
        k = len(self._asked)
        bound = self.bound[k] if self.recorded and k < len(self.bound) else None
        # Views that are made anew at each step are other arrays in the same places.
        if bound is None or (bound.key != key and bound.where != where()):
            return False
        bound.take(arguments)
        self._same += 1
        self._asked.append(bound)
        return True

    def expects_formula(
        self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]
    ) -> bool:
        """Do the work of :meth:`expects` for a formula."""
        return self.expects(
            _key(formula, arguments, outs),
            lambda: (id(formula), _where((*outs, *arguments))),
            arguments,
        )

    def formula(self, call: Call) -> None:
        """Note a formula that was not expected; run the formula, while the ending is recorded."""
        if self.recorded:
            self._asked.append(call)
            return
        try:
            bound = call.bound(self._player)
            self.commands += bound.commands
        except UnsupportedError as error:
            bound = None
            self.kept.append(without_command(call.formula.formula.__name__, error))
        self.bound.append(bound)
        unrecorded(call)

    def kernel(
        self, function: Callable[..., Any], arguments: Sequence[Any], named: dict[str, Any]
    ) -> Any:
        """Note a kernel; run the kernel, while the ending is recorded."""
        call = functools.partial(function, *arguments, **named)
        values = (*arguments, *named.values())
        key = (id(function), *(v if isinstance(v, _NUMBERS) else id(v) for v in values))

        def where() -> Any:
            return key[0], tuple(v if isinstance(v, _NUMBERS) else _where([v]) for v in values)

        if self.recorded:
            if not self.expects(key, where, ()):
                self._asked.append(call)
            return None
        try:
            plain = function.__wrapped__  # type: ignore[attr-defined]
            made = self._player.record_kernel(plain, arguments, named)
            self.bound.append(BoundKernel(key, where(), made, call))
            self.commands += made
        except UnsupportedError as error:
            self.bound.append(None)
            self.kept.append(without_command(plain.__name__, error))
        return unrecorded(call)

    def tail(self) -> Any:
        """A runner of :attr:`extra` as one command that is done or waits; None without a runner."""
        once = getattr(self._player, "Once", None)
        if once is None or not all(isinstance(call, Call) for call in self.extra):
            return None
        key = tuple(call.key for call in self.extra)
        if key not in self._tails:
            try:
                bound = [call.bound(self._player) for call in self.extra]
                commands = [made for each in bound for made in each.commands]
                self._tails[key] = bound, once(commands)
            except UnsupportedError:
                self._tails[key] = [], None
        bound, made = self._tails[key]
        if made is not None:
            for each, call in zip(bound, self.extra, strict=True):
                each.take(call.arguments)
        return made

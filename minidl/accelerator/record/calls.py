"""Functions that are called at each step, whose formulas have other numbers each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from minidl.accelerator.record.operands import UnsupportedError
from minidl.backend.recorder import aside

if TYPE_CHECKING:
    from minidl.backend.fused import Fused

_NUMBERS = (float, int)


@dataclass(slots=True, eq=False)
class Call:
    """A formula and what it is called on, arrays and numbers."""

    formula: Fused
    arguments: Sequence[Any]
    outs: Sequence[Any]

    def __call__(self) -> Any:
        return self.formula(*self.arguments, out=tuple(self.outs))

    @property
    def key(self) -> tuple[int, ...]:
        """Equal for calls on the same arrays, with any numbers; while these exist."""
        return _key(self.formula, self.arguments, self.outs)

    def bound(self, player: Any) -> Any:
        """Bound to its arrays, or None where it is no single loop."""
        program = self.formula.program(self.arguments, self.outs)
        try:
            bound = player.Bound(program, self.arguments, self.outs)
        except UnsupportedError:
            return None
        bound.what, bound.key = self, self.key
        return bound


def _key(formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> tuple[int, ...]:
    """Equal for calls on the same arrays, with any numbers; while these exist."""
    places = [0 if isinstance(a, _NUMBERS) else id(a) for a in arguments]
    return (id(formula), *map(id, outs), *places)


class Between:
    """Formulas of functions that are called at each step, between the commands.

    Args:
        player: of the tape.

    Attributes:
        recorded: whether no more of them are bound to their arrays.
        bound: those that are.
    """

    def __init__(self, player: Any) -> None:
        self._player = player
        self.recorded = False
        self.bound: dict[Any, Any] = {}

    def again(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> bool:
        """Run a formula that is bound; whether it is."""
        bound = self.bound.get(_key(formula, arguments, outs))
        if bound is not None:
            bound.take(arguments)
            bound()
        return bound is not None

    def formula(self, call: Call) -> None:
        """Run another formula."""
        # Arrays that are made anew at each step: no command would be used twice.
        bound = None if self.recorded else call.bound(self._player)
        if bound is not None:
            self.bound[call.key] = bound
        aside(bound or call)

    def kernel(self, call: Callable[[], Any]) -> Any:
        """Run a kernel."""
        return aside(call)


class Last:
    """Functions that are called before a step is played, and their formulas, which end it.

    Args:
        player: of the tape.

    Attributes:
        calls: the functions.
        commands: of the formulas, in their order.
        recorded: whether all have been called once.
        bound: what these are bound to, in their order; None where it is no loop or a kernel.
        as_recorded: whether they asked for these formulas, when :meth:`ask` called them last.
        others: what they asked for after these, or in place of them.
    """

    def __init__(self, player: Any) -> None:
        self._player = player
        self.calls: list[Callable[[], None]] = []
        self.commands: list[Any] = []
        self.recorded = False
        self.bound: list[Any] = []
        self.as_recorded = True
        self.others: list[Any] = []
        self._tails: dict[Any, Any] = {}
        self.forget()

    def forget(self) -> None:
        """Nothing is asked for yet."""
        self._asked: list[Any] = []
        self._same = 0  # so many of them were asked for when this was recorded

    def ask(self) -> None:
        """Call the functions; :attr:`as_recorded` and :attr:`others` say what they ask for."""
        self.forget()
        for call in self.calls:
            call()
        self.as_recorded = self._same == len(self.bound)
        self.others = self._asked[self._same :] if self.as_recorded else self._asked

    def tail(self) -> Any:
        """What runs :attr:`others` as one thing that is done or waits; None where nothing does."""
        once = getattr(self._player, "Once", None)
        if once is None or not all(isinstance(call, Call) for call in self.others):
            return None
        key = tuple(call.key for call in self.others)
        if key not in self._tails:
            bound = [call.bound(self._player) for call in self.others]
            commands = [made for each in bound if each for made in each.commands]
            self._tails[key] = bound, once(commands) if all(bound) else None
        bound, made = self._tails[key]
        if made is not None:
            for each, call in zip(bound, self.others, strict=True):
                each.take(call.arguments)
        return made

    def again(self, formula: Fused, arguments: Sequence[Any], outs: Sequence[Any]) -> bool:
        """Ask for a formula, if it is the one that comes now; whether it is."""
        k = len(self._asked)
        bound = self.bound[k] if self.recorded and k < len(self.bound) else None
        if bound is None or bound.key != _key(formula, arguments, outs):
            return False
        bound.take(arguments)
        self._same += 1
        self._asked.append(bound)
        return True

    def formula(self, call: Call) -> None:
        """Ask for another formula; run it, while this is recorded."""
        if self.recorded:
            self._asked.append(call)
            return
        bound = call.bound(self._player)
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

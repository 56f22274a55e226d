"""Steps beside the tape's: an epoch's last batch, of fewer rows."""

from __future__ import annotations

from typing import Any

from minidl.accelerator.record.seen import Seen
from minidl.accelerator.record.tape import Tape


class LastBatch:
    """Steps on other arrays than most steps, with a tape of their own.

    Such a step begins with the attributes that the other steps leave, and leaves different
    attributes: layers show its rows. Where the step is played, :meth:`show` and :meth:`hide`
    exchange both.

    Args:
        arrays: of the steps.
        since: number of the step after the first such step.

    Attributes:
        calls: the number of steps that were called.
        tape: the recorded tape, or None.
    """

    def __init__(self, arrays: tuple[Any, ...] = (), since: int = 0) -> None:
        self.arrays, self.since, self.calls = arrays, since, 0
        self.tape: Tape | None = None
        # (dictionary of an object, name, array) where such a step leaves another array.
        self._left: list[tuple[dict[str, Any], str, Any]] = []
        self._hidden: list[Any] | None = None

    def keep(self, tape: Tape, seen: Seen) -> None:
        """Keep the tape of the step that was just called, and the look before the step."""
        self.tape, self._left = tape, seen.other_arrays()

    def show(self) -> None:
        """Give the attributes the arrays that such a step leaves."""
        self._hidden = [space[name] for space, name, _ in self._left]
        for space, name, array in self._left:
            space[name] = array

    def hide(self) -> None:
        """Take :meth:`show` back, except for attributes changed since."""
        if self._hidden is None:
            return
        for (space, name, array), before in zip(self._left, self._hidden, strict=True):
            if space.get(name) is array:
                space[name] = before
        self._hidden = None

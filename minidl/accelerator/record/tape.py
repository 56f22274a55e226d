"""A tape: the recorded work of a training step, done again without Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl.accelerator.record.work import Work


class Tape(Work):
    """The work of a step, recorded once and then played.

    Args:
        step, player, weights: as of :class:`~minidl.accelerator.record.work.Work`.

    Attributes:
        strays: steps in a row that ended otherwise than the recorded step.
    """

    def __init__(self, step: int, player: Any, weights: Sequence[Any] = ()) -> None:
        super().__init__(step, player, weights)
        self.strays = 0
        # Players of the tape: the whole as a series; or pieces, made at the first need.
        self._series: Any = None
        self._pieces: dict[str, Any] = {}
        #: True if the step is done as soon as the update is: at once.
        self._atomic = False
        #: True if the commands beside the update are played together with the update.
        self._around = False
        #: True if nothing changes weights before the ending.
        self._spares_weights = True
        # The parts that are done with the last step that waits.
        self._update: Any = None
        self._tail: Any = None

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
            self.finish(written=True)
        return True

    def as_function(self) -> Callable[[], None] | None:
        """A function that does the work again at once, for work that no number of a step enters.

        None where Python takes part.
        """
        if self._ending.calls or self.called or self.kept:
            return None
        calls = self._player.assemble(self.entries)
        return calls[0] if len(calls) == 1 else None

    def _play_in_pieces(self, step: int, undo: Any, token: object) -> bool:
        """Do the work where Python takes part, or where the ending differs from the recording.

        The ending is asked after the foreign code before it, which may change the optimizer.
        """
        ending, atomic = self._ending, self._atomic
        self.finish()
        names = ("start", "update", "rest") if self._around else ("before", "end", "after")
        before, end, after = map(self._piece, names)
        if undo is not None:
            # Until the ending is known weights stay as they are.
            undo.copy(weights=not (atomic and self._spares_weights))
            if undo.open is not token:
                return False
        self._step[0] = step
        for run in before:
            run()
        if self._series is None and ending.calls:
            self._make(ending.ask)
        tail = ending.tail() if ending.as_recorded and not ending.exact else None
        if atomic and (ending.exact or tail is not None):
            self.strays = 0
            self._update, self._tail = end, tail
            # As above: nothing is called between.
            if undo is not None:
                if undo.open is not token:
                    return False
                undo.open = None
            end.waiting[0] = 1
            if tail is not None:
                tail.waiting[0] = 1
            self.finish()
            for run in after:
                run()
            return True
        self.strays = 0 if ending.exact else self.strays + 1
        return self._end_call_by_call(undo, token)

    def _end_call_by_call(self, undo: Any, token: object) -> bool:
        """Do the rest of a step that cannot end at once."""
        ending = self._ending
        if undo is not None and self._atomic:
            undo.copy_weights()
            if undo.open is not token:
                return False
        if self._around:
            for run in self._piece("between"):
                run()
        if ending.as_recorded:
            end = self._piece("end")
            for run in [end.now] if self._ends_at_once else end:
                run()
        for call in ending.extra:
            call()
        for run in self._piece("after"):
            run()
        if undo is not None:
            if undo.open is not token:
                return False
            undo.open = None
        return True

    @property
    def _ends_at_once(self) -> bool:
        """True if the player has commands that are done or wait, and the end has commands."""
        once = getattr(self._player, "Once", None)
        return once is not None and bool(self._ending.commands)

    def finish(self, written: bool = False) -> None:
        """Do the steps that still wait.

        Args:
            written: True if the numbers of the last such step were just written.
        """
        if self._series:
            self._series.run(written)
        for part in (self._update, self._tail):
            if part is not None:
                part.run()

    def drop(self) -> None:
        """Forget the steps that still wait."""
        if self._series:
            self._series.waiting[0] = 0

    def _assemble(self) -> None:
        """Make the functions that play the tape."""
        ending = self._ending
        if not ending.late:
            self._series = self._player.series(self.entries, [*self._numbers, *ending.numbers])
        self._spares_weights = all(called.spares_weights for called in self.called)
        self._atomic = self._ends_at_once and not self.ends_in_python
        self._around = not self._series and self._atomic and not ending.late
        ending.recorded = True

    def _piece(self, name: str) -> Any:
        """Calls that run a part of the tape, made when first needed.

        The parts are "before", "end" and "after"; or "start", "update" and "rest". The update has
        the end, and the commands beside the end up to the nearest function; "between" has those of
        them that come before the end. End and update are one command that is done or waits, where
        the player has such commands.
        """
        if name not in self._pieces:
            before, end, after = self._before, self._ending.commands, self._after
            calls = [k for k, each in enumerate(before) if callable(each)]
            first = calls[-1] + 1 if calls else 0
            last = next((k for k, each in enumerate(after) if callable(each)), len(after))
            entries: list[Any] = {
                "before": before, "end": end, "after": after, "start": before[:first],
                "between": before[first:],
                "update": [*before[first:], *end, *after[:last]], "rest": after[last:],
            }[name]  # fmt: skip
            if self._ends_at_once and name in ("end", "update"):
                self._pieces[name] = self._player.Once(self._player.complete(entries), True)
            else:
                self._pieces[name] = self._player.assemble(entries)
        return self._pieces[name]

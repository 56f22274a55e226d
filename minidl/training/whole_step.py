"""A training step that is done as a whole, or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from minidl.backend.recorder import recorder
from minidl.backend.switch import executor
from minidl.metrics import Metric
from minidl.network import Network
from minidl.network.concurrency import ATTEMPTS, in_vain
from minidl.training.undo import Undo

if TYPE_CHECKING:
    from minidl.training.objective import Objective


def parts_of(objective: Objective) -> list[object]:
    """All objects that decide on a step towards an objective, except the network and its layers."""
    penalties = objective.network.penalties
    asked = [entry.specification for entry in objective.network.parameters]
    constraints = [constraint for _, constraint in penalties.projections.present]
    terms = *penalties.regularizers, *constraints, *penalties.activities
    return [objective.loss, *objective.measures, penalties, *asked, *terms]


class WholeStep:
    """Calls a step, or has the step played where the executor records steps.

    A step is done or not done, even if another call comes between the calls inside a step: see
    :mod:`minidl.training.undo`. If a signal handler trains the same network, or makes another
    call that cannot go on beside the step, the step is made again from the beginning.

    Args:
        step: called with the arrays of a batch, (x, y, weight) for example.
        network: the network of the step.
        parts: all objects with methods that the step calls, except layers and ``movers``.
        movers: (object, name of a method) for the end of the step: an optimizer's update.
        aim: called before each attempt, to name the rows of the step.

    Attributes:
        thread: number of the thread that makes the steps.
        may_wait: whether steps may be done several at a time, until :meth:`settle` is called;
            False at first.
        undo: puts a half-done step back.
        recording: the executor's recording of the steps; None where each step is called.
    """

    def __init__(
        self,
        step: Callable[..., None],
        network: Network,
        parts: Iterable[object] = (),
        movers: Iterable[tuple[object, str]] = (),
        aim: Callable[[], None] = lambda: None,
    ) -> None:
        self._step, self._network, self._aim = step, network, aim
        self.recording = executor(network.backend).recording(network)
        self.undo = Undo(network)
        self._active = False
        self.thread = threading.get_ident()
        self.may_wait = False
        self.look(parts, movers)

    @property
    def tape(self) -> Any:
        """The recorded tape, or None."""
        return None if self.recording is None else self.recording.tape

    @property
    def strange(self) -> bool:
        """True if the step calls foreign code, or may do so, which may change anything."""
        return self.recording is None or self.recording.strange

    @property
    def looked_just_now(self) -> bool:
        """True if the last look still holds, unless foreign code has run since."""
        return self.recording is not None and self.recording.looked_just_now

    def __str__(self) -> str:
        if self.recording is None:
            name = executor(self._network.backend).name
            return f"each step is called in Python: the executor {name!r} records none"
        return str(self.recording)

    @property
    def under_way(self) -> bool:
        """True if a step is under way that has called the code running now, and that will go on."""
        return self._active and self.undo.open is not None

    @property
    def is_called(self) -> bool:
        """True if Python makes the step under way call by call."""
        return self.under_way and self.undo.copied

    @property
    def goes_on(self) -> bool:
        """True if a step is done that still reads what its pass has left: its metrics, say."""
        return self._active and self.undo.open is None

    def expect(self, steps: int) -> None:
        """Say how many steps are going to be made, at most: a few are not worth a recording."""
        if self.recording is not None:
            self.recording.coming = steps

    def look(
        self,
        parts: Iterable[object],
        movers: Iterable[tuple[object, str]] = (),
        within: bool = False,
    ) -> None:
        """Find the present parts of the step; called after any possible change.

        Args:
            parts, movers: as for the constructor, as of now.
            within: True for a step called again and again within an epoch.
        """
        parts = tuple(parts)
        self.undo.measures = [part for part in parts if isinstance(part, Metric)]
        if self.recording is not None:
            self.recording.look(parts, movers, within)

    @property
    def unchanged(self) -> bool:
        """True if the parts of the last look are surely in the same state."""
        return self.recording is not None and self.recording.unchanged()

    def settle(self) -> None:
        """Undo the step that is under way, if any, and do the steps that wait."""
        recording = self.recording
        with self._network.traffic.lock:
            if self.undo.open is not None and self.undo.copied and recording is not None:
                recording.drop()
            self.undo.roll_back()
            if recording is not None:
                recording.finish()

    def leave(self) -> None:
        """Let go of the network, which no longer needs this object."""
        if self._network.traffic.pending is self:
            self._network.traffic.pending = None

    def __call__(self, *arrays: Any) -> bool:
        """Do the step. Return True if the step was played, False if Python made it.

        Raises:
            RuntimeError: another call undoes each attempt.
        """
        network = self._network
        with network.traffic.lock:
            before = recorder.tape
            try:
                self._active = True
                recorder.tape = None  # of another network's step, which this one came between
                for _ in range(ATTEMPTS):
                    if network.traffic.pending is not self or self.undo.open is not None:
                        network.settle()
                        network.traffic.pending = self
                    self._aim()
                    tape = None if self.recording is None else self.recording.to_play(arrays)
                    played = self._call(arrays) if tape is None else self._play(tape, arrays)
                    if played is not None:
                        return played
                self.settle()
                raise in_vain(f"step {network.step} of {network.name}")
            finally:
                self._active = False
                recorder.tape = before

    def _play(self, tape: Any, arrays: tuple[Any, ...]) -> bool | None:
        """Play a step: True; or, if the tape cannot be played, call the step: False.

        None for a step that is undone, because another call has come in between.
        """
        network, undo = self._network, self.undo
        token = undo.begin()
        step = network._step
        network._step = step + 1
        try:
            if not tape.play(step, self.may_wait, undo, token):
                return None
        except Exception as error:
            undone = undo.open is not None and undo.open is not token
            self.settle()
            if undone:  # the step worked on changed values
                return None
            if not isinstance(error, self.recording.CannotPlay):
                raise
            self.recording.give_up(error)
            return self._call(arrays)
        except BaseException:
            self.settle()
            raise
        self._count_rows(arrays[0].shape[0])
        return True

    def _count_rows(self, rows: int) -> None:
        """Count the rows of a played step: the tape fills the sums of measures, not the counts."""
        called = self.recording.called
        for measure in self.undo.measures:
            if measure not in called:
                measure.rows += rows

    def _call(self, arrays: tuple[Any, ...]) -> bool | None:
        """Let Python make a step, and return False; None for a step that is undone."""
        network, undo, recording = self._network, self.undo, self.recording
        token = undo.begin()
        undo.copy()
        if undo.open is not token:
            return None
        try:
            network.traffic.expected = True
            if recording is None:
                self._step(*arrays)
            else:
                recording.call(self._step, arrays)
        except BaseException as error:
            if undo.open is not token and isinstance(error, Exception):
                return None  # the step was undone, and worked on changed values
            self.settle()
            if recording is not None and isinstance(error, recording.CannotPlay):
                return None  # the step cannot be recorded: the next attempt only calls it
            raise
        if undo.open is not token:
            return None
        undo.open = None
        if recording is not None:
            recording.keep(arrays)
        return False

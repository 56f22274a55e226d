"""Training that stops at the first NaN or infinity: at most 32 steps later, and then goes back.

A NaN goes everywhere: through every product and activation to the loss, and through the gradients
to the weights, which stay NaN. So steps run as ever, in rows, and every 32 steps the loss's sum,
the weights, the optimizer's vectors and the statistics are checked, and copied if all
finite. Infinities can be lost on the way: sigmoid(inf) is 1. Inputs of activations, the
network's predictions, and gradients clipped to a value, are added up within the step.

If one of these numbers is not finite, the steps since the last copy are done again, one by one:
batches, masks and learning rates are addressed by the step, so that each does the same again. The
first with a number that is not finite is done once more, in Python, and each tensor checked.

A foreign callback may change anything between two batches. Beside such a callback the
loss's sum and the sum within the step are read after each step, so that the callback sees no batch
after a bad one. Each step is noted (:mod:`minidl.finite.trail`), and repeated with the learning
rate that the callback gave. Where a callback has rewritten weights or statistics, the steps before
are looked at, and a new copy is made. Another change, such as one of the optimizer's vectors, leads
repeated steps to other weights; the error says so.

Where the learning rate is a user's function, the state is copied before each step. Parts of the
step that do not promise to do the same again are called in Python anyway; then each tensor is
looked at in each step, and no step is done twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from minidl.backend.own import are_own, has_foreign, is_own
from minidl.callbacks import Callback, TerminateOnNaN
from minidl.data.batches import Batches
from minidl.finite.errors import Finding, NonFiniteError
from minidl.finite.files import write
from minidl.finite.naming import Observer
from minidl.finite.probe import Probe
from minidl.finite.trail import Trail
from minidl.training.objective import Objective
from minidl.training.snapshots import Snapshot, vectors
from minidl.training.whole_step import WholeStep, parts_of

#: Steps between two looks: as many as are run in a row, and a part of the optimizer's FLUSH_EVERY.
EVERY = 32

_OTHERWISE = (
    "done again, the steps since step {} came to other bits: a callback has changed something else "
    "than weights and the optimizer's numbers, or the device rounds otherwise; "
)
_AS_AGAIN = "the model is as the steps before came out again"
_AS_LEFT = "so this is what the step left, and the model is as it was before step {}"


class Watch:
    """Does the steps of a training and looks for NaN and infinity.

    Args:
        model: under training.
        train: the batches.
        step: does a step.
        called: the same step, as a function.
        look: has ``step`` see which objects the step now calls.
        stoppers: are told of a finding, unless ``raises``; the model is then as after the step.
        raises: True to raise a finding; the model is then as before the step.
    """

    def __init__(
        self,
        model: Any,
        train: Batches,
        step: WholeStep,
        called: Any,
        look: Callable[[], None],
        stoppers: Sequence[TerminateOnNaN],
        raises: bool,
    ) -> None:
        self._model, self._train, self._step, self._called = model, train, step, called
        self._look = look
        self._stoppers, self._raises = stoppers, raises
        self._probe = Probe(model)
        self._failed = False
        self._objective: Any = None
        self._calling: Any = None

    def begin(
        self, objective: Objective, told: Iterable[Callback], epoch: int, order: np.ndarray
    ) -> None:
        """Begin an epoch.

        Args:
            objective: of the model.
            told: callbacks that are told of batches.
            epoch: the epoch's number.
            order: in which the rows come.
        """
        self._objective, self._told = objective, tuple(told)
        objective.probe = self._probe.add_up
        self._calling = WholeStep(
            self._called, self._model, objective.measures, aim=self._train.aim
        )
        self._calling.recording = None  # each of its steps is called
        model, optimizer = self._model, self._model.optimizer
        self._epoch, self._order = epoch, order
        strange = not (is_own(model) and is_own(optimizer))
        strange = strange or not self._train.repeatable
        self._observes = strange or has_foreign((*model.leaves, *parts_of(objective)))
        alone = self._observes or has_foreign([optimizer])
        self._every = 1 if alone else EVERY
        self._trail = None if alone or self._failed or are_own(self._told) else Trail(model)
        self._observer = Observer(objective)
        self._kept = Snapshot(model)
        self._since, self._due = 0, True

    def go_on(self, objective: Objective) -> None:
        """Go on within the epoch, with another objective of the same values.

        Raises:
            NonFiniteError: a step until here came to NaN or infinity.
        """
        self.look()
        self.begin(objective, self._told, self._epoch, self._order)

    def step(self, number: int, batch: Sequence[Any]) -> None:
        """Do the step on a batch.

        Raises:
            NonFiniteError: this step, or a step before, came to NaN or infinity.
        """
        trail = self._trail
        if trail is not None and not self._due and not trail.holds():
            self.look()
            if self._failed:
                return
            # Steps that were done again have aimed at other rows.
            batch = next(self._train.shuffled(self._order, number))
        if self._due:
            self._keep(number)
        self._since += 1
        self._number = number
        # NumPy would warn of the very numbers that the watch looks for.
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            if self._observes:
                self._observe(batch)
            elif trail is None:
                self._step(*batch)
            else:
                trail.before()
                self._step(*batch)
                trail.after()
        # Rows of steps end there anyway, where small numbers are flushed.
        whole = self._model.optimizer.batches % self._every == 0
        if whole or (trail is not None and not self._sums_are_finite()):
            self.look()

    def look(self) -> None:
        """Look at the steps since the last look.

        Raises:
            NonFiniteError: a step came to NaN or infinity.
        """
        if self._failed or not self._since:
            return
        self._step.settle()
        if self._observes:
            if self._observer.found is not None:
                self._fail(self._observer.found, self._kept, self._now())
        elif self._is_bad():
            with np.errstate(all="ignore"):
                self._search()
        self._since, self._due = 0, True

    def leave(self) -> None:
        """End: neither the model nor the objective needs the watch any longer."""
        if self._objective is not None:
            self._objective.probe = None
        if self._calling is not None:
            self._calling.leave()

    def _observe(self, batch: Sequence[Any]) -> None:
        """Do the step, which is called, and look at each tensor."""
        self._observer.clear()
        try:
            with self._observer.watching():
                self._calling(*batch)
        except Exception:
            # A foreign part may refuse to go on with the bad numbers.
            if self._observer.found is None:
                raise
            self.look()
            raise

    def _keep(self, number: int) -> None:
        self._model._built_optimizer()
        self._kept.keep(number, self._objective.measures)
        self._probe.clear()
        self._due = False
        if self._trail is not None:
            self._trail.begin()

    def _now(self) -> Snapshot:
        """A copy of the present state."""
        state = Snapshot(self._model)
        state.keep(self._number + 1, self._objective.measures)
        return state

    def _is_bad(self) -> bool:
        """Look at all: something is not finite, or a sum of finite numbers has overflowed."""
        xp, model = self._model.backend.xp, self._model
        with np.errstate(all="ignore"):
            return not (
                self._sums_are_finite()
                and all(bool(xp.isfinite(v).all()) for v in vectors(model, model.optimizer))
            )

    def _sums_are_finite(self) -> bool:
        mean = self._objective.mean
        return self._probe.is_finite() and (not mean.rows or math.isfinite(mean.result()))

    def _search(self) -> None:
        """Do the steps since the last copy again, and name the first bad tensor."""
        now, last, first, trail = self._now(), self._number, self._kept.batch, self._trail
        before, same = Snapshot(self._model), True
        self._kept.restore()
        for number, batch in enumerate(self._train.shuffled(self._order, first), first):
            if trail is not None:
                trail.give_numbers(number - first)
            self._number = number
            before.keep(number, self._objective.measures)
            self._probe.clear()
            self._look()
            self._step(*batch)
            self._step.settle()
            same = same and (trail is None or trail.agrees(number - first))
            if self._is_bad():
                if not same and number < last:
                    break
                after = self._now()
                before.restore()
                found = self._name(batch) or self._as_played(after)
                if found is not None:
                    note = "" if same else _OTHERWISE.format(self._kept.step) + _AS_AGAIN
                    self._fail(found, before, after if same else now, note)
                    return
            if number == last:
                break
        now.restore()
        found = None if same else self._left()
        if found is not None:
            self._kept.restore()
            note = (_OTHERWISE + _AS_LEFT).format(self._kept.step, self._kept.step)
            self._tell(NonFiniteError(found, self._epoch, last, now.step - 1, note=note), now)

    def _name(self, batch: Sequence[Any]) -> Finding | None:
        """The first tensor that is not finite, when Python calls the step."""
        self._observer.clear()
        with self._observer.watching():
            self._calling(*batch)
        return self._observer.found

    def _as_played(self, after: Snapshot) -> Finding | None:
        """The bad tensor of the recorded step, where the called step, rounded otherwise, is finite.

        None for a finite recorded step; the state is then the state after that step.
        """
        after.restore()
        return self._left()

    def _left(self) -> Finding | None:
        """Look at the state, and at the loss, as left by steps."""
        observer, objective = self._observer, self._objective
        observer.clear()
        observer.look_at_state("update")
        observer.look("forward", type(objective.loss).__name__, "value", objective.mean._sum)
        return observer.found

    def _fail(self, found: Finding, before: Snapshot, after: Snapshot, note: str = "") -> None:
        before.restore()
        rows = self._train.numbers(self._order, before.batch)
        where = {"epoch": self._epoch, "batch": before.batch, "step": before.step}
        data_rows = rows[found.rows].tolist() if found.rows else []
        batch = self._train.rows_of(rows)
        path, hint = write(self._model, batch, found, {**where, "data_rows": data_rows})
        notes = "\n".join(filter(None, (note, hint)))
        place = self._epoch, before.batch, before.step
        self._tell(NonFiniteError(found, *place, data_rows, path, notes), after)

    def _tell(self, error: NonFiniteError, after: Snapshot) -> None:
        self._failed, self._trail = True, None
        if self._raises:
            raise error
        after.restore()
        for stopper in self._stoppers:
            stopper.stop(error)

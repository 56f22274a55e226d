"""Training that stops at the first NaN or infinity: at most 32 steps later, and then goes back.

A NaN goes everywhere: through every product and activation to the loss, and through the gradients
to the weights, which stay NaN. So steps run as ever, in rows, and every 32 steps the loss's sum,
the weights, the optimizer's vectors and the statistics are looked at, and copied if they are
finite. Infinities can be lost on the way: sigmoid(inf) is 1. What enters an activation, what the
network predicts, and gradients that are clipped to a value, are added up within the step.

If one of these numbers is not finite, the steps since the last copy are done again, one by one:
batches, masks and learning rates are addressed by the step, so that each does the same again. The
first after which something is not finite is done once more, in Python, and each tensor looked at.

Where a part of the step, or a callback that is told of batches, does not promise to do the same
again, the state is copied before each step. Parts that do not promise it are called in Python
anyway; then each tensor is looked at in each step, and no step is done twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from minidl.accelerator.record.recording import RecordedStep
from minidl.accelerator.record.repeating import repeats
from minidl.batches import Batches
from minidl.callbacks import Callback, TerminateOnNaN
from minidl.finite.errors import Finding, NonFiniteError
from minidl.finite.files import write
from minidl.finite.naming import Observer
from minidl.finite.state import State, vectors
from minidl.kernels import measures
from minidl.layers import Activation, Dense
from minidl.objective import Objective

#: Steps between two looks: as many as are run in a row, and a part of the optimizer's FLUSH_EVERY.
EVERY = 32


class Watch:
    """Does the steps of a training and looks for NaN and infinity.

    Args:
        model: that is trained.
        train: the batches.
        step: does a step.
        called: the same step, as a function.
        stoppers: are told of a finding, unless ``raises``; the model is then as the step left it.
        raises: whether a finding is raised; the model is then as it was before the step.
    """

    def __init__(
        self,
        model: Any,
        train: Batches,
        step: RecordedStep,
        called: Any,
        stoppers: Sequence[TerminateOnNaN],
        raises: bool,
    ) -> None:
        self._model, self._train, self._step, self._called = model, train, step, called
        self._stoppers, self._raises = stoppers, raises
        xp, dtype = model.backend.xp, model.dtype
        self._sum, self._term = xp.zeros((), dtype=dtype), xp.zeros((), dtype=dtype)
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
            epoch: its number.
            order: in which the rows come.
        """
        self._objective, self._told = objective, list(told)
        objective.probe = self._add_up
        # An object that does not promise to do the same again: of this one each step is called.
        self._calling = RecordedStep(
            self._called, self._model, (object(), *objective.measures), aim=self._train.aim
        )
        model, optimizer = self._model, self._model.optimizer
        self._epoch, self._order = epoch, order
        parts = (model, *model.layers, *objective.parts, model.penalties, optimizer)
        self._observes = not all(map(repeats, parts))
        single = not (optimizer.foresees and all(map(repeats, self._told)))
        self._every = 1 if self._observes or single else EVERY
        self._observer = Observer(objective, optimizer)
        self._kept = State(objective, optimizer)
        self._since, self._begun = 0, False

    def step(self, number: int, batch: Sequence[Any]) -> None:
        """Do the step on a batch.

        Raises:
            NonFiniteError: it, or one of those before it, came to NaN or infinity.
        """
        if self._every == 1 or not self._begun:
            self._begun = True
            self._keep(number)
        self._since += 1
        self._number = number
        # What NumPy would warn of is what is looked for.
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            if self._observes:
                self._observe(batch)
            else:
                self._do(batch)
        # Rows of steps end there anyway, where small numbers are flushed.
        if self._model.optimizer.iterations % self._every == 0:
            self.look()

    def look(self) -> None:
        """Look at the steps since the last look.

        Raises:
            NonFiniteError: one of them came to NaN or infinity.
        """
        if self._failed or not self._since:
            return
        self._settle()
        if self._observes:
            if self._observer.found is not None:
                self._fail(self._observer.found, self._kept, self._after())
        elif self._is_bad():
            with np.errstate(all="ignore"):
                self._search()
        if self._every > 1 and not self._failed:
            self._keep(self._number + 1)
        self._since = 0

    def leave(self) -> None:
        """End: neither the model nor the objective needs the watch any longer."""
        if self._objective is not None:
            self._objective.probe = None
        if self._model.traffic.pending is self._calling:
            self._model.traffic.pending = None

    def _settle(self) -> None:
        with self._model.traffic.lock:
            self._step.settle()

    def _observe(self, batch: Sequence[Any]) -> None:
        """Do the step, which is called, and look at each tensor."""
        self._observer.clear()
        try:
            with self._observer.watching():
                self._calling(*batch)
        except Exception:
            # Somebody's own part may refuse to go on with what has been found.
            if self._observer.found is None:
                raise
            self.look()
            raise

    def _do(self, batch: Sequence[Any]) -> None:
        if self._step(*batch):
            self._objective.count(batch[0].shape[0])

    def _keep(self, number: int) -> None:
        self._kept.keep(number)
        self._sum[...] = 0

    def _after(self) -> State:
        """A copy of what is now."""
        state = State(self._objective, self._model.optimizer)
        state.keep(self._number + 1)
        return state

    def _is_bad(self) -> bool:
        """Whether something is not finite, or a sum of finite numbers has overflowed."""
        xp = self._model.backend.xp
        with np.errstate(all="ignore"):
            return not (
                self._loss_is_finite()
                and math.isfinite(float(self._sum))
                and all(bool(xp.isfinite(v).all()) for v in self._vectors())
            )

    def _vectors(self) -> list[Any]:
        return vectors(self._objective, self._model.optimizer)

    def _loss_is_finite(self) -> bool:
        mean = self._objective.mean
        return not mean.rows or math.isfinite(mean.result())

    def _search(self) -> None:
        """Do the steps since the last copy again, and name what the first bad one came to."""
        last, first = self._number, self._kept.batch
        before = State(self._objective, self._model.optimizer)
        self._kept.restore()
        for number, batch in enumerate(self._train.shuffled(self._order)):
            if number < first:
                continue
            if number > last:
                break
            self._number = number
            before.keep(number)
            self._sum[...] = 0
            self._do(batch)
            self._settle()
            if not self._is_bad():
                continue
            after = self._after()
            before.restore()
            found = self._name(batch) or self._as_played(after)
            if found is not None:
                self._fail(found, before, after)
                return
        self._number = last

    def _name(self, batch: Sequence[Any]) -> Finding | None:
        """What the step comes to that is not finite, when it is called in Python."""
        self._observer.clear()
        with self._observer.watching():
            self._calling(*batch)
        return self._observer.found

    def _as_played(self, after: State) -> Finding | None:
        """What the recorded step left, where the called one, rounded otherwise, is finite.

        None where it is finite as well; the state is then what it left.
        """
        after.restore()
        self._observer.clear()
        self._observer.look_at_state("update")
        return self._observer.found

    def _fail(self, found: Finding, before: State, after: State) -> None:
        self._failed = True
        before.restore()
        start = before.batch * self._train.size
        rows = self._order[start : start + self._train.size]
        where = {"epoch": self._epoch, "batch": before.batch, "step": before.step}
        data_rows = rows[found.rows].tolist() if found.rows else []
        batch = self._train.rows_of(rows)
        path, note = write(self._model, batch, found, {**where, "data_rows": data_rows})
        error = NonFiniteError(found, self._epoch, before.batch, before.step, data_rows, path, note)
        if self._raises:
            raise error
        after.restore()
        for stopper in self._stoppers:
            stopper.stop(error)

    def _add_up(self, predictions: Any) -> None:
        """Add up, before a step's update, what may be infinite and come to nothing."""
        tensors = [*_swallowed(self._model.layers), predictions]
        if self._model.optimizer.clipvalue is not None:
            tensors.append(self._model.grad)
        for tensor in tensors:
            measures.add_sum(self._sum, tensor, self._term)


def _swallowed(layers: Sequence[Any]) -> list[Any]:
    """What enters activations."""
    found, y = [], None
    for layer in layers:
        if isinstance(layer, Dense) and layer.activation is not None:
            found.append(layer.z)
        elif isinstance(layer, Activation) and y is not None:
            found.append(y)
        y = getattr(layer, "y", None)
    return found

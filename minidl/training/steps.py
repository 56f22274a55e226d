"""Steps of a training: the present parts of a step, the callbacks, and steps that wait."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np

from minidl.backend.own import are_own
from minidl.backend.weak import weakly
from minidl.callbacks import Callback, TerminateOnNaN
from minidl.callbacks.base import overriding
from minidl.finite.watch import Watch
from minidl.training.changed_objective import widened
from minidl.training.state import TrainingState
from minidl.training.whole_step import WholeStep, parts_of


class Steps:
    """The steps of a training, which callbacks and schedules may change at any time.

    Args:
        make: a function of (x, y, weight) that makes a step.
        state: of the training.
        train: batches to train on.
        evaluated: other batches that the training goes through.
        check_finite: True to raise at a step that comes to NaN or infinity.

    Attributes:
        step: does a step on (x, y, weight), called or played.
        watch: does the steps if finite numbers are checked, else None.
        starting, ending: callbacks that are told when a batch begins and ends.
    """

    def __init__(
        self,
        make: Callable[..., None],
        state: TrainingState,
        train: Any,
        evaluated: Iterable[Any],
        check_finite: bool,
    ) -> None:
        self._state, self._model, self._train = state, state.model, train
        self._sources = train, *evaluated
        self.step = WholeStep(make, state.model, aim=train.aim)
        if state.model.run_eagerly:
            self.step.recording = None
        self.starting: list[Callback] = []
        self.ending: list[Callback] = []
        # A callback that is told of batches and is not minidl's may change anything, and so may
        # a generator of batches.
        self._told_strangers = self._own = False
        self._seen: Any = None  # the objective of the last look, and the optimizer
        self._optimizer: Any = None
        self.watch: Watch | None = None
        stoppers = [each for each in state.listeners if isinstance(each, TerminateOnNaN)]
        if check_finite or stoppers:
            look = partial(weakly(self.look), True)
            self.watch = Watch(state.model, train, self.step, make, look, stoppers, check_finite)

    def begin(self, epochs: int) -> None:
        """Begin a training of so many epochs."""
        repeatable = all(each.repeatable for each in self._sources)
        self._own = repeatable and are_own(self._state.listeners)
        self.step.expect(epochs * len(self._train) or sys.maxsize)

    def begin_epoch(self, epoch: int, order: np.ndarray) -> None:
        """Begin an epoch with rows in the given order."""
        state, objective = self._state, self._state.objective
        alone = self._own and self.watch is None and objective is self._seen
        if not (alone and self.step.looked_just_now):
            self.starting = overriding(state.listeners, "on_train_batch_begin")
            self.ending = overriding(state.listeners, "on_train_batch_end")
            self.look()
        told = *self.starting, *self.ending
        # If no callback looks between steps.
        self.step.may_wait = self._train.may_wait and not told
        self._told_strangers = not (self._train.repeatable and are_own(told))
        if self.watch is not None:
            self.watch.begin(objective, told, epoch, order)

    def look(self, within: bool = False) -> None:
        """Find the present parts of the step: callbacks and schedules may have changed anything.

        Args:
            within: True between two steps of an epoch.
        """
        model, self._seen = self._model, self._state.objective
        self._optimizer = optimizer = model._built_optimizer()
        self._seen.split_loss()
        movers = [(optimizer, "update"), (model.penalties, "proximal_step")]
        self.step.look(parts_of(self._seen), movers, within)

    def prepare(self, rows: int) -> None:
        """Allocate buffers for a batch of so many rows, and note the changes by callbacks."""
        if not self._train.repeatable:
            self._widen(rows)
        if (self._told_strangers or self.step.strange) and not self._has_same_parts():
            self.look(within=True)

    def _has_same_parts(self) -> bool:
        """True if a look would surely find what the last look found."""
        model = self._model
        # A layer's own code may choose the penalty on the layer's outputs.
        chosen = model._optimizer is not self._optimizer or len(model.penalties.activities)
        return not chosen and self.step.unchanged

    def _widen(self, rows: int) -> None:
        wider = widened(self._state.objective, rows)
        if wider is self._state.objective:
            return
        self.step.settle()
        self._state.objective = wider
        self.look()
        if self.watch is not None:
            self.watch.go_on(wider)

    def finish(self) -> None:
        """Replace the weights by the optimizer's average of the weights, if there is one."""
        with self._model.traffic.lock:
            self.step.settle()
            self._model._built_optimizer().finish(self._model.theta)

    def leave(self) -> None:
        """Do the waiting steps, and let go of the model, which no longer needs this object."""
        self.step.settle()
        self.step.leave()
        if self.watch is not None:
            self.watch.leave()
        self._model.recording = str(self.step)
        self._model.show_outputs()

"""The loop over epochs and batches, and the callbacks that listen."""

from __future__ import annotations

import sys
import warnings
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.backend.own import are_own
from minidl.backend.random import SHUFFLE, generator
from minidl.backend.sparse import outside
from minidl.backend.weak import weakly
from minidl.batch_logs import tell
from minidl.callbacks import Callback, TerminateOnNaN
from minidl.callbacks.base import overriding
from minidl.finite.watch import Watch
from minidl.objective import Objective
from minidl.optimizers import Optimizer
from minidl.renewing import renewed, widened
from minidl.step import train_step
from minidl.training_state import TrainingState
from minidl.whole_step import WholeStep

if TYPE_CHECKING:
    from minidl.training import Sequential


class Loop:
    """Training of a compiled model, epoch after epoch.

    Args:
        model: compiled and built; ``stop_training`` of the model ends the loop after a batch.
        objective: of the model.
        listeners: callbacks, in the order of the calls.
        train: batches to train on, of :class:`minidl.batches.Batches` or
            :class:`minidl.streams.Stream`.
        held_out: batches to validate on after epochs, under the names "val_…"; or None.
        again: batches to train on, evaluated after each epoch under the names "train_…",
            layers behaving as in inference; or None.
        shuffle: whether rows come in a new order each epoch.
        epochs: the number of the last epoch.
        state: of the training; the loop notes there the epoch and the batch.
        check_finite: True to raise at a step that comes to NaN or infinity.
        validates: called with an epoch's number; True if the epoch ends with a validation.
        called: True to have Python call each step.
    """

    def __init__(
        self,
        model: Sequential,
        objective: Objective,
        listeners: Sequence[Callback],
        train: Any,
        held_out: Any,
        again: Any,
        shuffle: bool,
        epochs: int,
        state: TrainingState,
        check_finite: bool = False,
        validates: Callable[[int], bool] = lambda epoch: True,
        called: bool = False,
    ) -> None:
        self.model = model
        self.state = state
        self.objective = objective
        self.listeners = listeners
        self.train = train
        evaluated = {"val_": held_out, "train_": again}
        self.evaluated = {prefix: b for prefix, b in evaluated.items() if b is not None}
        self.shuffle, self._validates = shuffle, validates
        self._starting: list[Callback] = []
        self._ending: list[Callback] = []
        self._own = False
        here = weakref.ref(self)  # what the loop holds does not hold the loop

        def train_on(x: Any, y: Any, weight: Any) -> None:
            loop = here()
            assert loop is not None
            loop._train(x, y, weight)

        self._step = WholeStep(train_on, model, aim=train.aim)
        if called:
            self._step.recording = None
        self._watch: Watch | None = None
        stoppers = [each for each in listeners if isinstance(each, TerminateOnNaN)]
        if check_finite or stoppers:
            self._watch = Watch(
                model,
                train,
                self._step,
                train_on,
                partial(weakly(self._look), True),
                stoppers,
                check_finite,
            )
        prefixes = ["", *self.evaluated]
        names = [prefix + name for prefix in prefixes for name in objective.names]
        for listener in listeners:
            listener.set_params({"epochs": epochs, "steps": len(train) or None, "metrics": names})
        for listener in listeners:
            listener.set_model(model)

    def run(self, epochs: range) -> None:
        """Train for the given epochs."""
        logs: dict[str, float] = {}
        told: list[Callback] = []
        sources = self.train, *self.evaluated.values()
        self._own = are_own(self.listeners) and all(each.repeatable for each in sources)
        self._step.expect(len(epochs) * len(self.train) or sys.maxsize)
        try:
            for listener in self.listeners:
                told.append(listener)
                listener.on_train_begin({})
            for epoch in self.state.begin(epochs):
                if not self.train.more():
                    warnings.warn(
                        f"the data ran out: training ends before epoch {epoch + 1}, because the "
                        "generator gives no more batches",
                        stacklevel=outside(),
                    )
                    break
                # One dictionary for all: a callback may add values for later callbacks.
                found = self._epoch(epoch)
                for listener in self.listeners:
                    listener.on_epoch_end(epoch, found)
                logs.clear()
                logs.update(found)
                self.state.end_epoch()
                if self.model.stop_training:
                    break
            self._finish()
        finally:
            try:
                self._leave()
            finally:
                _end(told, logs)

    def _finish(self) -> None:
        """Have the optimizer's average of the weights take their place, if there is one."""
        with self.model.traffic.lock:
            self._step.settle()
            self._optimizer.finish(self.model.theta)

    def _leave(self) -> None:
        """Do the waiting steps, for the last time: the model no longer needs this loop."""
        self._settle()
        if self.model.traffic.pending is self._step:
            self.model.traffic.pending = None
        if self._watch is not None:
            self._watch.leave()
        self.model.recording = str(self._step)
        self.model.show_outputs()

    def _settle(self) -> None:
        """Do the waiting steps."""
        with self.model.traffic.lock:
            self._step.settle()

    def _train(self, x: Any, y: Any, weight: Any) -> None:
        """Gather the batch, and make a step on the batch."""
        self.train.fill()
        objective = self.objective
        optimizer = objective.mover(self._optimizer)
        results = train_step(self.model, objective.loss, optimizer, x, y, weight)
        objective.observe(*results, y, weight)

    @property
    def _optimizer(self) -> Optimizer:
        """The model's present optimizer, with the optimizer's state."""
        model = self.model
        assert model.optimizer is not None
        model.optimizer.build(model.theta, model.parameters)
        return model.optimizer

    def _look(self, within: bool = False) -> None:
        """See the present parts of the step: callbacks and schedules may have changed anything."""
        optimizer, penalties = self._optimizer, self.model.penalties
        self.objective.penalize()
        movers = [(optimizer, "update"), (penalties, "proximal_step")]
        self._step.look(self.objective.parts, movers, within)

    def _epoch(self, epoch: int) -> dict[str, float]:
        model, train, state = self.model, self.train, self.state
        for listener in self.listeners:
            listener.on_epoch_begin(epoch, {})
        before = self.objective
        self.objective = objective = renewed(before, model._loss, model._metrics)
        objective.reset()
        state.objective = objective
        state.begin_epoch(epoch)
        alone = self._own and self._watch is None and objective is before
        if not (alone and self._step.looked_just_now):
            self._starting = overriding(self.listeners, "on_train_batch_begin")
            self._ending = overriding(self.listeners, "on_train_batch_end")
            self._look()
        # If no callback looks between steps.
        self._step.may_wait = train.may_wait and not (self._starting or self._ending)
        told_strangers = not are_own((*self._starting, *self._ending))
        order, watch = self._order(), self._watch
        told = *self._starting, *self._ending
        if watch is not None:
            watch.begin(objective, told, epoch, order)
        done, every = state.batch, state.every
        try:
            for number, (x, y, weight) in enumerate(train.shuffled(order, done), done):
                for listener in self._starting:
                    listener.on_train_batch_begin(number, {})
                if not train.repeatable and self._widen(x.shape[0]):
                    objective = self.objective
                    if watch is not None:
                        watch.look()
                        watch.begin(objective, told, epoch, order)
                if told_strangers or self._step.strange:
                    self._look(within=True)
                if watch is not None:
                    watch.step(number, (x, y, weight))
                elif self._step(x, y, weight):
                    objective.count(x.shape[0], self._step.called)
                if self._ending:
                    calls = (partial(each.on_train_batch_end, number) for each in self._ending)
                    tell(objective.measures, calls)
                state.batch = number + 1
                if self._ending and state.has_waiting:
                    self._settle()
                    state.act()
                if model.stop_training or state.leaving:
                    break
                if every and model.step % every == 0:
                    self._settle()
                    state.save()
            if watch is not None:
                watch.look()
        finally:
            self._settle()
        train.check()
        if state.leaving and not model.stop_training:
            state.leave()
        return objective.results() | self._evaluate(epoch)

    def _order(self) -> np.ndarray:
        """Numbers of rows, in the order of the epoch."""
        items, state = self.train.items, self.state
        if not (self.shuffle and items):
            return np.arange(items)
        # Addressed by the step, so that a resumed run shuffles as the whole one would.
        return generator(self.model.seed, SHUFFLE, 0, state.first_step).permutation(items)

    def _evaluate(self, epoch: int) -> dict[str, float]:
        """Results on the batches that are evaluated after this epoch."""
        logs: dict[str, float] = {}
        for prefix, others in self.evaluated.items():
            validates = prefix == "val_"
            if validates and not self._validates(epoch):
                continue
            found = self.objective.evaluate(others, self.listeners if validates else ())
            logs |= {prefix + k: v for k, v in found.items()}
        return logs

    def _widen(self, rows: int) -> bool:
        """Have buffers for a batch of so many rows; True if they are new."""
        wider = widened(self.objective, rows)
        if wider is self.objective:
            return False
        self._settle()
        self.objective = self.state.objective = wider
        self._look()
        return True


def _end(told: list[Callback], logs: dict[str, float]) -> None:
    """Tell the end, after any outcome, to each listener that was told of the beginning."""
    if told:
        try:
            told.pop().on_train_end(logs)
        finally:
            _end(told, logs)

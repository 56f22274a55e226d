"""The loop over epochs and batches, and the callbacks that listen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from minidl.backend.random import Orders
from minidl.callbacks.base import Callback, introduce
from minidl.step import train_step
from minidl.training.batch_logs import tell
from minidl.training.plausibility import note_of_loss
from minidl.training.state import TrainingState
from minidl.training.steps import Steps


def train_on(state: TrainingState, train: Any, x: Any, y: Any, weight: Any) -> None:
    """Gather the rows of a batch into x, y and weight, make a step, and add up the results."""
    train.fill()
    model, objective = state.model, state.objective
    optimizer = objective.with_probe(model._built_optimizer())
    results = train_step(model, objective.loss, optimizer, x, y, weight)
    objective.observe(*results, y, weight)


class Loop:
    """Training of a compiled model, epoch after epoch.

    Args:
        state: of the training: model, objective and callbacks. The loop notes there the epoch and
            the batch; ``stop_training`` of the model ends the loop after a batch.
        train: batches to train on, of :class:`minidl.data.batches.Batches` or
            :class:`minidl.data.source_batches.SourceBatches`.
        evaluated: batches that are evaluated after an epoch, by the beginning of the values' names:
            "val_" or "train_".
        epochs: numbers of the epochs to train.
        shuffle: whether rows come in a new order each epoch.
        validates: called with an epoch's number; True if the epoch ends with a validation.
        check_finite: True to raise at a step that comes to NaN or infinity.
    """

    def __init__(
        self,
        state: TrainingState,
        train: Any,
        evaluated: Mapping[str, Any],
        epochs: range,
        shuffle: bool,
        validates: Callable[[int], bool],
        check_finite: bool = False,
    ) -> None:
        self.state, self.model, self.listeners = state, state.model, state.listeners
        self.train, self.evaluated, self.epochs = train, evaluated, epochs
        self.shuffle, self._validates = shuffle, validates
        self._orders = Orders(state.model.seed)
        # No method: an object that the loop holds must not hold the loop.
        make = partial(train_on, state, train)
        self._steps = Steps(make, state, train, evaluated.values(), check_finite)
        names = [first + name for first in ("", *evaluated) for name in state.objective.names]
        introduce(state.listeners, state.model, epochs.stop, train, names)

    def run(self) -> None:
        """Train, epoch after epoch."""
        model, state, steps = self.model, self.state, self._steps
        model.stop_training = False
        told: list[Callback] = []
        logs: dict[str, float] = {}
        warned = steps.watch is not None  # which says more
        steps.begin(self.epochs.stop - self.epochs.start)
        try:
            for listener in self.listeners:
                told.append(listener)
                listener.on_train_begin({})
            for epoch in state.begin(self.epochs):
                if not self.train.more(epoch):
                    break
                # One dictionary for all: a callback may add values for later callbacks.
                found = self._epoch(epoch)
                loss = found["loss"]
                for listener in self.listeners:
                    listener.on_epoch_end(epoch, found)
                logs = dict(found)
                warned = warned or note_of_loss(loss, epoch)
                state.end_epoch()
                if model.stop_training:
                    break
            steps.finish()
        finally:
            try:
                steps.leave()
            finally:
                _end(told, logs)

    def _epoch(self, epoch: int) -> dict[str, float]:
        """Train on all batches, then evaluate: the epoch's values by name."""
        state, steps = self.state, self._steps
        for listener in self.listeners:
            listener.on_epoch_begin(epoch, {})
        state.begin_epoch(epoch)
        order = self._order()
        steps.begin_epoch(epoch, order)
        try:
            self._batches(self.train.shuffled(order, state.batch))
        finally:
            steps.step.settle()
        self.train.check()
        # Where a callback has stopped training, too, the epoch ends first.
        if state.leaving and not self.model.stop_training:
            state.leave()
        return state.objective.results() | self._evaluate(epoch)

    def _batches(self, batches: Iterable[Any]) -> None:
        """Make a step on each batch, until a callback or SIGTERM ends the training."""
        model, state, steps = self.model, self.state, self._steps
        step, watch, starting, ending = steps.step, steps.watch, steps.starting, steps.ending
        writes = bool(ending or state.every)
        for number, batch in enumerate(batches, state.batch):
            for each in starting:
                each.on_train_batch_begin(number, {})
            steps.prepare(batch[0].shape[0])
            if watch is None:
                step(*batch)
            else:  # makes the step, and looks for NaN and infinity
                watch.step(number, batch)
            if ending:
                calls = (partial(each.on_train_batch_end, number) for each in ending)
                tell(state.objective.measures, calls)
            state.batch = number + 1
            if writes:
                state.end_batch(step.settle)
            if model.stop_training or state.leaving:
                break
        if watch is not None:
            watch.look()

    def _order(self) -> np.ndarray:
        """Numbers of rows, in the order of the epoch."""
        items = self.train.items
        if not (self.shuffle and items):
            return np.arange(items)
        if self._orders.seed != self.model.seed:  # which a callback may set
            self._orders = Orders(self.model.seed)
        # Addressed by the step, so that a resumed run shuffles as the whole one would.
        return self._orders.order(items, self.state.first_step)

    def _evaluate(self, epoch: int) -> dict[str, float]:
        """Results on the batches that are evaluated after this epoch."""
        logs: dict[str, float] = {}
        for prefix, batches in self.evaluated.items():
            validates = prefix == "val_"
            if validates and not (self._validates(epoch) and batches.more(epoch, validates)):
                continue
            listeners = self.listeners if validates else ()
            found = self.state.objective.evaluate(batches, listeners)
            logs |= {prefix + name: value for name, value in found.items()}
        return logs


def _end(told: list[Callback], logs: dict[str, float]) -> None:
    """Tell the end, after any outcome, to each listener that was told of the beginning."""
    if told:
        try:
            told.pop().on_train_end(logs)
        finally:
            _end(told, logs)

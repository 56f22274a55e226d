"""The loop over epochs and batches, and who is told of them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.backend.random import SHUFFLE, generator
from minidl.backend.repeating import repeats
from minidl.callbacks import Callback
from minidl.data import Batches
from minidl.objective import Objective
from minidl.recording import RecordedStep
from minidl.training_state import TrainingState

if TYPE_CHECKING:
    from minidl.training import Sequential


class Loop:
    """Training of a compiled model, epoch after epoch.

    Args:
        model: compiled and built; its ``stop_training`` ends the loop after a batch.
        objective: of the model.
        listeners: callbacks, in the order in which they are told.
        train: batches to train on.
        held_out: batches to validate on after each epoch, under the names "val_…"; or None.
        again: batches to train on, evaluated after each epoch under the names "train_…",
            layers behaving as in inference; or None.
        shuffle: whether rows come in a new order each epoch.
        epochs: the number of the last epoch.
        state: of the training; it is told where the training stands.
    """

    def __init__(
        self,
        model: Sequential,
        objective: Objective,
        listeners: Sequence[Callback],
        train: Batches,
        held_out: Batches | None,
        again: Batches | None,
        shuffle: bool,
        epochs: int,
        state: TrainingState,
    ) -> None:
        self.model = model
        self.state = state
        self.objective = objective
        self.listeners = listeners
        self.train = train
        evaluated = {"val_": held_out, "train_": again}
        self.evaluated = {prefix: b for prefix, b in evaluated.items() if b is not None}
        self.shuffle = shuffle
        self._starting = _overriding(listeners, "on_train_batch_begin")
        self._ending = _overriding(listeners, "on_train_batch_end")
        each_batch = {id(each): each for each in (*self._starting, *self._ending)}.values()
        self._step = RecordedStep(
            self._train, model, (*objective.parts, *each_batch), (model.optimizer, model.penalties)
        )
        # What callbacks of others do between epochs, nobody knows.
        self._others = not all(map(repeats, listeners))
        prefixes = ["", *self.evaluated]
        names = [prefix + name for prefix in prefixes for name in objective.names]
        for listener in listeners:
            listener.set_model(model, {"epochs": epochs, "steps": len(train), "metrics": names})

    def run(self, epochs: range) -> None:
        """Train for these epochs."""
        logs: dict[str, float] = {}
        # Whatever happens, each listener that was told of the beginning is told of the end.
        with contextlib.ExitStack() as endings:
            for listener in self.listeners:
                endings.callback(listener.on_train_end, logs)
                listener.on_train_begin({})
            for epoch in self.state.begin(epochs):
                logs.clear()
                logs.update(self._epoch(epoch))
                for listener in self.listeners:
                    listener.on_epoch_end(epoch, dict(logs))
                self.state.end_epoch()
                if self.model.stop_training:
                    break

    def _train(self, x: Any, y: Any, weight: Any) -> None:
        """Gather the batch, and make a step on it."""
        assert self.model.optimizer is not None
        self.train.fill()
        self.objective.train(x, y, weight, self.model.optimizer)

    def _epoch(self, epoch: int) -> dict[str, float]:
        model, objective, train, state = self.model, self.objective, self.train, self.state
        for listener in self.listeners:
            listener.on_epoch_begin(epoch, {})
        objective.reset()
        state.begin_epoch(epoch)
        if self._others:
            self._step.look()
        assert model.optimizer is not None
        # Where nobody looks between steps, nor makes up a learning rate from what he saw.
        self._step.may_wait = model.optimizer.foresees and not (self._starting or self._ending)
        order = np.arange(train.rows)
        if self.shuffle:
            # Addressed by the step, so that a resumed run shuffles as the whole one would.
            order = generator(model.seed, SHUFFLE, 0, state.first_step).permutation(train.rows)
        done, every = state.batch, state.every
        try:
            for number, (x, y, weight) in enumerate(train.shuffled(order, done), done):
                for listener in self._starting:
                    listener.on_train_batch_begin(number, {})
                if self._step(x, y, weight):
                    objective.count(x.shape[0])
                for listener in self._ending:
                    listener.on_train_batch_end(number, objective.logs)
                state.batch = number + 1
                if model.stop_training or state.leaving:
                    break
                if every and model.step % every == 0:
                    self._step.finish()
                    state.save()
        finally:
            self._step.finish()
        if state.leaving and not model.stop_training:
            state.leave()
        logs = objective.results()
        for prefix, others in self.evaluated.items():
            logs |= {prefix + k: v for k, v in objective.evaluate(others).items()}
        return logs


def _overriding(listeners: Sequence[Callback], method: str) -> list[Callback]:
    """Those that do something there: the others are not called at every batch."""
    return [
        listener
        for listener in listeners
        if method in vars(listener)
        or getattr(type(listener), method) is not getattr(Callback, method)
    ]

"""The state of a training beside its model: position, sums, History, callbacks."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from minidl import checks
from minidl.callbacks import Callback
from minidl.saving import Extra, save_model
from minidl.saving.json_values import Arrays, inward, outward
from minidl.training.changed_objective import renewed
from minidl.training.objective import Objective

if TYPE_CHECKING:
    from minidl.model.sequential import Sequential


class TrainingState:
    """Position of a training, with the calls that restore and save the training.

    The position is enough for everything that is random: masks and the order of rows are addressed
    by the step.

    Args:
        model: under training, built and compiled.
        objective: of the model.
        listeners: all callbacks.

    Attributes:
        epoch: the number of the epoch under way.
        batch: number of done batches of the epoch.
        first_step: the epoch's first step.
        every: a checkpoint is due when the model's step is a multiple of this number; 0 for never.
        leaving: True if training ends after the step under way.
        each_epoch: True if a checkpoint is due at each epoch's end.
        restore: puts model and state back to a checkpoint; None without a checkpoint.
        save: writes a checkpoint of the present state; does nothing by default.
        made_of: fingerprints of everything that the numbers of the training depend on.
    """

    def __init__(
        self, model: Sequential, objective: Objective, listeners: Sequence[Callback]
    ) -> None:
        self.model = model
        self.objective = objective
        self.listeners = listeners
        self.epoch = self.batch = 0
        self.first_step = model.step
        self.every = 0
        self.each_epoch = self.leaving = False
        self.restore: Callable[[], None] | None = None
        self.save: Callable[[], None] = _nothing
        self.made_of: Callable[[], dict[str, Any]] = dict
        self._waiting: deque[Callable[[], None]] = deque()

    def begin(self, epochs: range) -> range:
        """Epochs to train, when training has begun: the epochs that a checkpoint lacks."""
        if self.restore is None:
            return epochs
        self.restore()
        return range(0) if self.model.stop_training else range(self.epoch, epochs.stop)

    def begin_epoch(self, epoch: int) -> None:
        """Begin an epoch: at the first batch, or in the middle after a checkpoint from there.

        The objective gets the present loss and metrics of the model.
        """
        self.objective = renewed(self.objective, self.model._loss, self.model._metrics)
        self.objective.reset()
        if self.restore is not None and self.batch:
            self.restore()
        else:
            self._go_to(epoch)
        self.restore = None

    def end_batch(self, settle: Callable[[], None]) -> None:
        """End a batch, after all callbacks were told: act on everything due between two steps.

        Args:
            settle: does the steps that wait.
        """
        if self._waiting:
            settle()
            self._act()
        due = self.every and self.model.step % self.every == 0
        if due and not (self.model.stop_training or self.leaving):
            settle()
            self.save()

    def end_epoch(self) -> None:
        """End an epoch, after all callbacks were told: run the waiting actions."""
        self._go_to(self.epoch + 1)
        self._act()
        if self.leaving:
            self.leave()
        if self.each_epoch:
            self.save()

    def _act(self) -> None:
        """Run the waiting actions."""
        while self._waiting:
            self._waiting.popleft()()

    def leave(self) -> None:
        """End training, as SIGTERM asks, with a checkpoint of the present state.

        Raises:
            KeyboardInterrupt: always.
        """
        self.save()
        raise KeyboardInterrupt("SIGTERM")

    def after_all(self, action: Callable[[], None]) -> None:
        """Do something when every callback has been told of the epoch's end, or of the step's."""
        self._waiting.append(action)

    def stop(self) -> None:
        """Ask for the end after the step that is under way."""
        self.leaving = True

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the model with everything that training needs to go on from here.

        Raises:
            ValueError: the model cannot be saved.
            TypeError: a callback returns a state that is neither numbers, texts nor arrays.
            OSError: the file cannot be written.
        """
        arrays: Arrays = {}
        position = {"epoch": self.epoch, "batch": self.batch, "first_step": self.first_step}
        values: dict[str, Any] = {
            "run": self.model.began.run,
            "made_of": self.made_of(),
            "position": position,
        }
        if self.batch:
            measures = self.objective.measures
            values["sums"] = [outward(measure.get_state(), arrays) for measure in measures]
        values["callbacks"] = []
        for listener in filter(_has_state, self.listeners):
            kind, state = type(listener).__name__, listener.get_state()
            try:
                kept = outward(state, arrays)
            except TypeError as error:
                raise TypeError(f"{kind}.get_state: {error}") from None
            values["callbacks"].append({"class": kind, "state": kept})
        save_model(self.model, path, extra=Extra(values, arrays))

    def differences(self, values: dict[str, Any]) -> list[str]:
        """Reasons why the callbacks cannot take a file's state, a text for each class.

        Raises:
            KeyError, TypeError, ValueError: not the values of :meth:`write`.
        """
        for name in ("epoch", "batch", "first_step"):
            checks.integer(name, values["position"][name], 0)
        kinds = Counter(type(each).__name__ for each in filter(_has_state, self.listeners))
        given = Counter(entry["class"] for entry in values["callbacks"])
        return [
            f"callbacks: expected {given[kind]} {kind}, received {count}"
            for kind, count in kinds.items()
            if given[kind] not in (0, count)
        ]

    def take(self, extra: Extra) -> None:
        """Go to the state at the call of :meth:`write`, except for the model.

        A callback begins anew if the file has no state of the callback's class.

        Raises:
            KeyError, TypeError, ValueError: not the values of :meth:`write`.
        """
        values, arrays = extra.values, extra.arrays
        position = values["position"]
        self.epoch, self.batch = position["epoch"], position["batch"]
        self.first_step = position["first_step"]
        if self.batch:
            for measure, state in zip(self.objective.measures, values["sums"], strict=True):
                measure.set_state(inward(state, arrays))
        states: dict[str, deque[Any]] = {}
        for entry in values["callbacks"]:
            states.setdefault(entry["class"], deque()).append(inward(entry["state"], arrays))
        for listener in filter(_has_state, self.listeners):
            if states.get(type(listener).__name__):
                listener.set_state(states[type(listener).__name__].popleft())

    def _go_to(self, epoch: int) -> None:
        self.epoch, self.batch, self.first_step = epoch, 0, self.model.step


def _has_state(listener: Callback) -> bool:
    return type(listener).set_state is not Callback.set_state


def _nothing() -> None:
    """Do nothing, where no checkpoints are kept."""

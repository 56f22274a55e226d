"""The base class of callbacks.

A callback is told when training, an epoch or a batch begins and ends. So it is told of an
evaluation, also of the validation within ``fit``, and of a prediction. ``logs`` holds the values
so far under their History names, and nothing where something begins. The values of a batch are
read from the device only if somebody looks. At the end of an epoch all callbacks get one
dictionary, one after the other: a value that a callback adds is seen by the later callbacks and by
the History.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from minidl.backend.own import are_own

Logs = Mapping[str, float]

#: No values, where something begins.
NONE: Logs = MappingProxyType({})

#: Names of methods in Keras's older callbacks.
OLDER = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}


class Callback:
    """Base of all callbacks: define the methods you need.

    Attributes:
        model: the model under training, None once the model is gone: a callback does not keep the
            model alive.
        params: "epochs", "steps" (batches in an epoch; None where nobody knows), "metrics" (a list
            of the names that logs will hold).
    """

    params: Mapping[str, Any] = {}

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Called once before training, before :meth:`set_model`."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Called once before training."""
        weak = type(self).model is Callback.model  # not where a class has an attribute of its own
        self.__dict__["model"] = weakref.ref(model) if weak else model

    @property
    def model(self) -> Any:
        """The model under training, or None; an assigned value is kept unchanged."""
        found = self.__dict__.get("model")
        return found() if isinstance(found, weakref.ref) else found

    @model.setter
    def model(self, model: Any) -> None:
        self.__dict__["model"] = model

    def on_train_begin(self, logs: Logs = NONE) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs = NONE) -> None:
        """After the last epoch, also when training was stopped or interrupted."""

    def on_epoch_begin(self, epoch: int, logs: Logs = NONE) -> None:
        """Before an epoch; the first is 0."""

    def on_epoch_end(self, epoch: int, logs: Logs = NONE) -> None:
        """Called after an epoch and the epoch's validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs = NONE) -> None:
        """Before a batch; the first of an epoch is 0."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = NONE) -> None:
        """After a batch's update."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: Logs = NONE) -> None:
        """The older name of :meth:`on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs = NONE) -> None:
        """The older name of :meth:`on_train_batch_end`."""

    def on_test_begin(self, logs: Logs = NONE) -> None:
        """Before the first batch of ``evaluate``, or of the validation in ``fit``."""

    def on_test_end(self, logs: Logs = NONE) -> None:
        """After the last batch of ``evaluate``, or of the validation in ``fit``."""

    def on_test_batch_begin(self, batch: int, logs: Logs = NONE) -> None:
        """Before a batch is evaluated."""

    def on_test_batch_end(self, batch: int, logs: Logs = NONE) -> None:
        """After a batch is evaluated."""

    def on_predict_begin(self, logs: Logs = NONE) -> None:
        """Before the first batch of ``predict``."""

    def on_predict_end(self, logs: Logs = NONE) -> None:
        """After the last batch of ``predict``."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = NONE) -> None:
        """Before the outputs for a batch are computed."""

    def on_predict_batch_end(self, batch: int, logs: Any = NONE) -> None:
        """Called with the outputs for a batch, {"outputs": array}."""

    def get_state(self) -> dict[str, Any]:
        """State of the callback, for a checkpoint: everything gathered since training began.

        A callback that remembers anything from one epoch to the next defines this method and
        :meth:`set_state`. A resumed training then goes on as if it had not stopped.

        Returns:
            Texts as keys; as values numbers, texts, None, arrays of NumPy, and lists and
            dictionaries of these.
        """
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take the state that :meth:`get_state` has returned, when training goes on.

        Called after ``on_train_begin``; in the middle of an epoch again after ``on_epoch_begin``.
        """


#: Names of the methods that a training calls.
CALLED = [name for name in vars(Callback) if name.startswith(("on_", "set_", "get_"))]


def refuse_unawaited(name: str, function: Any) -> None:
    """Raise for a function of which a call runs nothing: ``async def``, or one with ``yield``.

    Args:
        name: of the method that the function stands for, for the error's message.
        function: any callable.

    Raises:
        TypeError: says what to write.
    """
    for each in (function, getattr(type(function), "__call__", None)):  # noqa: B004
        if inspect.iscoroutinefunction(each) or inspect.isasyncgenfunction(each):
            raise TypeError(
                f"{name}: expected a function that runs when it is called, received an async one, "
                "which nobody awaits; write def in the place of async def, with asyncio.run(...) "
                "inside for what has to be awaited"
            )
        if inspect.isgeneratorfunction(each):
            raise TypeError(
                f"{name}: expected a function that runs when it is called, received one with "
                "yield, which makes a generator that nobody reads; leave out the yield"
            )


def refuse_unawaited_methods(callback: Callback) -> None:
    """Do the work of :func:`refuse_unawaited` for all methods of a callback."""
    kind, own = type(callback), vars(callback)
    for name in CALLED:
        function = own.get(name, getattr(kind, name))
        if function is not getattr(Callback, name):
            refuse_unawaited(f"{kind.__name__}.{name}", function)


def introduce(
    listeners: Sequence[Callback], model: Any, epochs: int, batches: Any, names: Sequence[str]
) -> None:
    """Tell listeners of the model and of the training to come.

    Args:
        listeners: all callbacks.
        model: the model.
        epochs: number of the last epoch.
        batches: of an epoch.
        names: that logs will hold.
    """
    for each in listeners:
        each.set_params({"epochs": epochs, "steps": len(batches) or None, "metrics": names})
    for each in listeners:
        each.set_model(model)


def overriding(listeners: Sequence[Callback], method: str) -> list[Callback]:
    """The listeners that override a method, or its older name: the rest need not be called."""
    names = [name for name in (method, OLDER.get(method)) if name]
    return [
        listener
        for listener in listeners
        if any(
            name in vars(listener) or getattr(type(listener), name) is not getattr(Callback, name)
            for name in names
        )
    ]


def may_add_values(model: Any) -> bool:
    """True if a callback that is not minidl's may add values at the end of an epoch."""
    training = getattr(model, "fitting", None)
    listeners = overriding(training.listeners if training else (), "on_epoch_end")
    return not are_own(listeners)

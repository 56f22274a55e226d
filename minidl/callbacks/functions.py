"""Functions in place of a callback's methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl import checks
from minidl.callbacks.base import Callback, refuse_unawaited


class LambdaCallback(Callback):
    """Functions in place of methods: ``LambdaCallback(on_epoch_end=lambda epoch, logs: ...)``.

    Args:
        on_epoch_begin, on_epoch_end, on_train_begin, …: as the methods of :class:`Callback` with
            these names; None stands for no function.

    Raises:
        TypeError: no function.
        ValueError: an argument that is no method of :class:`Callback`.
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **functions: Callable[..., Any] | None,
    ) -> None:
        functions |= {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        known = [name for name in vars(Callback) if name.startswith("on_")]
        for name, function in functions.items():
            if name not in known:
                raise checks.unknown("callback method", name, known)
            if function is not None and not callable(function):
                raise TypeError(f"{name}: expected a function, received {function!r}")
            if function is not None:
                refuse_unawaited(name, function)
                setattr(self, name, function)

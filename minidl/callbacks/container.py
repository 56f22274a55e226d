"""Names of Keras's for parts of ``fit``: a row of callbacks, and the progress bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minidl.callbacks.base import Callback, refuse_unawaited_methods
from minidl.callbacks.history import History


class CallbackList(Callback):
    """Several callbacks as one: each call goes to all, in order.

    For a user's own loop; ``fit`` takes the list, or a CallbackList, and calls its callbacks.

    Args:
        callbacks: one or more; None for none.
        add_history: True adds a History where there is none; default False.
        add_progbar: refused, because a bar belongs to ``fit``.
        model: handed to all callbacks, if given.
        params: handed to all callbacks, such as ``epochs=3``.

    Raises:
        ValueError: ``add_progbar``.
        TypeError: something else than callbacks.
    """

    def __init__(
        self,
        callbacks: Sequence[Callback] | Callback | None = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        if add_progbar:
            raise ValueError("add_progbar: expected fit(..., verbose=1), which shows a bar")
        given = [] if callbacks is None else callbacks
        self.callbacks: list[Any] = list(given) if isinstance(given, list | tuple) else [given]
        for each in self.callbacks:
            if not isinstance(each, Callback):
                raise TypeError(f"callbacks: expected minidl callbacks, received {each!r}")
            refuse_unawaited_methods(each)
        if add_history and not any(isinstance(each, History) for each in self.callbacks):
            self.callbacks.append(History())
        for name in vars(Callback):
            if name.startswith("on_"):
                self.__dict__[name] = _all(self.callbacks, name)
        if params:
            self.set_params(params)
        if model is not None:
            self.set_model(model)

    def append(self, callback: Callback) -> None:
        """Put a callback at the end."""
        refuse_unawaited_methods(callback)
        self.callbacks.append(callback)

    def set_params(self, params: Mapping[str, Any]) -> None:
        super().set_params(params)
        for each in self.callbacks:
            each.set_params(params)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        for each in self.callbacks:
            each.set_model(model)


def _all(callbacks: list[Any], name: str) -> Any:
    def call(*given: Any, **named: Any) -> None:
        for each in callbacks:
            getattr(each, name)(*given, **named)

    return call

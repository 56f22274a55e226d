"""The end of a session: numbers in names begin anew."""

from __future__ import annotations

from collections.abc import Callable

#: Called at the end of a session; each forgets something.
clearing: list[Callable[[], None]] = []


def clear_session() -> None:
    """Have names begin anew: the next Dense layer is called dense, and not dense_7.

    Keras frees the memory of all models here. A model of minidl is freed with its last reference,
    ``del model``, and there is no other state that models share.
    """
    for forget in clearing:
        forget()

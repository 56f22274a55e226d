"""SIGTERM: a training ends after the step under way, with a saved state."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any


@contextlib.contextmanager
def terminating(leave: Callable[[], None]) -> Iterator[None]:
    """Within the block SIGTERM calls ``leave`` and nothing else.

    ``leave`` asks for the end and returns; the block has to end soon. Then the earlier handler is
    restored. If a signal came, the earlier handler is called, if it is a Python function. When
    the handler returns, or if there was none, the block ends with a KeyboardInterrupt, as after
    Ctrl-C. A program that wants to end with another status therefore needs a handler.

    Nothing is changed outside the main thread, where Python allows no handlers; where SIGTERM is
    ignored; and where code outside Python handles the signal.

    Args:
        leave: called in the main thread, between two instructions of Python.

    Raises:
        KeyboardInterrupt: the signal came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: Any = signal.getsignal(signal.SIGTERM)
    if before in (None, signal.SIG_IGN):
        yield
        return
    came: list[FrameType | None] = []

    def handle(number: int, frame: FrameType | None) -> None:
        came.append(frame)
        leave()

    signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        # A handler set within the block stays.
        if signal.getsignal(signal.SIGTERM) is handle:
            signal.signal(signal.SIGTERM, before)
        if came and callable(before):
            before(signal.SIGTERM, came[-1])
    if came:
        raise KeyboardInterrupt("SIGTERM")

"""Which tape records in this thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minidl.accelerator.record.tape import Tape


class Recorder(threading.local):
    """What records in this thread."""

    tape: Tape | None = None


recorder = Recorder()


def aside(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns that does with arrays what it likes: no tape records it."""
    before = recorder.tape
    try:
        recorder.tape = None
        return function(*arguments)
    finally:
        recorder.tape = before

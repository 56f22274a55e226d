"""Which tape records in this thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Recorder(threading.local):
    """What records in this thread."""

    tape: Any = None


recorder = Recorder()


def unrecorded(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns that does with arrays what it likes: no tape records it."""
    before = recorder.tape
    try:
        recorder.tape = None
        return function(*arguments)
    finally:
        recorder.tape = before

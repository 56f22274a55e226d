"""The tape that records in this thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Recorder(threading.local):
    """The tape that records in this thread."""

    tape: Any = None


recorder = Recorder()


def replaced(thing: Any) -> Any:
    """The object that a stand-in replaces while a step is recorded; any other object itself."""
    return thing if type(thing) is thing.__class__ else getattr(thing, "__wrapped__", thing)


def unrecorded(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """The result of a function that may do anything with arrays: no tape records the call."""
    before = recorder.tape
    try:
        recorder.tape = None
        return function(*arguments, **named)
    finally:
        recorder.tape = before

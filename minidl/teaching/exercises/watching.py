"""Grading at each save."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from minidl.printing import say
from minidl.teaching.exercises.checking import check
from minidl.teaching.exercises.course import EXERCISES


def watch(folder: Path, stop: Any = None) -> None:
    """Grade an exercise at each save of a file in a folder, until an interrupt.

    Args:
        folder: with the exercises' files.
        stop: a threading.Event that ends the watch.

    Raises:
        ModuleNotFoundError: the package watchfiles is missing.
    """
    for name in saved(folder, stop):
        check(folder, [name])


def saved(folder: Path, stop: Any = None) -> Iterator[str]:
    """Names of exercises, one at each save of a file."""
    try:
        from watchfiles import Change, watch
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "--watch needs watchfiles; install it with pip install 'minidl[exercises]'",
            name="watchfiles",
        ) from error
    say(f"watching {folder}: each file is graded when it is saved; Ctrl-C ends")
    for changes in watch(folder, stop_event=stop, raise_interrupt=False, recursive=False):
        names = {Path(path).stem for change, path in changes if change != Change.deleted}
        yield from sorted(names & EXERCISES.keys())

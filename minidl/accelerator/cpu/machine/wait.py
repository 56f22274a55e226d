"""A line for a person who waits for the compiler."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from minidl.accelerator.cpu.machine.storage import Storage

#: Seconds of a process's compiling without a line.
UNNOTICED = 1.0

_spent = 0.0


@contextmanager
def noticed(storage: Storage) -> Iterator[None]:
    """Say once, where a person reads along, that the compiler runs: if compiling goes on for long.

    The line goes to the standard error of a terminal or a notebook, above the bars drawn there.

    Args:
        storage: where the code will be kept.
    """
    global _spent
    if UNNOTICED <= _spent < float("inf"):
        _spent = float("inf")
        if sys.stderr is not None and (sys.stderr.isatty() or "ipykernel" in sys.modules):
            from tqdm import tqdm

            kept = "" if storage.note else f", once: it is kept in {storage.place}"
            text = f"minidl: machine code for this network is being made{kept}"
            tqdm.write(text, sys.stderr)
            sys.stderr.flush()
    begin = time.perf_counter()
    try:
        yield
    finally:
        _spent += time.perf_counter() - begin

"""Locks of threads, and a process that forks: the child finds everything done and every lock free.

A fork copies the memory, but only the thread that forks. So a fork waits until no other thread
is in the midst of a guarded block, provided that the block takes only a moment.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

# Seconds that a fork waits for other threads, which might wait for something themselves.
PATIENCE = 10.0

_locks: set[weakref.ref[Any]] = set()
_held: list[tuple[Any, bool]] = []
#: Further calls of a fork: before, afterwards in the parent, and afterwards in the child.
_others: list[tuple[Callable[[], Any], Callable[[], Any], Callable[[], Any]]] = []


def new_lock() -> Any:
    """A lock that the owning thread may take again, and that a forked child finds free.

    Take the lock with ``with`` alone: then no exception comes between taking and the block.
    """
    lock = threading.RLock()
    _locks.add(weakref.ref(lock, _locks.discard))
    return lock


def at_fork(
    before: Callable[[], Any], in_parent: Callable[[], Any], in_child: Callable[[], Any]
) -> None:
    """Call functions around each fork, while this thread has all locks.

    Args:
        before: called when the locks are taken.
        in_parent, in_child: called before the locks are given back.
    """
    _others.append((before, in_parent, in_child))


def _before() -> None:
    until = time.monotonic() + PATIENCE
    for reference in list(_locks):
        lock = reference()
        if lock is not None:
            _held.append((lock, lock.acquire(timeout=max(0.0, until - time.monotonic()))))
    for before, _, _ in _others:
        before()


def _in_parent() -> None:
    for _, after, _ in _others:
        after()
    _give_back()


def _in_child() -> None:
    for _, _, after in _others:
        after()
    for lock in _give_back():  # threads have them that the child does not have
        lock._at_fork_reinit()


def _give_back() -> list[Any]:
    """Release the locks that were taken before; return the locks that were not."""
    missed = []
    while _held:
        lock, taken = _held.pop()
        if taken:
            lock.release()
        else:
            missed.append(lock)
    return missed


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)

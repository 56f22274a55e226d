"""Locks and forks: a child finds every lock free, and the parent as they were."""

from __future__ import annotations

import os
import threading
import warnings

import pytest

from minidl.backend import turns

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork")


def in_a_child(work) -> int:
    """The exit status of a forked process: 0 where the work returns True."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
        child = os.fork()
    if child == 0:
        try:
            os._exit(0 if work() else 1)
        finally:
            os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def free(lock) -> bool:
    """Whether another thread gets the lock."""
    found: list[bool] = []

    def try_it() -> None:
        found.append(lock.acquire(timeout=5))
        if found[0]:
            lock.release()

    thread = threading.Thread(target=try_it)
    thread.start()
    thread.join()
    return found[0]


def test_a_fork_waits_for_who_has_a_lock():
    lock, taken = turns.new_lock(), threading.Event()
    done = []

    def hold() -> None:
        with lock:
            taken.set()
            threading.Event().wait(0.3)
            done.append(True)

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    assert in_a_child(lambda: done == [True] and free(lock)) == 0
    thread.join()
    assert free(lock)


def test_it_does_not_wait_for_ever(monkeypatch):
    monkeypatch.setattr(turns, "PATIENCE", 0.1)
    lock, taken, end = turns.new_lock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            taken.set()
            end.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    taken.wait()
    assert in_a_child(lambda: not end.is_set() and free(lock)) == 0
    end.set()
    thread.join()
    assert free(lock)


def test_who_forks_while_he_has_a_lock_still_has_it():
    lock = turns.new_lock()
    with lock:
        assert in_a_child(lambda: lock.release() is None and free(lock)) == 0
        lock.release()
        assert free(lock)
        lock.acquire()
    assert free(lock)


def test_what_else_is_done_around_a_fork(monkeypatch):
    told: list[str] = []
    monkeypatch.setattr(turns, "_others", [])
    names = ("before", "in the parent", "in the child")
    turns.at_fork(*(lambda name=name: told.append(name) for name in names))
    assert in_a_child(lambda: told == ["before", "in the child"]) == 0
    assert told == ["before", "in the parent"]


def test_a_lock_ends_with_its_owner():
    before = len(turns._locks)
    lock = turns.new_lock()
    assert len(turns._locks) == before + 1
    del lock
    assert len(turns._locks) == before

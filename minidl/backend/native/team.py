"""A team of threads that runs a list of commands, each thread its share of every command.

The calling thread is part 0. The others wait for the next list in compiled code, without Python's
lock, for about as long as the Python of a step takes; then they sleep until somebody calls.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import os
import threading

import numba
import numpy as np

from minidl.backend.native.lowlevel import add, at, call, compiled, exchange, load, store

# The products and formulas of small networks cannot feed more, and a barrier waits for the last.
LARGEST = 8
# How often a thread looks, some 2 ns each time, before it lets others have the processor once.
LOOKS = 20_000
# How often it looks for the next list before it sleeps: about a millisecond.
PATIENCE = 500_000

# Words of the mailbox, each on a cache line of its own; after them one for each part, 1 while it
# sleeps.
_TICKET, _LIST, _LENGTH, _BASE, _ARRIVED, _ASLEEP = (64 * k for k in range(6))


@compiled("void(int64, int64, int64)")
def _meet(mail, goal, yields):
    """Wait until all parts are here."""
    add(mail + _ARRIVED, 1)
    looks = 0
    while load(mail + _ARRIVED) < goal:
        looks += 1
        if looks == LOOKS:
            looks = 0
            if yields != 0:
                call(yields, ())


@compiled("void(int64, int64, int64, int64)")
def _execute(part, parts, mail, yields):
    """Run the list in the mailbox: words of (function, block, whether to wait for all first)."""
    words = at(load(mail + _LIST), numba.types.int64)
    goal = load(mail + _BASE)
    for k in range(load(mail + _LENGTH)):
        if parts > 1 and words[3 * k + 2] != 0:
            goal += parts
            _meet(mail, goal, yields)
        call(words[3 * k], (words[3 * k + 1], part, parts))
    if parts > 1:
        _meet(mail, goal + parts, yields)


@compiled("void(int64, int64)")
def _run_alone(commands, length):
    words = at(commands, numba.types.int64)
    for k in range(length):
        call(words[3 * k], (words[3 * k + 1], 0, 1))


@compiled("int64(int64, int64, int64, int64)")
def _post(commands, length, parts, mail):
    """Put a list into the mailbox. How many parts sleep."""
    store(mail + _BASE, load(mail + _ARRIVED))
    store(mail + _LIST, commands)
    store(mail + _LENGTH, length)
    add(mail + _TICKET, 1)
    asleep = 0
    for part in range(1, parts):
        asleep += load(mail + _ASLEEP + 64 * part)
    return asleep


@compiled("int64(int64, int64, int64, int64, int64)")
def _run(commands, length, parts, mail, yields):
    """Post a list and run the own share; unless somebody sleeps: then how many."""
    asleep = _post(commands, length, parts, mail)
    if asleep == 0:
        _execute(0, parts, mail, yields)
    return asleep


@compiled("Tuple((int64, boolean))(int64, int64, int64, int64, int64)")
def _serve(ticket, part, parts, mail, yields):
    """Run lists after the one of ``ticket`` until none comes for a while.

    The ticket of the last one, and whether to sleep; not to sleep means to stop.
    """
    looks = 0
    while looks < PATIENCE:
        if load(mail + _TICKET) == ticket:
            looks += 1
            continue
        ticket += 1
        if load(mail + _LENGTH) < 0:
            return ticket, False
        _execute(part, parts, mail, yields)
        looks = 0
    return ticket, True


@compiled("boolean(int64, int64, int64)")
def _lie_down(ticket, part, mail):
    """Say that this part sleeps. Whether it may: a list may have come in the meantime."""
    exchange(mail + _ASLEEP + 64 * part, 1)
    if load(mail + _TICKET) == ticket:
        return True
    # If the flag is gone already, a call is on its way and has to be taken.
    return exchange(mail + _ASLEEP + 64 * part, 0) == 0


@compiled("boolean(int64, int64)")
def _get_up(part, mail):
    """Take back the sign of a sleeping part. Whether it was there: then it has to be called."""
    return exchange(mail + _ASLEEP + 64 * part, 0) == 1


class Team:
    """Threads that run lists of commands together.

    Args:
        parts: how many, the calling one included.
    """

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self._busy = threading.Lock()
        self._words = np.zeros(8 * (7 + parts), np.int64)
        self._mail = -(-self._words.ctypes.data // 64) * 64
        self._bells = [threading.Semaphore(0) for _ in range(parts)]
        self._yields = _address_of_yield()
        self._threads = [
            threading.Thread(target=self._work, args=(k,), name=f"minidl-{k}", daemon=True)
            for k in range(1, parts)
        ]
        for thread in self._threads:
            thread.start()

    def run(self, commands: int, length: int) -> None:
        """Run the ``length`` commands listed at an address; other callers wait their turn."""
        with self._busy:
            if _run(commands, length, self.parts, self._mail, self._yields):
                self._call()
                _execute(0, self.parts, self._mail, self._yields)

    def run_alone(self, commands: int, length: int) -> None:
        """Run commands that are not worth calling the others."""
        _run_alone(commands, length)

    def stop(self) -> None:
        """End the threads, once they have done what they do."""
        with self._busy:
            _post(0, -1, self.parts, self._mail)
            self._call()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        for part in range(1, self.parts):
            if _get_up(part, self._mail):
                self._bells[part].release()

    def _work(self, part: int) -> None:
        ticket, goes_on = 0, True
        while goes_on:
            ticket, goes_on = _serve(ticket, part, self.parts, self._mail, self._yields)
            if goes_on and _lie_down(ticket, part, self._mail):
                self._bells[part].acquire()


def threads() -> int:
    """OMP_NUM_THREADS, else the processors that this process may use; at most LARGEST."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdecimal() and int(wanted) > 0:
        return min(int(wanted), LARGEST)
    here = getattr(os, "sched_getaffinity", None)
    return min(len(here(0)) if here else os.cpu_count() or 1, LARGEST)


@functools.cache
def team() -> Team:
    """The team of this process."""
    made = Team(threads())
    atexit.register(made.stop)
    return made


def _address_of_yield() -> int:
    """Of the C function that lets another thread have the processor; 0 where there is none."""
    try:
        return ctypes.cast(ctypes.CDLL(None).sched_yield, ctypes.c_void_p).value or 0
    except (AttributeError, OSError, TypeError):
        return 0


def _forget() -> None:
    """A child process has the memory of its parent, and none of its threads."""
    team.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

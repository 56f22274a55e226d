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

import numpy as np

from minidl.backend.layout import address
from minidl.backend.native.machine_code import address_of, function

# The products and formulas of small networks cannot feed more, and a barrier waits for the last.
LARGEST = 8
# Words of the mailbox, each on a cache line of its own; after them one for each part, 1 while it
# sleeps.
TICKET, LIST, LENGTH, TIMES, BASE, ARRIVED, ASLEEP = (64 * k for k in range(7))


class Team:
    """Threads that run lists of commands together.

    Args:
        parts: how many, the calling one included.

    Attributes:
        run_alone: run commands that are not worth calling the others; takes what ``run`` takes.
    """

    def __init__(self, parts: int) -> None:
        self.parts = parts
        self._busy = threading.Lock()
        self._words = np.zeros(8 * (8 + parts), np.int64)
        self._mail = -(-address(self._words) // 64) * 64
        self._bells = [threading.Semaphore(0) for _ in range(parts)]
        self._yields = _address_of_yield()
        self._run, self._execute, self._post, self._serve = (
            function(name, "team") for name in ("run", "execute", "post", "serve")
        )
        self._lie_down, self._get_up = function("lie_down", "team"), function("get_up", "team")
        self.run_alone = function("run_alone", "team")
        self._threads = [
            threading.Thread(target=self._work, args=(k,), name=f"minidl-{k}", daemon=True)
            for k in range(1, parts)
        ]
        for thread in self._threads:
            thread.start()

    def run(self, commands: int, length: int, times: int) -> None:
        """Run the ``length`` commands listed at an address; other callers wait their turn."""
        with self._busy:
            if self._run(commands, length, times, self.parts, self._mail, self._yields):
                self._call()
                self._execute(0, self.parts, self._mail, self._yields)

    def stop(self) -> None:
        """End the threads, once they have done what they do."""
        with self._busy:
            self._post(0, -1, 0, self.parts, self._mail)
            self._call()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        for part in range(1, self.parts):
            if self._get_up(part, self._mail):
                self._bells[part].release()

    def _work(self, part: int) -> None:
        ticket = 0
        while True:
            ticket = self._serve(ticket, part, self.parts, self._mail, self._yields)
            if ticket < 0:
                return
            if self._lie_down(ticket, part, self._mail):
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
        return address_of(ctypes.CDLL(None).sched_yield)
    except (AttributeError, OSError, TypeError):
        return 0


def _forget() -> None:
    """A child process has the memory of its parent, and none of its threads."""
    team.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

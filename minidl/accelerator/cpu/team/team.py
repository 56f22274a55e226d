"""A team of threads that runs a list of commands, each thread its share of every command.

The calling thread is number 0. The other threads belong to the C library, unknown to Python.
Between two lists a thread waits in compiled code, for about as long as the Python of a step takes;
then the thread sleeps until a list comes. A list is posted, run and finished within one call, so
that no signal and no exception of Python comes in between.

Work is shared out into *parts*. A thread runs the share of one part, or of several where there are
more parts than threads: in a child process that may use fewer processors, and where the system lets
no thread be made. The numbers are the same.
"""

from __future__ import annotations

import ctypes
import math
import os
import signal
import threading
from pathlib import Path

import numpy as np

from minidl.accelerator.cpu.machine.machine_code import address_of, command, function
from minidl.accelerator.cpu.team import mail as at
from minidl.backend import turns
from minidl.backend.addresses import address

# The products and formulas of small networks cannot feed more, and a barrier waits for the last.
LARGEST = 8

# Functions of the C library that a team needs, and the places of their addresses in the mailbox.
_NEEDED = {
    "pthread_mutex_lock": at.LOCK,
    "pthread_mutex_unlock": at.UNLOCK,
    "pthread_cond_wait": at.WAIT,
    "pthread_cond_broadcast": at.RING,
    "sched_yield": at.YIELD,
    "pthread_sigmask": at.SIGMASK,
}
_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of the processor time of a container


class Team:
    """Threads that run lists of commands together.

    Args:
        parts: number of shares of the work.
        threads: number of threads, the calling one included; never more than ``parts``. There is
            one where the system makes no other, or has no threads as POSIX defines them.

    Attributes:
        parts, threads: actual numbers.
    """

    def __init__(self, parts: int, threads: int) -> None:
        self.parts, self.threads = parts, 1
        words = np.zeros((at.SIZE + 64) // 8, np.int64)
        self._memory = words[-address(words) % 64 // 8 :]
        self._mail = address(self._memory)
        self._run, self._here, self._in_turn, self._hold, self._release, self._stop = (
            function(name, "team")
            for name in ("run", "run_here", "run_here_in_turn", "hold", "release", "stop")
        )
        self._made: list[ctypes.c_void_p] = []
        self._library = _library()
        if self._library is not None:
            self._prepare(self._library)
            self._start(self._library, min(threads, parts))
        self._memory[at.THREADS // 8] = self.threads

    def run(self, record: int) -> None:
        """Run the list whose record lies at an address; other callers wait their turn."""
        self._run(record, self._mail)

    def run_here(self, record: int) -> None:
        """Run a list in this thread alone, beside other lists."""
        self._here(record, self._mail)

    def run_here_in_turn(self, record: int) -> None:
        """Run a list in this thread alone, at its turn: lists of :meth:`run` wait meanwhile."""
        self._in_turn(record, self._mail)

    def hold(self) -> None:
        """Keep lists that wait their turn from beginning, until :meth:`release`."""
        self._hold(self._mail)

    def release(self) -> None:
        """Let lists begin again, after :meth:`hold`."""
        self._release(self._mail)

    def stop(self) -> None:
        """End the other threads after their present work."""
        self.threads = 1
        self._stop(self._mail)
        while self._made:
            self._library.pthread_join(self._made.pop(), None)  # type: ignore[union-attr]

    def _prepare(self, library: ctypes.CDLL) -> None:
        for name, place in _NEEDED.items():
            self._memory[place // 8] = address_of(getattr(library, name))
        self._memory[at.SETMASK // 8] = int(signal.SIG_SETMASK)
        self._memory[at.SIGNALS // 8 : at.BUSY // 8] = -1
        for mutex in (at.BUSY, at.BELL):
            library.pthread_mutex_init(ctypes.c_void_p(self._mail + mutex), None)
        library.pthread_cond_init(ctypes.c_void_p(self._mail + at.WAITING), None)

    def _start(self, library: ctypes.CDLL, threads: int) -> None:
        """Make the other threads, all or none: each is told the number of threads."""
        starts = np.zeros((threads, 3), np.int64)
        # A thread may outlive the interpreter; its memory must outlive the thread.
        for memory in (self._memory, starts):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(memory))
        serve = ctypes.c_void_p(command("serve", "team"))
        for k in range(1, threads):
            starts[k] = self._mail, k, threads
            made = ctypes.c_void_p()
            start = ctypes.c_void_p(address(starts[k]))
            if library.pthread_create(ctypes.byref(made), None, serve, start):
                self.stop()
                return
            self._made.append(made)
        self.threads = threads


def _library() -> ctypes.CDLL | None:
    """The C library, if it has the functions that a team needs."""
    library = None if os.name == "nt" else ctypes.CDLL(None)
    made = ("pthread_create", "pthread_join", "pthread_mutex_init", "pthread_cond_init")
    return library if all(hasattr(library, name) for name in (*_NEEDED, *made)) else None


def processors() -> int:
    """Number of processors that this process may use, a container's share of time rounded up."""
    here = getattr(os, "sched_getaffinity", None)
    count = len(here(0)) if here else os.cpu_count() or 1
    try:
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        return min(count, max(1, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no container, or "max": no limit
        return count


def wanted_parts() -> int:
    """OMP_NUM_THREADS, or else LARGEST, but no more than LARGEST or the number of processors."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    limit = int(wanted) if wanted.isdecimal() and int(wanted) > 0 else LARGEST
    return min(limit, processors(), LARGEST)


class _Process:
    """The team of this process, and the number of parts in this process and its children.

    A child has lists that the parent made, so the child keeps the number, on any processors.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.team: Team | None = None
        self.parts = 0

    def begin_fork(self) -> None:
        if self.team is not None:
            self.team.hold()

    def end_fork(self) -> None:
        if self.team is not None:
            self.team.release()

    def begin_child(self) -> None:
        """Forget the threads of the parent, which do not exist here."""
        self.lock = threading.Lock()
        self.team = None


_process = _Process()
turns.at_fork(_process.begin_fork, _process.end_fork, _process.begin_child)


def part_count() -> int:
    """Number of parts that share the work of a list, in this process and its children."""
    if not _process.parts:
        _process.parts = wanted_parts()
    return _process.parts


def team() -> Team:
    """The team of this process."""
    made = _process.team
    if made is None:
        with _process.lock:
            made = _process.team
            if made is None:
                made = _process.team = Team(part_count(), wanted_parts())
    return made


def end_team() -> None:
    """End the threads of the process's team; the next is of the size that is wanted then."""
    with _process.lock:
        made, _process.team, _process.parts = _process.team, None, 0
        if made is not None:
            made.stop()

"""Compiled code of a team's threads: take lists of commands, run, wait and sleep."""

from minidl.accelerator.cpu.machine.lowlevel import (
    add,
    at,
    call,
    float_control,
    load,
    pause,
    set_float_control,
    store,
)
from minidl.accelerator.cpu.machine.values import int64
from minidl.accelerator.cpu.team.mail import (
    AGAIN,
    ARRIVED,
    BASE,
    BELL,
    BLOCK,
    BUSY,
    COMMANDS,
    EACH,
    FLUSHES,
    FUNCTION,
    HELD,
    LENGTH,
    LIST,
    LOCK,
    PARTS,
    RING,
    SETMASK,
    SIGMASK,
    SIGNALS,
    SLEEPERS,
    THREADS,
    TICKET,
    TIMES,
    UNLOCK,
    WAIT,
    WAITING,
    WAITS,
    YIELD,
)

# Number of looks, some 20 ns each, before a waiting thread yields the processor once.
_LOOKS = 2_000
# Number of looks for the next list before a thread sleeps: about a millisecond.
_PATIENCE = 50_000
# Of a processor's floating-point control: results that are subnormal become 0, and arguments are 0.
# Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, section 10.2.3.
_FLUSH = 1 << 15 | 1 << 6


def _meet(mail, goal):
    """Wait until all threads are here."""
    add(mail + ARRIVED, 1)
    looks = 0
    while load(mail + ARRIVED) < goal:
        looks += 1
        pause()
        if looks == _LOOKS:
            looks = 0
            call(load(mail + YIELD), ())


def _lock(mail, mutex):
    if load(mail + LOCK) != 0:
        call(load(mail + LOCK), (mail + mutex,))


def _unlock(mail, mutex):
    if load(mail + UNLOCK) != 0:
        call(load(mail + UNLOCK), (mail + mutex,))


def _execute(thread, threads, record, mail):
    """Run the parts of a thread: number ``thread``, and every ``threads``-th part after."""
    r = at(record, int64)
    words = at(r[COMMANDS], int64)
    length, times, parts = r[LENGTH], r[TIMES], r[PARTS]
    control = float_control()
    if r[FLUSHES] != 0:
        set_float_control(control | _FLUSH)
    goal = load(mail + BASE)
    for _ in range(times):
        for k in range(0, EACH * length, EACH):
            if threads > 1 and words[k + WAITS] != 0:
                goal += threads
                _meet(mail, goal)
            part = thread
            while part < parts:
                call(words[k + FUNCTION], (words[k + BLOCK], part, parts))
                part += threads
        if threads > 1:
            goal += threads
            _meet(mail, goal)
    set_float_control(control)


def _post(record, mail):
    """Put a list into the mailbox, and wake who sleeps."""
    store(mail + BASE, load(mail + ARRIVED))
    store(mail + LIST, record)
    # A thread first counts as a sleeper and then looks for a new ticket. Here the ticket comes
    # first, so that one of the two sees the other.
    add(mail + TICKET, 1)
    if load(mail + SLEEPERS) != 0:
        _lock(mail, BELL)
        call(load(mail + RING), (mail + WAITING,))
        _unlock(mail, BELL)


def run(record, mail):
    """Run a list with all threads, as often as the record says; other callers wait their turn."""
    _lock(mail, BUSY)
    if at(record, int64)[TIMES] > 0:
        threads = load(mail + THREADS)
        if threads > 1:
            _post(record, mail)
        _execute(0, threads, record, mail)
        at(record, int64)[TIMES] = at(record, int64)[AGAIN]
    _unlock(mail, BUSY)


def run_here(record, mail):
    """Run a list in the calling thread alone, beside any lists of other threads."""
    _execute(0, 1, record, mail)
    at(record, int64)[TIMES] = at(record, int64)[AGAIN]


def run_here_in_turn(record, mail):
    """Run a list in the calling thread alone, when no list of :func:`run` runs."""
    _lock(mail, BUSY)
    _execute(0, 1, record, mail)
    at(record, int64)[TIMES] = at(record, int64)[AGAIN]
    _unlock(mail, BUSY)


def hold(mail):
    """Keep lists of :func:`run` from beginning, and wait for the running one."""
    _lock(mail, BUSY)
    store(mail + HELD, 1)


def release(mail):
    """Let lists run again after :func:`hold`."""
    if load(mail + HELD) != 0:
        store(mail + HELD, 0)
        _unlock(mail, BUSY)


def stop(mail):
    """End the threads after their present work."""
    _lock(mail, BUSY)
    _post(0, mail)
    store(mail + THREADS, 1)
    _unlock(mail, BUSY)


def serve(start) -> int:
    """Run lists until one is 0: the whole life of a team's thread.

    Signals are the business of Python's own threads.
    """
    mail, thread, threads = at(start, int64)[0], at(start, int64)[1], at(start, int64)[2]
    call(load(mail + SIGMASK), (load(mail + SETMASK), mail + SIGNALS, 0))
    ticket = 0
    while True:
        looks = 0
        while load(mail + TICKET) == ticket and looks < _PATIENCE:
            looks += 1
            pause()
        if load(mail + TICKET) == ticket:
            _lock(mail, BELL)
            add(mail + SLEEPERS, 1)
            while load(mail + TICKET) == ticket:
                call(load(mail + WAIT), (mail + WAITING, mail + BELL))
            add(mail + SLEEPERS, -1)
            _unlock(mail, BELL)
        ticket += 1
        record = load(mail + LIST)
        if record == 0:
            return 0
        _execute(thread, threads, record, mail)

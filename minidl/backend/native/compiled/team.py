"""How the threads of a team hand lists of commands over, run them, and wait."""

from numba.types import int64

from minidl.backend.native.compiled.lowlevel import (
    add,
    at,
    call,
    exchange,
    helper,
    load,
    pause,
    store,
)
from minidl.backend.native.team import ARRIVED, ASLEEP, BASE, LENGTH, LIST, TICKET, TIMES

# How often a thread looks, some 20 ns each time, before it lets others have the processor once.
_LOOKS = 2_000
# How often it looks for the next list before it sleeps: about a millisecond.
_PATIENCE = 50_000


@helper
def _meet(mail, goal, yields):
    """Wait until all parts are here."""
    add(mail + ARRIVED, 1)
    looks = 0
    while load(mail + ARRIVED) < goal:
        looks += 1
        pause()
        if looks == _LOOKS:
            looks = 0
            if yields != 0:
                call(yields, ())


@helper
def _execute(part, parts, mail, yields):
    words = at(load(mail + LIST), int64)
    goal = load(mail + BASE)
    length = load(mail + LENGTH)
    for _ in range(load(mail + TIMES)):
        for k in range(length):
            if parts > 1 and words[3 * k + 2] != 0:
                goal += parts
                _meet(mail, goal, yields)
            call(words[3 * k], (words[3 * k + 1], part, parts))
        if parts > 1:
            goal += parts
            _meet(mail, goal, yields)


@helper
def _post(commands, length, times, parts, mail):
    store(mail + BASE, load(mail + ARRIVED))
    store(mail + LIST, commands)
    store(mail + LENGTH, length)
    store(mail + TIMES, times)
    add(mail + TICKET, 1)
    asleep = 0
    for part in range(1, parts):
        asleep += load(mail + ASLEEP + 64 * part)
    return asleep


def execute(part, parts, mail, yields):
    """Run the list in the mailbox: words of (function, block, whether to wait for all first)."""
    _execute(part, parts, mail, yields)


def run_alone(commands, length, times):
    """Run a list some times without the others."""
    words = at(commands, int64)
    for _ in range(times):
        for k in range(length):
            call(words[3 * k], (words[3 * k + 1], 0, 1))


def post(commands, length, times, parts, mail) -> int:
    """Put a list into the mailbox. How many parts sleep."""
    return _post(commands, length, times, parts, mail)


def run(commands, length, times, parts, mail, yields) -> int:
    """Post a list and run the own share; unless somebody sleeps: then how many."""
    asleep = _post(commands, length, times, parts, mail)
    if asleep == 0:
        _execute(0, parts, mail, yields)
    return asleep


def serve(ticket, part, parts, mail, yields) -> int:
    """Run lists after the one of ``ticket`` until none comes for a while.

    The ticket of the last one, to sleep; -1 to stop.
    """
    looks = 0
    while looks < _PATIENCE:
        if load(mail + TICKET) == ticket:
            looks += 1
            pause()
            continue
        ticket += 1
        if load(mail + LENGTH) < 0:
            return -1
        _execute(part, parts, mail, yields)
        looks = 0
    return ticket


def lie_down(ticket, part, mail) -> int:
    """Say that this part sleeps. Whether it may: a list may have come in the meantime."""
    exchange(mail + ASLEEP + 64 * part, 1)
    if load(mail + TICKET) == ticket:
        return 1
    # If the flag is gone already, a call is on its way and has to be taken.
    return 1 if exchange(mail + ASLEEP + 64 * part, 0) == 0 else 0


def get_up(part, mail) -> int:
    """Take back the sign of a sleeping part. Whether it was there: then it has to be called."""
    return exchange(mail + ASLEEP + 64 * part, 0)

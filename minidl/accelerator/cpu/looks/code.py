"""Questions to Python's objects, in a row; called with the GIL."""

from minidl.accelerator.cpu.looks.words import (
    ANSWER,
    AT,
    BORROWED,
    DICTIONARIES,
    DICTIONARY,
    EACH,
    ENTRY,
    FIXED,
    FUNCTION,
    GIVE_BACK,
    HEAD,
    HELD,
    KEY,
    NEW,
    NEXT,
    OBJECT,
    PLACE,
    SIZE,
    VERSION,
    VERSION_AT,
)
from minidl.accelerator.cpu.machine.lowlevel import ask, at, call
from minidl.accelerator.cpu.machine.values import int32, int64, uint32


def _reply(question) -> int64:
    """The reply of a question's function, or the word that the question points to."""
    q = at(question, int64)
    if q[FUNCTION] == 0:
        return at(q[OBJECT], int64)[0]
    return ask(q[FUNCTION], (q[OBJECT], q[PLACE]), int64)


def _next(block, dictionary) -> int32:
    """Take the next entry of a dictionary; 0 if there is none."""
    w = at(block, int64)
    words = dictionary, block + 8 * AT, block + 8 * KEY, block + 8 * HELD
    return ask(w[NEXT], words, int32)


def _same(block, dictionary, size, entries) -> int64:
    """1 if a dictionary has exactly the given entries, in this order."""
    w, then = at(block, int64), at(entries, int64)
    w[AT] = 0
    for k in range(0, ENTRY * size, ENTRY):
        if _next(block, dictionary) == 0 or w[KEY] != then[k]:
            return 0
        if then[k + 1] != 0 and w[HELD] != then[k + 1]:
            return 0
    return 1 if _next(block, dictionary) == 0 else 0


def _is_as_noted(block, head) -> int64:
    """1 if a dictionary has the noted entries: surely so if its class has the noted version."""
    h = at(head, int64)
    if h[VERSION_AT] == 0:
        return _same(block, h[DICTIONARY], h[SIZE], head + 8 * HEAD)
    now = int64(at(h[VERSION_AT], uint32)[0])
    if now != 0 and now == h[VERSION]:
        return 1
    same = _same(block, h[DICTIONARY], h[SIZE], head + 8 * HEAD)
    if same == 1:
        h[VERSION] = now
    return same


def unchanged(block) -> int64:
    """1 if each question has the noted answer, and each dictionary the noted entries, else 0."""
    w = at(block, int64)
    place = FIXED
    for _ in range(w[NEW]):
        reply = _reply(block + 8 * place)
        call(w[GIVE_BACK], (reply,))
        if reply != w[place + ANSWER]:
            return 0
        place += EACH
    for _ in range(w[BORROWED]):
        if _reply(block + 8 * place) != w[place + ANSWER]:
            return 0
        place += EACH
    for _ in range(w[DICTIONARIES]):
        if _is_as_noted(block, block + 8 * place) == 0:
            return 0
        place += HEAD + ENTRY * w[place + SIZE]
    return 1

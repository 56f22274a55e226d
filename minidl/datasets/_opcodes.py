"""Check of a pickle before the run: the memo may not be larger than the pickle.

The places in an unpickler's memo lie in one table, which grows to the largest number that a pickle
states: ten bytes can ask for gigabytes.
"""

from __future__ import annotations

import pickle
import pickletools
import re

_OPCODES = {opcode.code.encode("latin-1"): opcode for opcode in pickletools.opcodes}
_STOP, _PUTS = b".", (b"p", b"r")
# Opcodes whose argument begins with a length: the number of bytes of that length.
_LENGTHS = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


def _plain() -> re.Pattern[bytes]:
    """A run of opcodes with arguments of fixed sizes: nearly all of a list of integers."""
    codes: dict[int, bytes] = {}
    for code, opcode in _OPCODES.items():
        size = 0 if opcode.arg is None else opcode.arg.n
        if size >= 0 and code != _STOP and code not in _PUTS:
            codes[size] = codes.get(size, b"") + code
    # Small integers first, of which most pickles of lists consist.
    sizes = sorted(codes, key=lambda size: size or 9)
    tokens = (b"[%b].{%d}" % (re.escape(codes[size]), size) for size in sizes)
    # Of bounded length, because each repetition takes memory until the end of the match.
    return re.compile(b"(?:%b){0,10000}" % b"|".join(tokens), re.DOTALL)


_PLAIN = _plain()


def check_memo(pickled: bytes, start: int = 0) -> None:
    """Raise if a pickle numbers a place in the memo beyond the pickle's own length.

    Other damage is found by the unpickler.

    Raises:
        pickle.UnpicklingError: naming the number.
    """
    at = start
    while True:
        run = _PLAIN.match(pickled, at)
        if run is not None and run.end() > at:
            at = run.end()
            continue
        code = pickled[at : at + 1]
        opcode = _OPCODES.get(code)
        if opcode is None or opcode.arg is None or code == _STOP:
            return
        at += 1
        if code == b"r":
            _check(int.from_bytes(pickled[at : at + 4], "little"), len(pickled))
            at += 4
        elif opcode.arg.n == pickletools.UP_TO_NEWLINE:
            # GLOBAL and INST have two lines.
            for _ in range(2 if code in (b"c", b"i") else 1):
                end = pickled.find(b"\n", at)
                if end < 0:
                    return
                line, at = pickled[at:end], end + 1
            if code == b"p" and line.strip().isdigit():
                _check(int(line) if len(line) < 20 else 1 << 64, len(pickled))
        elif opcode.arg.n in _LENGTHS:
            width = _LENGTHS[opcode.arg.n]
            at += width + int.from_bytes(pickled[at : at + width], "little")
        else:
            return


def _check(number: int, size: int) -> None:
    if number > size:
        raise pickle.UnpicklingError(f"a pickle of {size} bytes with {number} places in its memo")

"""Random bits as a command: Philox 4x64-10 at the addresses of ``backend/random.py``."""

from __future__ import annotations

import numpy as np

from minidl.accelerator.cpu.commands import Command, UnsupportedError, access, block_of, known
from minidl.accelerator.cpu.draws.words import AHEAD, COUNT, KEY, OTHER_KEY, OUT, SIZE, STEP
from minidl.accelerator.cpu.machine.machine_code import command
from minidl.backend.addresses import address


def draw(key: np.ndarray, out: np.ndarray, step: np.ndarray, ahead: int) -> Command:
    """Fill ``out`` with the 16-bit numbers of a key.

    Args:
        key: two uint64.
        out: uint16, contiguous.
        step: an int64 that is read when the command runs; the numbers belong to the step
            ``step`` + ``ahead``.

    Raises:
        UnsupportedError: another type, or scattered elements.
    """
    known(step, written=[out])
    if out.dtype != np.uint16 or not out.flags.c_contiguous:
        raise UnsupportedError(f"random bits in {out.dtype}")
    first, second = key.view(np.int64)
    words = {OUT: address(out), STEP: address(step), COUNT: out.size, AHEAD: ahead}
    block = block_of(SIZE, words | {KEY: first, OTHER_KEY: second})
    # Shared out by counters: no part touches exactly the elements that it reads later.
    accesses = [access(out, True, None)]
    function = command("draw", "draws")
    return Command("random bits", function, block, accesses, (out, step), 4 * out.size)

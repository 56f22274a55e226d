"""Commands that share the same rows out, run strip by strip."""

from minidl.accelerator.cpu.machine.lowlevel import at, call
from minidl.accelerator.cpu.machine.values import int64
from minidl.accelerator.cpu.strips.words import BLOCK, COUNT, EACH, FIXED, FUNCTION, STRIPS


def strips(block, part, parts):
    """All commands over the first strip of a part's share, then all over the second one."""
    w = at(block, int64)
    for strip in range(w[STRIPS]):
        for k in range(w[COUNT]):
            place = FIXED + EACH * k
            arguments = w[place + BLOCK], part * w[STRIPS] + strip, parts * w[STRIPS]
            call(w[place + FUNCTION], arguments)

"""Commands that share the same rows out, run strip by strip."""

from minidl.accelerator.cpu.machine.lowlevel import at, call
from minidl.accelerator.cpu.machine.values import int64


def strips(block, part, parts):
    """All commands over the first strip of a part's share, then all over the second one."""
    w = at(block, int64)
    for strip in range(w[0]):
        for k in range(w[1]):
            call(w[2 * k + 2], (w[2 * k + 3], part * w[0] + strip, parts * w[0]))

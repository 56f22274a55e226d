"""Numbers that Python wrote for steps to come."""

from minidl.accelerator.cpu.machine.lowlevel import at
from minidl.accelerator.cpu.machine.values import int64


def take(block, part, parts):
    """Write the next row of numbers to where commands read them."""
    w = at(block, int64)
    if part == 0:
        row = at(w[0], int64)
        size = 0
        for k in range(w[1]):
            numbers = at(w[2 * k + 2], int64)
            for j in range(w[2 * k + 3]):
                numbers[j] = row[size + j]
            size += w[2 * k + 3]
        w[0] += 8 * size

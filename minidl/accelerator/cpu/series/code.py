"""Numbers that Python wrote for steps to come."""

from minidl.accelerator.cpu.machine.lowlevel import at
from minidl.accelerator.cpu.machine.values import int64
from minidl.accelerator.cpu.series.words import ADDRESS, COUNT, EACH, FIXED, LENGTH, NEXT


def take(block, part, parts):
    """Write the next row of numbers to the places that commands read."""
    w = at(block, int64)
    if part == 0:
        row = at(w[NEXT], int64)
        size = 0
        for k in range(w[COUNT]):
            place = FIXED + EACH * k
            numbers = at(w[place + ADDRESS], int64)
            for j in range(w[place + LENGTH]):
                numbers[j] = row[size + j]
            size += w[place + LENGTH]
        w[NEXT] += 8 * size

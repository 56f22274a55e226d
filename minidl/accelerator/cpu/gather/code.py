"""Rows of an array, copied into another."""

from minidl.accelerator.cpu.gather.words import (
    AXIS,
    COLUMNS,
    COUNT,
    ORDER,
    ORDERED,
    OUT,
    PLACE,
    ROOM,
    ROWS,
    SIZE,
    START,
    X,
)
from minidl.accelerator.cpu.machine.lowlevel import at, prefetch_all, within
from minidl.accelerator.cpu.machine.values import int64, uint8
from minidl.accelerator.cpu.shares import share

# Rows from the prefetch of a row to its copy: the wait for one row is as long as the copy of
# several.
_AHEAD = 6


def _copy(out, x, n):
    for j in range(n):
        out[j] = x[j]


def gather(block, part, parts):
    """out[i] = x[order[start + i]] for i < count."""
    w = at(block, int64)
    place = at(w[PLACE], int64)
    start, count = within(place[START], place[COUNT], w[ORDERED], w[ROOM])
    rows = at(w[ORDER] + 8 * start, int64)
    last_row, pitch, size = w[ROWS] - 1, w[COLUMNS] * w[SIZE], w[SIZE]
    first, last, low, high = share(count, w[COLUMNS], w[AXIS], part, parts)
    if low < high:
        for i in range(first - _AHEAD, last):
            if first <= i + _AHEAD < last:
                soon = w[X] + min(max(rows[i + _AHEAD], 0), last_row) * pitch
                prefetch_all(soon + low * size, soon + high * size)
            if i >= first:
                row = min(max(rows[i], 0), last_row)
                x = at(w[X] + row * pitch + low * size, uint8)
                out = at(w[OUT] + i * pitch + low * size, uint8)
                _copy(out, x, (high - low) * size)

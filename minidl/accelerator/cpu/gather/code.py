"""Rows of an array, copied into another."""

from minidl.accelerator.cpu.machine.lowlevel import at, prefetch_all, within
from minidl.accelerator.cpu.machine.values import int64, uint8
from minidl.accelerator.cpu.shares import share

# So many rows before it is copied, a row is asked for: memory takes as long to begin with one as to
# copy several.
_AHEAD = 6


def _copy(out, x, n):
    for j in range(n):
        out[j] = x[j]


def gather(block, part, parts):
    """out[i] = x[order[start + i]] for i < count."""
    w = at(block, int64)
    start, count = within(at(w[3], int64)[0], at(w[3], int64)[1], w[8], w[9])
    rows = at(w[2] + 8 * start, int64)
    last_row, pitch, size = w[7] - 1, w[4] * w[5], w[5]
    first, last, low, high = share(count, w[4], w[6], part, parts)
    if low < high:
        for i in range(first - _AHEAD, last):
            if first <= i + _AHEAD < last:
                soon = w[0] + min(max(rows[i + _AHEAD], 0), last_row) * pitch
                prefetch_all(soon + low * size, soon + high * size)
            if i >= first:
                row = min(max(rows[i], 0), last_row)
                x = at(w[0] + row * pitch + low * size, uint8)
                out = at(w[1] + i * pitch + low * size, uint8)
                _copy(out, x, (high - low) * size)

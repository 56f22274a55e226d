"""Rows of an array, copied into another."""

from numba.types import int64, uint8

from minidl.backend.native.compiled.lowlevel import at, helper, prefetch_all
from minidl.backend.native.shares import share

# So many rows before it is copied, a row is asked for: memory takes as long to begin with one as to
# copy several.
_AHEAD = 6


@helper
def _copy(out, x, n):
    for j in range(n):
        out[j] = x[j]


def gather(block, part, parts):
    """out[i] = x[order[start + i]] for i < count."""
    w = at(block, int64)
    rows = at(w[2] + 8 * at(w[3], int64)[0], int64)
    count, pitch, size = at(w[3], int64)[1], w[4] * w[5], w[5]
    first, last, low, high = share(count, w[4], w[6], part, parts)
    if low < high:
        for i in range(first - _AHEAD, last):
            if first <= i + _AHEAD < last:
                soon = w[0] + rows[i + _AHEAD] * pitch
                prefetch_all(soon + low * size, soon + high * size)
            if i >= first:
                x = at(w[0] + rows[i] * pitch + low * size, uint8)
                out = at(w[1] + i * pitch + low * size, uint8)
                _copy(out, x, (high - low) * size)

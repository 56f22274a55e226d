"""Rows of an array, gathered into another: the next batch."""

from __future__ import annotations

import numba
import numpy as np

from minidl.backend.layout import address
from minidl.backend.native.commands import Command, UnsupportedError, access, axis_of
from minidl.backend.native.lowlevel import at, command, prefetch, share

# So many rows before it is copied, a row is asked for: memory takes as long to begin with one as to
# copy several.
_AHEAD = 6


@numba.njit
def _copy(out, x, n):
    for j in range(n):
        out[j] = x[j]


@command
def _gather(block, part, parts):
    w = at(block, numba.types.int64)
    rows = at(w[2] + 8 * at(w[3], numba.types.int64)[0], numba.types.int64)
    count, pitch, size = at(w[3], numba.types.int64)[1], w[4] * w[5], w[5]
    first, last, low, high = share(count, w[4], w[6], part, parts)
    if low < high:
        for i in range(first - _AHEAD, last):
            if first <= i + _AHEAD < last:
                soon = w[0] + rows[i + _AHEAD] * pitch
                for k in range(low * size, high * size, 64):
                    prefetch(soon + k)
            if i >= first:
                x = at(w[0] + rows[i] * pitch + low * size, numba.types.uint8)
                out = at(w[1] + i * pitch + low * size, numba.types.uint8)
                _copy(out, x, (high - low) * size)


def gather(x: np.ndarray, order: np.ndarray, place: np.ndarray, out: np.ndarray) -> list[Command]:
    """out[i] = x[order[start + i]] for i < count.

    Args:
        x, out: arrays of rows, contiguous.
        order: int64. The caller vouches for the indices.
        place: (start, count), int64, read when the command runs.
    """
    if not (x.flags.c_contiguous and out.flags.c_contiguous and order.flags.c_contiguous):
        raise UnsupportedError("scattered rows")
    columns = int(np.prod(x.shape[1:]))
    where = address(x), address(out), address(order), address(place)
    axis = axis_of(len(out), columns)
    block = np.array([*where, columns, x.itemsize, axis], np.int64)
    kept = x, order, place, out
    return [
        Command(
            f"gather {out.shape}", _gather.address, block, [access(out, True, axis)], kept, out.size
        )
    ]

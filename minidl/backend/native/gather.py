"""Rows of an array, gathered into another: the next batch."""

from __future__ import annotations

import numba
import numpy as np

from minidl.backend.layout import address
from minidl.backend.native.commands import Command, UnsupportedError, access
from minidl.backend.native.lowlevel import at, command, cut


@numba.njit
def _copy(out, x, n):
    for j in range(n):
        out[j] = x[j]


@command
def _gather(block, part, parts):
    w = at(block, numba.types.int64)
    rows = at(w[2] + 8 * at(w[3], numba.types.int64)[0], numba.types.int64)
    low, high = w[5] * cut(w[4], part, parts), w[5] * cut(w[4], part + 1, parts)
    if low < high:
        for i in range(at(w[3], numba.types.int64)[1]):
            x = at(w[0] + rows[i] * w[4] * w[5] + low, numba.types.uint8)
            _copy(at(w[1] + i * w[4] * w[5] + low, numba.types.uint8), x, high - low)


def gather(x: np.ndarray, order: np.ndarray, place: np.ndarray, out: np.ndarray) -> list[Command]:
    """out[i] = x[order[start + i]] for i < count; each part copies its columns of each row.

    Args:
        x, out: arrays of rows, contiguous.
        order: int64. The caller vouches for the indices.
        place: (start, count), int64, read when the command runs.
    """
    if not (x.flags.c_contiguous and out.flags.c_contiguous and order.flags.c_contiguous):
        raise UnsupportedError("scattered rows")
    columns = int(np.prod(x.shape[1:]))
    where = address(x), address(out), address(order), address(place)
    block = np.array([*where, columns, x.itemsize], np.int64)
    kept = x, order, place, out
    return [
        Command(
            f"gather {out.shape}", _gather.address, block, [access(out, True, None)], kept, out.size
        )
    ]

"""Rows of an array, gathered into another: the next batch."""

from __future__ import annotations

import numpy as np

from minidl.backend.layout import address
from minidl.backend.native.commands import Command, UnsupportedError, access, axis_of
from minidl.backend.native.machine_code import command


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
    function = command("gather", "gather")
    accesses = [access(out, True, axis)]
    return [Command(f"gather {out.shape}", function, block, accesses, kept, out.size)]

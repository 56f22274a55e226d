"""Rows of an array, gathered into another: the next batch."""

from __future__ import annotations

import math

import numpy as np

from minidl.accelerator.cpu.commands import (
    Command,
    UnsupportedError,
    access,
    axis_of,
    block_of,
    known,
)
from minidl.accelerator.cpu.gather.words import (
    AXIS,
    COLUMNS,
    ORDER,
    ORDERED,
    OUT,
    PLACE,
    ROOM,
    ROWS,
    SIZE,
    WORDS,
    X,
)
from minidl.accelerator.cpu.machine.machine_code import command
from minidl.backend.addresses import address


def check(order: np.ndarray, place: np.ndarray) -> None:
    """Check the arrays that choose the next rows.

    Raises:
        UnsupportedError: arrays other than vectors of int64, or of fewer than two numbers.
    """
    known(order, place)
    for array in (order, place):
        if array.dtype != np.int64 or array.ndim != 1 or not array.flags.c_contiguous:
            raise UnsupportedError(f"rows given by {array.dtype} of shape {array.shape}")
    if len(place) < 2:
        raise UnsupportedError("no start and count of rows")


def gather(x: np.ndarray, order: np.ndarray, place: np.ndarray, out: np.ndarray) -> list[Command]:
    """out[i] = x[order[start + i]] for i < count.

    Args:
        x, out: arrays of rows, contiguous.
        order: int64. An index that is no row stands for the nearest one, as for NumPy's "clip".
        place: (start, count), int64, read when the command runs; cut off where order or out end.

    Raises:
        UnsupportedError: rows of another shape or type, or scattered rows.
    """
    check(order, place)
    if not (x.flags.c_contiguous and out.flags.c_contiguous and out.flags.writeable):
        raise UnsupportedError("scattered rows, or a result in memory that is read-only")
    fits = x.dtype == out.dtype and not x.dtype.hasobject and x.shape[1:] == out.shape[1:]
    if not len(x) or not fits:
        raise UnsupportedError(f"rows of {x.dtype} {x.shape} into {out.dtype} {out.shape}")
    if np.may_share_memory(x, out):
        raise UnsupportedError("rows into the array itself")
    columns = math.prod(x.shape[1:])
    axis = axis_of(len(out), columns)
    words = {
        X: address(x), OUT: address(out), ORDER: address(order), PLACE: address(place),
        COLUMNS: columns, SIZE: x.itemsize, AXIS: axis,
        ROWS: len(x), ORDERED: len(order), ROOM: len(out),
    }  # fmt: skip
    block = block_of(WORDS, words)
    kept = x, order, place, out
    function = command("gather", "gather")
    accesses = [access(out, True, axis)]
    return [Command(f"gather {out.shape}", function, block, accesses, kept, out.size)]

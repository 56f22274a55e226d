"""Sums, largest elements and their places as commands; sums in NumPy's order, to the same bits."""

from __future__ import annotations

import itertools

import numpy as np

from minidl.accelerator.cpu import shares
from minidl.accelerator.cpu.commands import (
    Command,
    UnsupportedError,
    access,
    axis_of,
    block_of,
    known,
    shape_of,
)
from minidl.accelerator.cpu.machine.machine_code import command
from minidl.accelerator.cpu.shares import WHOLE, WIDE
from minidl.accelerator.cpu.sums.words import (
    ADDRESS,
    AXIS,
    BLOCKS,
    COLUMNS,
    COUNT,
    EACH,
    FIXED,
    KIND,
    LARGEST,
    LENGTH,
    OUT,
    OUT_ROW,
    PLACE,
    ROWS,
    SIZE,
    SUM,
    TERMS,
    TOTAL,
    X_BLOCK,
    X_ROW,
    X,
)
from minidl.accelerator.cpu.team.team import part_count
from minidl.backend.addresses import address

# Elements from which a sum is worth a second thread; NumPy halves so long a sum many times.
_SHARED = 1 << 12
_KINDS = {"sum": SUM, "max": LARGEST, "argmax": PLACE}


def reduction(kind: str, x: np.ndarray, axis: int | None, out: np.ndarray) -> list[Command]:
    """out = the sum, max or argmax of x along an axis; None for all elements.

    Raises:
        UnsupportedError: another reduction, type or layout.
    """
    known(x, written=[out])
    if np.may_share_memory(x, out):
        raise UnsupportedError(f"{kind} into the array itself")
    if axis is not None and x.ndim and not -x.ndim <= axis < x.ndim:
        raise UnsupportedError(f"{kind} along axis {axis} of {x.ndim}")
    if axis is not None and not isinstance(axis, int):
        raise UnsupportedError(f"{kind} along several axes")
    if axis is None and kind == "sum" and x.size >= _SHARED and x.flags.c_contiguous:
        return _in_terms(x.reshape(-1), _view(out, (1,)))
    return [_whole(kind, x, axis, out)]


def _whole(kind: str, x: np.ndarray, axis: int | None, out: np.ndarray) -> Command:
    if axis is not None and x.ndim > 1 and x.shape[-1] == 1 and axis % x.ndim == x.ndim - 2:
        # NumPy takes single columns as rows, too, which are added up in another order.
        return _along_rows(kind, _view(x, (-1, x.shape[-2])), _view(out, (-1,)))
    if axis is None and x.flags.c_contiguous:
        return _along_rows(kind, x.reshape(1, -1), _view(out, (1,)))
    if axis is not None and x.ndim and axis % x.ndim == x.ndim - 1 and x.ndim == 2:
        return _along_rows(kind, x, _view(out, (-1,)))
    if kind == "sum" and axis is not None and axis % x.ndim == x.ndim - 2:
        return _along_columns(x, out)
    raise UnsupportedError(f"{kind} along axis {axis} of {x.ndim}")


def _view(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The array in another shape, where that is the same memory."""
    made = array.reshape(shape)
    if array.size and not np.may_share_memory(made, array):
        raise UnsupportedError(f"shape {array.shape} as {shape}")
    return made


def _along_rows(kind: str, x: np.ndarray, out: np.ndarray) -> Command:
    rows, columns = x.shape
    if x.strides[1] != x.itemsize and columns > 1:
        raise UnsupportedError("scattered columns")
    if columns == 0 and kind != "sum":
        raise UnsupportedError(f"{kind} of nothing")
    if len(out) != rows:
        raise UnsupportedError(f"{kind} of {rows} rows into {len(out)}")
    wanted = np.dtype(np.int64) if kind == "argmax" else out.dtype
    if out.dtype != wanted or (kind == "max" and x.dtype != out.dtype):
        raise UnsupportedError(f"{kind} of {x.dtype} as {out.dtype}")
    axis = shares.ROWS if rows >= WIDE else WHOLE
    words = {
        AXIS: axis, KIND: _KINDS[kind], ROWS: rows, COLUMNS: columns,
        X: address(x), X_ROW: x.strides[0], OUT: address(out), OUT_ROW: out.strides[0],
    }  # fmt: skip
    block = block_of(SIZE, words)
    working = out.dtype if kind == "sum" else x.dtype
    function = _compiled("along_rows", x.dtype.name, out.dtype.name, working.name)
    accesses = [access(x, False, axis), access(out.reshape(-1, 1), True, axis)]
    return Command(f"{kind} {x.shape}", function, block, accesses, (x, out), x.size)


def _along_columns(x: np.ndarray, out: np.ndarray) -> Command:
    if x.ndim not in (2, 3) or out.shape != (*x.shape[:-2], x.shape[-1]):
        raise UnsupportedError(f"sum of shape {x.shape} into {out.shape}")
    if x.size and (x.strides[-1] != x.itemsize or out.strides[-1] != out.itemsize):
        raise UnsupportedError("scattered columns")
    rows, columns = x.shape[-2:]
    axis = shares.COLUMNS if columns >= WIDE else WHOLE
    if x.ndim == 3 and len(x) > 1:  # of several blocks each part has some, as of the rows
        axis = shares.ROWS
    several = x.ndim == 3
    words = {
        AXIS: axis, BLOCKS: len(x) if several else 1, ROWS: rows, COLUMNS: columns,
        X: address(x), X_BLOCK: x.strides[0] if several else 0, X_ROW: x.strides[-2],
        OUT: address(out), OUT_ROW: out.strides[0] if several else 0,
    }  # fmt: skip
    block = block_of(SIZE, words)
    function = _compiled("along_columns", x.dtype.name, out.dtype.name, out.dtype.name)
    # By columns only where both are shared out by columns elsewhere, too.
    whole = several or axis_of(*shape_of(x)) != axis
    accesses = [
        access(x, False, None if whole else axis),
        access(out, True, None if axis == shares.ROWS else axis),
    ]
    return Command(f"sum {x.shape}", function, block, accesses, (x, out), x.size)


def _in_terms(x: np.ndarray, out: np.ndarray) -> list[Command]:
    """out = Σ x: each part adds up some of NumPy's halves, or halves of halves."""
    cuts = [0, x.size]
    while len(cuts) <= part_count():
        pairs = list(itertools.pairwise(cuts))
        cuts = sorted([*cuts, *(a + (b - a) // 2 - (b - a) // 2 % 8 for a, b in pairs)])
    halves = [(a, b - a) for a, b in itertools.pairwise(cuts)]
    terms = np.zeros(len(halves), out.dtype)
    words = {COUNT: len(halves), TERMS: address(terms), TOTAL: address(out)}
    block = block_of(FIXED + EACH * len(halves), words)
    block[FIXED + ADDRESS :: EACH] = [address(x) + start * x.itemsize for start, _ in halves]
    block[FIXED + LENGTH :: EACH] = [size for _, size in halves]
    names = x.dtype.name, out.dtype.name, out.dtype.name
    return [
        Command(
            f"sum {x.shape}", _compiled("terms", *names), block,
            [access(x, False, None), access(terms, True, None)], (x, terms), x.size,
        ),
        Command(
            f"sum {terms.shape}", _compiled("total", *names), block,
            [access(terms, True, WHOLE), access(out, True, WHOLE)], (terms, out),
        ),
    ]  # fmt: skip


def _compiled(name: str, *types: str) -> int:
    """Address of a command for the types read, written and computed in."""
    source, target, working = ("uint8" if each == "bool" else each for each in types)  # as stored
    return command(name, "sums", source=source, target=target, working=working)

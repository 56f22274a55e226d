"""Sums, largest elements and their places as commands; sums in NumPy's order, to the same bits."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np

from minidl.backend import loops
from minidl.backend.layout import address
from minidl.backend.native.commands import (
    Command,
    UnsupportedError,
    access,
    axis_of,
    known,
    shape_of,
)
from minidl.backend.native.lowlevel import COLUMNS, ROWS, VERSION, WHOLE, WIDE
from minidl.backend.native.team import team

_SOURCE = """\
# lowlevel {version}
import numba
import numpy
from numpy import {working} as T
from minidl.backend.native.lowlevel import COMMAND, at, cut

SIZE = {size}

"""
_PAIRWISE = """\

@numba.njit(error_model="numpy")
def pairwise(x, n):
    # NumPy's order: halves of halves, and eight sums side by side in blocks of up to 128.
    p = at(x, numba.types.{source})
    if n < 8:
        total = T(-0.0)
        for k in range(n):
            total += T(p[k])
        return total
    if n <= 128:
        a, b, c, d = T(p[0]), T(p[1]), T(p[2]), T(p[3])
        e, f, g, h = T(p[4]), T(p[5]), T(p[6]), T(p[7])
        whole = n - n % 8
        for k in range(8, whole, 8):
            a += T(p[k])
            b += T(p[k + 1])
            c += T(p[k + 2])
            d += T(p[k + 3])
            e += T(p[k + 4])
            f += T(p[k + 5])
            g += T(p[k + 6])
            h += T(p[k + 7])
        total = ((a + b) + (c + d)) + ((e + f) + (g + h))
        for k in range(whole, n):
            total += T(p[k])
        return total
    half = n // 2
    half -= half % 8
    return pairwise(x, half) + pairwise(x + half * {source_size}, n - half)

"""
_ALONG_ROWS = """\

@numba.njit(error_model="numpy")
def largest(x, n):
    # A NaN stays: nothing is greater, and only another NaN differs from itself.
    p = at(x, numba.types.{source})
    place = 0
    for k in range(1, n):
        if p[k] > p[place] or (p[k] != p[k] and p[place] == p[place]):
            place = k
    return place


@numba.cfunc(COMMAND, cache=True, error_model="numpy")
def along_rows(block, part, parts):
    w = at(block, numba.types.int64)
    first, last = 0, w[1]
    if w[0] == {ROWS}:
        first, last = cut(w[1], part, parts), cut(w[1], part + 1, parts)
    elif part != 0:
        last = 0
    for i in range(first, last):
        x = w[3] + i * w[4]
        out = w[5] + i * w[6]
        if w[7] == 0:
            at(out, numba.types.{target})[0] = pairwise(x, w[2]) + T(0)
        elif w[7] == 1:
            at(out, numba.types.{target})[0] = at(x, numba.types.{source})[largest(x, w[2])]
        else:
            at(out, numba.types.int64)[0] = largest(x, w[2])
"""
_ALONG_COLUMNS = """\

@numba.njit(error_model="numpy")
def add_row(out, x, n):
    for j in range(n):
        out[j] += T(x[j])


@numba.cfunc(COMMAND, cache=True, error_model="numpy")
def along_columns(block, part, parts):
    w = at(block, numba.types.int64)
    low, high, first, last = 0, w[3], 0, w[1]
    if w[0] == {COLUMNS}:
        low, high = cut(w[3], part, parts), cut(w[3], part + 1, parts)
    elif w[0] == {ROWS}:
        first, last = w[1] * part // parts, w[1] * (part + 1) // parts
    elif part != 0:
        high = 0
    if low < high:
        for k in range(first, last):
            out = at(w[7] + k * w[8] + low * SIZE, numba.types.{working})
            for j in range(high - low):
                out[j] = 0
            for i in range(w[2]):
                x = w[4] + k * w[5] + i * w[6] + low * {source_size}
                add_row(out, at(x, numba.types.{source}), high - low)
"""
_TERMS = """\

@numba.cfunc(COMMAND, cache=True, error_model="numpy")
def terms(block, part, parts):
    w = at(block, numba.types.int64)
    total = at(w[1], numba.types.{working})
    for k in range(w[0] * part // parts, w[0] * (part + 1) // parts):
        total[k] = pairwise(w[2 + 2 * k], w[3 + 2 * k])
"""
_TOTAL = """\

@numba.cfunc(COMMAND, cache=True, error_model="numpy")
def total(block, part, parts):
    w = at(block, numba.types.int64)
    terms = at(w[1], numba.types.{working})
    if part == 0:
        count = w[0]
        while count > 1:
            count //= 2
            for k in range(count):
                terms[k] = terms[2 * k] + terms[2 * k + 1]
        at(w[2], numba.types.{target})[0] = terms[0] + T(0)
"""
_SOURCES = {
    "along_rows": _PAIRWISE + _ALONG_ROWS,
    "along_columns": _ALONG_COLUMNS,
    "terms": _PAIRWISE + _TERMS,
    "total": _TOTAL,
}
# Where a sum is worth a second thread; NumPy halves it many times over.
_SHARED = 1 << 12
_KINDS = {"sum": 0, "max": 1, "argmax": 2}


def reduction(kind: str, x: np.ndarray, axis: int | None, out: np.ndarray) -> list[Command]:
    """out = the sum, max or argmax of x along an axis; None for all elements.

    Raises:
        UnsupportedError: another reduction, type or layout.
    """
    known(x, out)
    if axis is not None and not isinstance(axis, int):
        raise UnsupportedError(f"{kind} along several axes")
    if axis is None and kind == "sum" and x.size >= _SHARED and x.flags.c_contiguous:
        return _in_terms(x.reshape(-1), out)
    return [_whole(kind, x, axis, out)]


def _whole(kind: str, x: np.ndarray, axis: int | None, out: np.ndarray) -> Command:
    if axis is not None and x.ndim > 1 and x.shape[-1] == 1 and axis % x.ndim == x.ndim - 2:
        # Of single columns NumPy makes rows, too, whose order of summation is another.
        return _along_rows(kind, x.reshape(-1, x.shape[-2]), out.reshape(-1))
    if axis is None and x.flags.c_contiguous:
        return _along_rows(kind, x.reshape(1, -1), out.reshape(1))
    if axis is not None and x.ndim and axis % x.ndim == x.ndim - 1 and x.ndim == 2:
        return _along_rows(kind, x, out.reshape(-1))
    if kind == "sum" and axis is not None and axis % x.ndim == x.ndim - 2:
        return _along_columns(x, out)
    raise UnsupportedError(f"{kind} along axis {axis} of {x.ndim}")


def _along_rows(kind: str, x: np.ndarray, out: np.ndarray) -> Command:
    rows, columns = x.shape
    if x.strides[1] != x.itemsize and columns > 1:
        raise UnsupportedError("scattered columns")
    if len(out) != rows:
        raise UnsupportedError(f"{kind} of {rows} rows into {len(out)}")
    wanted = np.dtype(np.int64) if kind == "argmax" else out.dtype
    if out.dtype != wanted or (kind == "max" and x.dtype != out.dtype):
        raise UnsupportedError(f"{kind} of {x.dtype} as {out.dtype}")
    axis = ROWS if rows >= WIDE else WHOLE
    block = np.array(
        [axis, rows, columns, address(x), x.strides[0], address(out), out.strides[0], _KINDS[kind]]
    )
    working = out.dtype if kind == "sum" else x.dtype
    function = _compiled("along_rows", x.dtype.name, out.dtype.name, working.name)
    accesses = [access(x, False, axis), access(out.reshape(-1, 1), True, axis)]
    return Command(f"{kind} {x.shape}", function, block, accesses, (x, out), x.size)


def _along_columns(x: np.ndarray, out: np.ndarray) -> Command:
    if x.ndim not in (2, 3) or out.shape != (*x.shape[:-2], x.shape[-1]):
        raise UnsupportedError(f"sum of shape {x.shape} into {out.shape}")
    if x.strides[-1] != x.itemsize or out.strides[-1] != out.itemsize:
        raise UnsupportedError("scattered columns")
    rows, columns = x.shape[-2:]
    axis = COLUMNS if columns >= WIDE else WHOLE
    if x.ndim == 3 and len(x) > 1:  # of several blocks each part has some, as of the rows
        axis = ROWS
    block = np.array(
        [
            axis, 1 if x.ndim == 2 else len(x), rows, columns, address(x),
            0 if x.ndim == 2 else x.strides[0], x.strides[-2], address(out),
            0 if x.ndim == 2 else out.strides[0],
        ]
    )  # fmt: skip
    function = _compiled("along_columns", x.dtype.name, out.dtype.name, out.dtype.name)
    # By columns only where both are shared out by columns elsewhere, too.
    whole = x.ndim == 3 or axis_of(*shape_of(x)) != axis
    accesses = [
        access(x, False, None if whole else axis),
        access(out, True, None if axis == ROWS else axis),
    ]
    return Command(f"sum {x.shape}", function, block, accesses, (x, out), x.size)


def _in_terms(x: np.ndarray, out: np.ndarray) -> list[Command]:
    """out = Σ x: each part adds up some of NumPy's halves, or halves of halves."""
    cuts = [0, x.size]
    while len(cuts) <= team().parts:
        pairs = list(itertools.pairwise(cuts))
        cuts = sorted([*cuts, *(a + (b - a) // 2 - (b - a) // 2 % 8 for a, b in pairs)])
    halves = [(a, b - a) for a, b in itertools.pairwise(cuts)]
    terms = np.zeros(len(halves), out.dtype)
    first = [len(halves), address(terms)]
    places = [word for start, n in halves for word in (address(x) + start * x.itemsize, n)]
    names = x.dtype.name, out.dtype.name, out.dtype.name
    block, last = np.array([*first, *places]), np.array([*first, address(out)])
    return [
        Command(
            f"sum {x.shape}", _compiled("terms", *names), block,
            [access(x, False, None), access(terms, True, None)], (x, terms), x.size,
        ),
        Command(
            f"sum {terms.shape}", _compiled("total", *names), last,
            [access(terms, True, WHOLE), access(out, True, WHOLE)], (terms, out),
        ),
    ]  # fmt: skip


@functools.cache
def _compiled(function: str, source: str, target: str, working: str) -> int:
    names = {"bool": "uint8"}  # as it lies in memory
    text = (_SOURCE + _SOURCES[function]).format(
        version=VERSION,
        source=names.get(source, source),
        target=names.get(target, target),
        working=working,
        size=np.dtype(working).itemsize,
        source_size=np.dtype(source).itemsize,
        ROWS=ROWS,
        COLUMNS=COLUMNS,
    )
    found: Any = loops._load(function, text)
    return int(found.address)

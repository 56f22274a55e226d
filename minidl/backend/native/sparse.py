"""Sparse rows, CSR matrices, as commands: the next batch of them, and products with them.

Products add up entry by entry and row by row, as SciPy's do, and come to the same bits.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minidl.backend import loops
from minidl.backend.layout import address
from minidl.backend.native.commands import WORTH, Access, Command, UnsupportedError, access
from minidl.backend.native.lowlevel import ROWS, VERSION, WHOLE, WIDE
from minidl.backend.native.team import team

# The beginning of a block: entries, their columns, where each row ends.
_HEADER = """\
# lowlevel {version}
import numba
from minidl.backend.native.lowlevel import COMMAND, at, cut


@numba.njit(error_model="numpy")
def clear(out, n):
    for j in range(n):
        out[j] = 0


@numba.njit(error_model="numpy")
def add_row(out, x, factor, n):
    for j in range(n):
        out[j] += factor * x[j]


@numba.cfunc(COMMAND, cache=True, error_model="numpy")
def {name}(block, part, parts):
    w = at(block, numba.types.int64)
    data = at(w[0], numba.types.{real})
    columns = at(w[1], numba.types.{integer})
    ends = at(w[2], numba.types.{integer})
"""
_BODIES = {
    "sparse_forward": """\
    # out_i: the sum over the entries k of row i of data_k W_column
    units = w[6]
    for i in range(cut(w[5], part, parts), cut(w[5], part + 1, parts)):
        out = at(w[4] + i * units * {size}, numba.types.{real})
        clear(out, units)
        for k in range(ends[i], ends[i + 1]):
            W = at(w[3] + columns[k] * units * {size}, numba.types.{real})
            add_row(out, W, data[k], units)
""",
    "sparse_backward": """\
    # out_column: the sum over all rows i and entries k of data_k dy_i; some columns for each part
    units = w[6]
    low, high = w[7 + part], w[8 + part]
    clear(at(w[4] + low * units * {size}, numba.types.{real}), (high - low) * units)
    for i in range(w[5]):
        dy = at(w[3] + i * units * {size}, numba.types.{real})
        for k in range(ends[i], ends[i + 1]):
            if low <= columns[k] < high:
                out = at(w[4] + columns[k] * units * {size}, numba.types.{real})
                add_row(out, dy, data[k], units)
""",
    "sparse_ends": """\
    # where the rows of the batch end, once they lie one after the other
    order = at(w[6] + 8 * at(w[7], numba.types.int64)[0], numba.types.int64)
    out = at(w[5], numba.types.{integer})
    if part == 0:
        out[0] = 0
        for i in range(at(w[7], numba.types.int64)[1]):
            out[i + 1] = out[i] + ends[order[i] + 1] - ends[order[i]]
""",
    "sparse_gather": """\
    order = at(w[6] + 8 * at(w[7], numba.types.int64)[0], numba.types.int64)
    count = at(w[7], numba.types.int64)[1]
    out_data = at(w[3], numba.types.{real})
    out_columns = at(w[4], numba.types.{integer})
    out_ends = at(w[5], numba.types.{integer})
    for i in range(count * part // parts, count * (part + 1) // parts):
        start, to = ends[order[i]], out_ends[i]
        for k in range(ends[order[i] + 1] - start):
            out_data[to + k] = data[start + k]
            out_columns[to + k] = columns[start + k]
""",
}


def forward(x: Any, W: np.ndarray, out: np.ndarray) -> Command:
    """out = x W, for CSR rows x: each part some rows."""
    _check(x, W, out)
    block = np.array([*_addresses(x), address(W), address(out), *out.shape], np.int64)
    axis = ROWS if len(out) >= WIDE else None
    accesses = [*_reads(x), access(W, False, None), access(out, True, axis)]
    return Command(
        f"product of sparse {x.shape} {W.shape}", _compiled("sparse_forward", x), block, accesses,
        (x, W, out), WORTH,
    )  # fmt: skip


def backward(x: Any, dy: np.ndarray, out: np.ndarray) -> Command:
    """out = xᵀ dy, for CSR rows x: each part some columns of x, with as many entries as others'.

    How many entries a column has is taken from the rows that x holds now.
    """
    _check(x, dy, out)
    counts = np.bincount(x.indices[: x.indptr[-1]], minlength=x.shape[1]).cumsum()
    parts = team().parts
    shares = [counts[-1] * k // parts for k in range(1, parts)]
    bounds = [0, *np.searchsorted(counts, shares), x.shape[1]]
    block = np.array(
        [*_addresses(x), address(dy), address(out), x.shape[0], out.shape[1], *bounds], np.int64
    )
    accesses = [*_reads(x), access(dy, False, None), access(out, True, None)]
    return Command(
        f"product of sparse transposed {x.shape} {dy.shape}", _compiled("sparse_backward", x),
        block, accesses, (x, dy, out), WORTH,
    )  # fmt: skip


def gather_rows(x: Any, order: np.ndarray, place: np.ndarray, out: Any) -> list[Command]:
    """The rows order[start], order[start + 1], … of x, for CSR matrices x and out.

    Args:
        x: a canonical matrix.
        order: int64. The caller vouches for the indices.
        place: (start, count), int64, read when the command runs.
        out: of the same types, with memory for any such rows.
    """
    if (x.data.dtype, x.indices.dtype) != (out.data.dtype, out.indices.dtype):
        raise UnsupportedError("sparse rows of other types")
    block = np.array([*_addresses(x), *_addresses(out), address(order), address(place)], np.int64)
    kept = x, order, place, out
    ends = access(out.indptr, True, WHOLE)
    entries = [access(a, True, None) for a in (out.data, out.indices)]
    read = access(out.indptr, False, None)
    return [
        Command("ends of sparse rows", _compiled("sparse_ends", x), block, [ends], kept),
        Command(
            f"gather sparse {out.shape}", _compiled("sparse_gather", x), block, [read, *entries],
            kept, out.data.size,
        ),
    ]  # fmt: skip


def _check(x: Any, factor: np.ndarray, out: np.ndarray) -> None:
    if not x.data.dtype == factor.dtype == out.dtype or out.dtype.char not in "fd":
        raise UnsupportedError("a sparse product of other types")
    if not (factor.flags.c_contiguous and out.flags.c_contiguous):
        raise UnsupportedError("a sparse product of scattered rows")


def _addresses(x: Any) -> tuple[int, int, int]:
    return address(x.data), address(x.indices), address(x.indptr)


def _reads(x: Any) -> list[Access]:
    return [access(a, False, None) for a in (x.data, x.indices, x.indptr)]


def _compiled(name: str, x: Any) -> int:
    if x.data.dtype.name not in ("float32", "float64") or x.indices.dtype != x.indptr.dtype:
        raise UnsupportedError(f"sparse rows of {x.data.dtype} and {x.indices.dtype}")
    return _function(name, x.data.dtype.name, x.indices.dtype.name)


@functools.cache
def _function(name: str, real: str, integer: str) -> int:
    text = (_HEADER + _BODIES[name]).format(
        version=VERSION, name=name, real=real, integer=integer, size=np.dtype(real).itemsize
    )
    found: Any = loops._load(name, text)
    return int(found.address)

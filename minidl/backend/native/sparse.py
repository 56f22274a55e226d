"""Sparse rows, CSR matrices, as commands: the next batch of them, and products with them.

Products add up entry by entry and row by row, as SciPy's do, and come to the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend.layout import address
from minidl.backend.native.commands import WORTH, Access, Command, UnsupportedError, access
from minidl.backend.native.machine_code import command
from minidl.backend.native.shares import ROWS, WHOLE, WIDE
from minidl.backend.native.team import part_count


def forward(x: Any, W: np.ndarray, out: np.ndarray) -> Command:
    """out = x W, for CSR rows x: each part some rows."""
    _check(x, W, out)
    words = [*_addresses(x), address(W), address(out), *out.shape, *_sizes(x)]
    block = np.array(words, np.int64)
    axis = ROWS if len(out) >= WIDE else None
    accesses = [*_reads(x), access(W, False, None), access(out, True, axis)]
    return Command(
        f"product of sparse {x.shape} {W.shape}", _compiled("forward", x), block, accesses,
        (x, W, out), WORTH,
    )  # fmt: skip


def backward(x: Any, dy: np.ndarray, out: np.ndarray) -> Command:
    """out = xᵀ dy, for CSR rows x: each part some columns of x, with as many entries as others'.

    How many entries a column has is taken from the rows that x holds now. Each row's entries have
    to be in the order of their columns, also of those that it holds later.
    """
    _check(x, dy, out)
    if not x.has_sorted_indices:
        raise UnsupportedError("entries of a sparse row in another order than its columns")
    counts = np.bincount(x.indices[: x.indptr[-1]], minlength=x.shape[1]).cumsum()
    parts = part_count()
    shares = [counts[-1] * k // parts for k in range(1, parts)]
    bounds = [0, *np.searchsorted(counts, shares), x.shape[1]]
    words = [*_addresses(x), address(dy), address(out), *dy.shape, *_sizes(x), *bounds]
    block = np.array(words, np.int64)
    accesses = [*_reads(x), access(dy, False, None), access(out, True, None)]
    return Command(
        f"product of sparse transposed {x.shape} {dy.shape}", _compiled("backward", x),
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
    words = [*_addresses(x), *_addresses(out), address(order), address(place), *_sizes(x)]
    block = np.array(words, np.int64)
    kept = x, order, place, out
    ends = access(out.indptr, True, WHOLE)
    entries = [access(a, True, None) for a in (out.data, out.indices)]
    read = access(out.indptr, False, None)
    return [
        Command("ends of sparse rows", _compiled("ends", x), block, [ends], kept),
        Command(
            f"gather sparse {out.shape}", _compiled("gather", x), block, [read, *entries],
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


def _sizes(x: Any) -> tuple[int, int]:
    return x.data.itemsize, x.indices.itemsize


def _reads(x: Any) -> list[Access]:
    return [access(a, False, None) for a in (x.data, x.indices, x.indptr)]


def _compiled(name: str, x: Any) -> int:
    if x.data.dtype.name not in ("float32", "float64") or x.indices.dtype != x.indptr.dtype:
        raise UnsupportedError(f"sparse rows of {x.data.dtype} and {x.indices.dtype}")
    return command(name, "sparse", real=x.data.dtype.name, integer=x.indices.dtype.name)

"""Sparse rows, CSR matrices, as commands: the rows of the next batch, and products.

Products add up entry by entry and row by row, as SciPy's do, and come to the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.accelerator.cpu import shares
from minidl.accelerator.cpu.commands import (
    WORTH,
    Access,
    Command,
    UnsupportedError,
    access,
    block_of,
    known,
)
from minidl.accelerator.cpu.gather.plan import check
from minidl.accelerator.cpu.machine.machine_code import command
from minidl.accelerator.cpu.shares import WHOLE, WIDE
from minidl.accelerator.cpu.sparse.words import (
    BOUNDS,
    COLUMNS,
    DATA,
    DATA_SIZE,
    ENDS,
    FACTOR,
    GATHERED,
    INDEX_SIZE,
    INDICES,
    ORDER,
    ORDERED,
    OUT,
    OUT_DATA,
    OUT_ENDS,
    OUT_INDICES,
    OUT_ROOM,
    OUT_ROWS,
    PLACE,
    ROOM,
    ROWS,
    SPOILT,
    UNITS,
)
from minidl.accelerator.cpu.team.team import part_count
from minidl.backend.addresses import address


def forward(x: Any, W: np.ndarray, out: np.ndarray) -> Command:
    """out = x W, for CSR rows x: each part some rows."""
    _check(x, W, out)
    if (x.shape[1], W.shape[1]) != (len(W), out.shape[1]) or len(out) != x.shape[0]:
        raise UnsupportedError(f"a product of {x.shape} and {W.shape} into {out.shape}")
    block = block_of(BOUNDS, _product_words(x, W, out))
    axis = shares.ROWS if len(out) >= WIDE else None
    accesses = [*_reads(x), access(W, False, None), access(out, True, axis)]
    return Command(
        f"product of sparse {x.shape} {W.shape}", _compiled("forward", x), block, accesses,
        (_arrays(x), W, out), WORTH,
    )  # fmt: skip


def backward(x: Any, dy: np.ndarray, out: np.ndarray) -> Command:
    """out = xᵀ dy, for CSR rows x: each part has some columns of x, with equally many entries.

    The number of entries in a column is taken from the present rows of x. Each row's entries have
    to be in the order of their columns, in later rows of x, too.
    """
    _check(x, dy, out)
    if (x.shape[1], dy.shape[1]) != out.shape or len(dy) != x.shape[0]:
        raise UnsupportedError(f"a product of {x.shape[::-1]} and {dy.shape} into {out.shape}")
    if not x.has_sorted_indices:
        raise UnsupportedError("entries of a sparse row in another order than its columns")
    counts = np.bincount(x.indices[: x.indptr[-1]], minlength=x.shape[1]).cumsum()
    parts = part_count()
    until = [counts[-1] * k // parts for k in range(1, parts)]
    bounds = [0, *np.searchsorted(counts, until), x.shape[1]]
    block = block_of(BOUNDS + len(bounds), _product_words(x, dy, out))
    block[BOUNDS:] = bounds
    accesses = [*_reads(x), access(dy, False, None), access(out, True, None)]
    return Command(
        f"product of sparse transposed {x.shape} {dy.shape}", _compiled("backward", x),
        block, accesses, (_arrays(x), dy, out), WORTH,
    )  # fmt: skip


def gather_rows(
    x: Any, order: np.ndarray, place: np.ndarray, out: Any, spoilt: np.ndarray
) -> list[Command]:
    """The rows order[start], order[start + 1], … of x, for CSR matrices x and out.

    Args:
        x: a canonical matrix.
        order: int64. An index that is no row stands for the nearest one.
        place: (start, count), int64, read when the command runs; cut off where order or out end.
        out: of the same types, with memory for any such rows.
        spoilt: int64; becomes 1 where a changed x has malformed rows, or rows with unordered
            columns. Such rows count as rows without entries.
    """
    check(order, place)
    known(*_arrays(x), spoilt, written=_arrays(out))
    if [a.dtype for a in _arrays(x)] != [a.dtype for a in _arrays(out)]:
        raise UnsupportedError("sparse rows of other types")
    if not x.shape[0] or x.shape[1] != out.shape[1]:
        raise UnsupportedError(f"sparse rows of {x.shape} into {out.shape}")
    words = _words(x) | {
        OUT_DATA: address(out.data), OUT_INDICES: address(out.indices),
        OUT_ENDS: address(out.indptr), OUT_ROWS: out.shape[0], OUT_ROOM: _room(out),
        ORDER: address(order), ORDERED: len(order), PLACE: address(place), SPOILT: address(spoilt),
    }  # fmt: skip
    block = block_of(GATHERED, words)
    kept = _arrays(x), order, place, _arrays(out), spoilt
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
    known(*_arrays(x), factor, written=[out])
    if factor.ndim != 2 or out.ndim != 2:
        raise UnsupportedError("a sparse product of vectors")
    if any(np.may_share_memory(a, out) for a in (*_arrays(x), factor)):
        raise UnsupportedError("a sparse product into one of its factors")
    if not x.data.dtype == factor.dtype == out.dtype or out.dtype.char not in "fd":
        raise UnsupportedError("a sparse product of other types")
    if not (factor.flags.c_contiguous and out.flags.c_contiguous):
        raise UnsupportedError("a sparse product of scattered rows")


def _words(x: Any) -> dict[int, int]:
    """The words that tell compiled code of a CSR matrix."""
    return {
        DATA: address(x.data), INDICES: address(x.indices), ENDS: address(x.indptr),
        DATA_SIZE: x.data.itemsize, INDEX_SIZE: x.indices.itemsize,
        ROWS: x.shape[0], COLUMNS: x.shape[1], ROOM: _room(x),
    }  # fmt: skip


def _product_words(x: Any, factor: np.ndarray, out: np.ndarray) -> dict[int, int]:
    return _words(x) | {FACTOR: address(factor), OUT: address(out), UNITS: out.shape[1]}


def _arrays(x: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Arrays of a CSR matrix: kept, because the matrix may get new arrays.

    Raises:
        UnsupportedError: arrays other than contiguous vectors, or no end for each row.
    """
    arrays = x.data, x.indices, x.indptr
    if any(array.ndim != 1 or not array.flags.c_contiguous for array in arrays):
        raise UnsupportedError("a sparse matrix of scattered entries")
    if len(x.indptr) != x.shape[0] + 1:
        raise UnsupportedError(f"{len(x.indptr) - 1} ends of {x.shape[0]} sparse rows")
    return arrays


def _room(x: Any) -> int:
    """The number of entries that fit into the memory."""
    return min(len(x.data), len(x.indices))


def _reads(x: Any) -> list[Access]:
    return [access(a, False, None) for a in (x.data, x.indices, x.indptr)]


def _compiled(name: str, x: Any) -> int:
    if x.data.dtype.name not in ("float32", "float64") or x.indices.dtype != x.indptr.dtype:
        raise UnsupportedError(f"sparse rows of {x.data.dtype} and {x.indices.dtype}")
    return command(name, "sparse", real=x.data.dtype.name, integer=x.indices.dtype.name)

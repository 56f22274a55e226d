"""Sparse rows: the CSR matrices of SciPy and of CuPy.

Neither package is imported here: a caller with a sparse matrix has imported the right one.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np


def is_sparse(x: Any) -> bool:
    """True if ``x`` is a sparse matrix or array of SciPy or CuPy, in any format."""
    return _package(x) is not None


def canonical(x: Any, name: str = "x") -> Any:
    """``x`` as a CSR matrix that holds each entry once, each row's entries in order of columns.

    Entries stored twice are added up, as in SciPy. ``x`` stays unchanged; the result
    shares the arrays of ``x`` where the arrays are in order.

    Args:
        x: a sparse matrix; another format than CSR is converted, with a warning.
        name: the name of ``x`` in messages.

    Raises:
        ValueError: not two-dimensional, or arrays that describe no matrix.
    """
    if x.ndim != 2:
        raise ValueError(f"{name}: expected rows, shape (N, ...), received shape {x.shape}")
    if x.format != "csr":
        warnings.warn(
            f"{name}: expected a CSR matrix, received the format {x.format.upper()}, which is "
            "converted at every call; convert it once, with .tocsr()",
            stacklevel=outside(),
        )
        x = x.tocsr()
    package = _package(x)
    try:
        # A matrix object of its own: a known order of entries is then no older than
        # the arrays.
        rows = package.csr_matrix((x.data, x.indices, x.indptr), shape=x.shape)
        _check(rows)
    except ValueError as error:
        raise ValueError(f"{name}: expected a CSR matrix, received one with {error}") from None
    if not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return rows


def intact(x: Any) -> None:
    """Raise where a product with ``x`` would leave the arrays of ``x``, as after a change there.

    SciPy does not check. Arrays on a device are passed over: a look would wait for the device.

    Raises:
        TypeError: neither CSR nor CSC.
        ValueError: arrays that describe no matrix.
    """
    if x.format not in ("csr", "csc"):
        raise TypeError(
            f"expected a CSR matrix, received the format {x.format.upper()}; convert it with "
            ".tocsr()"
        )
    if not isinstance(x.data, np.ndarray):
        return
    count, size = x.shape if x.format == "csr" else x.shape[::-1]
    _ends_within(x, count)
    indices = x.indices[: x.indptr[-1]]
    # As an unsigned number a negative one is too large.
    if len(indices) and int(indices.view(f"u{indices.itemsize}").max()) >= size:
        raise ValueError(
            f"expected a {x.format.upper()} matrix of shape {x.shape}, received one with "
            f"{int(indices.min())} … {int(indices.max())} in indices"
        )


def multiply_rows(x: Any, factor: Any, out: Any, transposed: bool = False) -> Any:
    """out = x factor, or xᵀ factor, for a CSR matrix x.

    SciPy's product takes no ``out``: the result is made and copied.

    Raises:
        ValueError: an ``out`` of another shape, or arrays of x that describe no matrix.
    """
    if hasattr(out, "__sparse_product__"):
        return out.__sparse_product__(x, factor, transposed)
    intact(x)
    made = (x.T if transposed else x) @ factor
    if made.shape != out.shape:
        raise ValueError(f"expected an output of shape {made.shape}, received {out.shape}")
    out[...] = made
    return out


def _ends_within(x: Any, count: int) -> None:
    ends, room = x.indptr, min(len(x.data), len(x.indices))
    right = len(ends) == count + 1 and ends[0] >= 0 and ends[-1] <= room
    if not right or bool((ends[1:] < ends[:-1]).any()):
        raise ValueError(
            f"expected a {x.format.upper()} matrix of shape {x.shape}, received one with an indptr "
            f"that does not fit its {room} entries"
        )


def take(matrix: Any, rows: Any) -> Any:
    """``matrix[rows]`` of a canonical CSR matrix, for an array of row numbers.

    The result is marked as canonical, so that CuPy need not wait for the device.

    Raises:
        ValueError: an indptr that was changed and describes no matrix.
    """
    if isinstance(matrix.data, np.ndarray):
        _ends_within(matrix, matrix.shape[0])
    part = matrix[rows]
    part.has_canonical_format = True
    return part


def room(matrix: Any, rows: int) -> Any:
    """A CSR matrix of SciPy with memory for any so many rows of ``matrix``, to be overwritten."""
    counts = np.diff(matrix.indptr)
    most = int(np.partition(counts, len(counts) - rows)[len(counts) - rows :].sum())
    made = _package(matrix).csr_matrix((rows, matrix.shape[1]), dtype=matrix.dtype)
    # Set one by one: a constructor would cut off the unused rest.
    made.data = np.zeros(most, matrix.data.dtype)
    made.indices = np.zeros(most, matrix.indices.dtype)
    made.indptr = np.zeros(rows + 1, matrix.indptr.dtype)
    made.has_canonical_format = True
    return made


def fill(out: Any, part: Any) -> None:
    """Overwrite the first rows of a :func:`room` with a canonical CSR matrix; empty the rest."""
    out.data[: part.nnz] = part.data
    out.indices[: part.nnz] = part.indices
    out.indptr[: part.shape[0] + 1] = part.indptr
    out.indptr[part.shape[0] + 1 :] = part.nnz


def to_host(x: Any) -> Any:
    """A CSR matrix as a matrix of SciPy, from any device."""
    return x.get() if hasattr(x.data, "__cuda_array_interface__") else x


def _check(rows: Any) -> None:
    """Raise where a product would leave its arrays: the loops of both packages do not check."""
    if bool((rows.indptr[1:] < rows.indptr[:-1]).any()):
        raise ValueError("an indptr that decreases")
    if rows.nnz:
        low, high = int(rows.indices.min()), int(rows.indices.max())
        if low < 0 or high >= rows.shape[1]:
            wrong = low if low < 0 else high
            raise ValueError(f"column {wrong} in indices, of {rows.shape[1]} columns")


def _package(x: Any) -> Any:
    """The sparse package that ``x`` is of, or None."""
    if isinstance(x, np.ndarray):
        return None
    for name in ("scipy.sparse", "cupyx.scipy.sparse"):
        package = sys.modules.get(name)
        if package is not None and package.issparse(x):
            return package
    return None


def outside() -> int:
    """The ``stacklevel`` at which the caller's warning names the line that called minidl."""
    frame, level = sys._getframe(1), 1
    inside = ("minidl.", "contextlib")  # through which minidl calls itself
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(inside):
        frame, level = frame.f_back, level + 1
    return level

"""``cupyx.scipy.sparse`` of the double: the CSR matrix, as far as the engine uses it.

Where CuPy 14.1 and 14.2 differ, the double does what is stricter: rows that are gathered lose
what was known of their order (14.1), a matrix made of three arrays waits (14.2).
"""

# ruff: noqa: N801, N802 - the names are CuPy's
from __future__ import annotations

import types
from typing import Any

import numpy as np
import scipy.sparse

from ._cupy_array import ndarray, own, require_array, wrap
from ._cupy_state import MODULE
from ._cupy_streams import synchronise

cupyx = types.ModuleType("cupyx", "The part of CuPyX that the double has.")
cupyx_scipy = types.ModuleType("cupyx.scipy")
sparse = types.ModuleType("cupyx.scipy.sparse")
cupyx.scipy = cupyx_scipy
cupyx_scipy.sparse = sparse


class _compressed:
    """_compressed.py: three device arrays, a shape, and what is known about their order."""

    __array_priority__ = 101
    __hash__ = None  # type: ignore[assignment]
    format: str

    def __init__(self, arg1: Any, shape: Any = None, dtype: Any = None, copy: bool = False) -> None:
        if issparse(arg1) and arg1.format == self.format:
            parts = arg1.data, arg1.indices, arg1.indptr
            shape = arg1.shape if shape is None else shape
        elif scipy.sparse.issparse(arg1):
            arg1 = arg1.asformat(self.format)
            parts = tuple(MODULE.array(a) for a in (arg1.data, arg1.indices, arg1.indptr))
            shape = arg1.shape if shape is None else shape
        elif isinstance(arg1, tuple) and len(arg1) == 3 and shape is not None:
            parts = arg1
            if not all(isinstance(a, ndarray) and a.ndim == 1 for a in parts):
                raise ValueError("data, indices, and indptr must be 1-D cupy arrays")
            self._validate(*parts)
        else:
            raise NotImplementedError("the double makes no such sparse matrix")
        data, self.indices, self.indptr = parts
        dtype = data.dtype if dtype is None else np.dtype(dtype)
        if dtype.char not in "?fdFD":
            raise ValueError("Only bool, float32, float64, complex64 and complex128 are supported")
        self.data = data.astype(dtype, copy=copy)
        if copy:
            self.indices, self.indptr = self.indices.copy(), self.indptr.copy()
        self._shape = tuple(map(int, shape))
        major = self._shape[0 if self.format == "csr" else 1]
        if len(self.indptr) != major + 1:
            raise ValueError(f"index pointer size ({len(self.indptr)}) should be ({major + 1})")

    @staticmethod
    def _validate(data: ndarray, indices: ndarray, indptr: ndarray) -> None:
        if len(data) != len(indices):
            raise ValueError("indices and data should have the same size")
        first, last = MODULE.stack((indptr[0], indptr[-1])).get()
        if first != 0:
            raise ValueError(f"index pointer should start with 0 (got {first})")
        if last > data.size:
            raise ValueError(
                f"last index pointer ({last}) exceeds the size of data/indices ({data.size})"
            )

    shape = property(lambda self: self._shape)
    ndim = property(lambda self: len(self._shape))
    dtype = property(lambda self: self.data.dtype)
    nnz = property(lambda self: self.data.size)

    def __len__(self) -> int:
        raise TypeError("sparse array length is ambiguous; use shape[0] or .nnz")

    def _host(self) -> Any:
        """What SciPy makes of the arrays, where no user of CuPy can look."""
        kind = getattr(scipy.sparse, f"{self.format}_matrix")
        parts = (self.data._host, self.indices._host, self.indptr._host)
        return kind(parts, shape=self._shape, copy=True)

    def _like(self, data: ndarray) -> Any:
        """_with_data: the order stays known."""
        other = object.__new__(type(self))
        other.__dict__ |= self.__dict__
        other.data, other.indices, other.indptr = data, self.indices.copy(), self.indptr.copy()
        return other

    def get(self, stream: Any = None) -> Any:
        parts = self.data.get(), self.indices.get(), self.indptr.get()
        return getattr(scipy.sparse, f"{self.format}_matrix")(parts, shape=self._shape)

    def copy(self) -> Any:
        return self._like(self.data.copy())

    def astype(self, t: Any) -> Any:
        return self._like(self.data.astype(t))

    @property
    def has_canonical_format(self) -> bool:
        if self.nnz == 0:
            self._has_canonical_format = True
        elif "_has_canonical_format" not in self.__dict__:
            synchronise("asking for the order of a sparse matrix")
            self._has_canonical_format = bool(self._host().has_canonical_format)
        return self._has_canonical_format

    @has_canonical_format.setter
    def has_canonical_format(self, value: bool) -> None:
        self._has_canonical_format = bool(value)

    def sum_duplicates(self) -> None:
        if self.has_canonical_format:
            return
        synchronise("adding up the duplicates of a sparse matrix")
        host = self._host()
        host.sum_duplicates()
        self.data, self.indices, self.indptr = map(own, (host.data, host.indices, host.indptr))
        self.has_canonical_format = True

    def __matmul__(self, other: Any) -> Any:
        if not isinstance(other, ndarray):
            return NotImplemented
        if other.ndim != 2:
            raise NotImplementedError("the double multiplies by matrices only")
        self.sum_duplicates()
        if self._shape[1] != other.shape[0]:
            raise ValueError("dimension mismatch")
        host = self._host()
        # CuPy would believe it, and hand cuSPARSE what it takes no matrix for.
        if not host.has_canonical_format:
            raise AssertionError("a sparse matrix that was said to be canonical is not")
        # cuSPARSE makes its results in Fortran order.
        return wrap(np.asfortranarray(host @ other._host))


class csr_matrix(_compressed):
    """_csr.py, _index.py."""

    format = "csr"

    @property
    def T(self) -> Any:
        other = object.__new__(csc_matrix)
        other.__dict__ |= self.__dict__
        other._shape = self._shape[::-1]
        return other

    def tocsr(self, copy: bool = False) -> Any:
        return self.copy() if copy else self

    def reshape(self, *shape: Any) -> Any:
        shape = tuple(shape[0]) if len(shape) == 1 else shape
        if shape != self._shape:
            raise NotImplementedError("the double keeps the shape of a sparse matrix")
        return self

    def __getitem__(self, rows: Any) -> Any:
        """Rows by device array, by slice: their number of entries is read on the host."""
        if isinstance(rows, slice):
            synchronise("reading where a slice of sparse rows begins")
            synchronise("reading where a slice of sparse rows ends")
            key: Any = rows
        else:
            synchronise("counting the entries of sparse rows")
            key = require_array(MODULE.asarray(rows), "rows")._host % self._shape[0]
        part = self._host()[key]
        arrays = (own(a) for a in (part.data, part.indices, part.indptr))
        other = object.__new__(csr_matrix)
        other.data, other.indices, other.indptr = arrays
        other._shape = part.shape
        return other


class csc_matrix(_compressed):
    """What the transposed of a CSR matrix is; it shares its arrays."""

    format = "csc"


def issparse(x: Any) -> bool:
    return isinstance(x, _compressed)


for _item in (csr_matrix, csc_matrix, issparse):
    _item.__module__ = "cupyx.scipy.sparse"
    setattr(sparse, _item.__name__, _item)
MODULES = {"cupyx": cupyx, "cupyx.scipy": cupyx_scipy, "cupyx.scipy.sparse": sparse}

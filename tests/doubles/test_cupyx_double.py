"""The CSR matrix of the double: what CuPy 14 does, read in its source."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest
import scipy.sparse

from . import cupy_double as double
from ._cupyx_sparse import csr_matrix, issparse
from .cupy_double import cupy as cp
from .support import device, same

HOST = np.array([[0, 1.5, 0], [0, 0, 0], [2, 0, 3]], np.float32)


@pytest.fixture
def matrix():
    return csr_matrix(scipy.sparse.csr_array(HOST))


def unordered():
    """Row 0 holds column 1 twice, row 2 its columns the wrong way round."""
    parts = [1.0, 0.5, 3.0, 2.0], [1, 1, 2, 0], [0, 2, 2, 4]
    return csr_matrix(scipy.sparse.csr_array(tuple(map(np.array, parts)), shape=(3, 3)))


def test_it_is_found_as_cupyx_while_installed():
    names = "cupyx", "cupyx.scipy.sparse"
    before = [sys.modules.get(name) for name in names]  # CuPy's own, where a test has imported it
    with double.installed():
        module = importlib.import_module("cupyx.scipy.sparse")
        assert module.csr_matrix is csr_matrix
    assert [sys.modules.get(name) for name in names] == before


def test_attributes(matrix):
    same(matrix.data, np.array([1.5, 2, 3], np.float32))
    same(matrix.indices, np.array([1, 0, 2], np.int32))
    same(matrix.indptr, np.array([0, 1, 1, 3], np.int32))
    assert (matrix.shape, matrix.ndim, matrix.nnz, matrix.format) == ((3, 3), 2, 3, "csr")
    assert matrix.dtype == np.float32
    assert issparse(matrix)
    assert not issparse(matrix.data)
    assert not issparse(scipy.sparse.csr_array(HOST))
    with pytest.raises(TypeError, match="sparse array length is ambiguous"):
        len(matrix)


def test_it_is_made_of_three_device_arrays(matrix):
    parts = matrix.data, matrix.indices, matrix.indptr
    with double.count_synchronisations() as counts:
        made = csr_matrix(parts, shape=(3, 3))
    assert counts.synchronisations == 1  # the ends of indptr are checked on the host
    assert (made.data, made.indices, made.indptr) == parts
    with pytest.raises(ValueError, match="must be 1-D cupy arrays"):
        csr_matrix((parts[0].get(), *parts[1:]), shape=(3, 3))
    with pytest.raises(ValueError, match="indices and data should have the same size"):
        csr_matrix((parts[0][1:], *parts[1:]), shape=(3, 3))
    with pytest.raises(ValueError, match=r"index pointer should start with 0 \(got 1\)"):
        csr_matrix((*parts[:2], parts[2] + 1), shape=(3, 3))
    with pytest.raises(ValueError, match=r"last index pointer \(6\) exceeds the size"):
        csr_matrix((*parts[:2], parts[2] * 2), shape=(3, 3))
    with pytest.raises(ValueError, match=r"index pointer size \(4\) should be \(3\)"):
        csr_matrix(parts, shape=(2, 3))


@pytest.mark.parametrize("dtype", ["int32", "uint8", "float16"])
def test_other_numbers_are_refused(dtype):
    with pytest.raises(ValueError, match="Only bool, float32, float64, complex64"):
        csr_matrix((device([1], dtype), device([0], "i4"), device([0, 1], "i4")), shape=(1, 1))


@pytest.mark.parametrize("index", ["int32", "int64"])
def test_indices_keep_their_type(index):
    x = scipy.sparse.csr_array(HOST)
    x.indices, x.indptr = x.indices.astype(index), x.indptr.astype(index)
    moved = csr_matrix(x)
    assert moved.indices.dtype == moved.indptr.dtype == np.dtype(index)
    assert moved.get().indices.dtype == np.int32  # SciPy's constructor: they fit


def test_products_are_fresh_and_in_fortran_order(matrix):
    W = device(np.arange(6).reshape(3, 2))
    for product, expected in (
        (matrix @ W, HOST @ W.get()),
        (matrix.T @ W, HOST.T @ W.get()),
    ):
        same(product, expected)
        assert product.flags.f_contiguous
        assert not product.flags.c_contiguous
    assert (matrix @ device(np.ones((3, 2)), np.float64)).dtype == np.float64


def test_what_products_refuse(matrix):
    # NumPy is asked next, for which the matrix is one object.
    with pytest.raises(ValueError, match="does not have enough dimensions"):
        matrix @ np.ones((3, 2), np.float32)
    with pytest.raises(ValueError, match="dimension mismatch"):
        matrix @ device(np.ones((2, 2)))


def test_a_product_brings_its_matrix_into_order():
    """In place: duplicates are added up, and the host waits twice."""
    matrix, unit = unordered(), device(np.eye(3), np.float64)
    with double.count_synchronisations() as counts:
        product = matrix @ unit
    assert counts.synchronisations == 2
    same(product, HOST.astype(np.float64))
    same(matrix.data, np.array([1.5, 2, 3]))


def test_order_is_asked_for_once(matrix):
    with double.count_synchronisations() as counts:
        assert matrix.has_canonical_format
        matrix @ device(np.ones((3, 2)))
        matrix.copy().T @ device(np.ones((3, 2)))
        assert matrix.astype(np.float64).has_canonical_format
    assert counts.synchronisations == 1
    assert not unordered().has_canonical_format


def test_order_can_be_told(matrix):
    matrix.has_canonical_format = True
    with double.forbid_synchronisation():
        matrix @ device(np.ones((3, 2)))
    wrong = unordered()
    wrong.has_canonical_format = True
    with pytest.raises(AssertionError, match="said to be canonical is not"):
        wrong @ device(np.ones((3, 2)))


def test_rows(matrix):
    """Negative numbers count from the end, and no number is out of range: they wrap."""
    for rows, expected in (([2, 0], [2, 0]), ([-1, 3], [2, 0])):
        with double.count_synchronisations() as counts:
            part = matrix[device(rows, np.int64)]
        assert counts.synchronisations == 1
        np.testing.assert_array_equal(part.get().toarray(), HOST[expected])
    with double.count_synchronisations() as counts:
        part = matrix[1:]
    assert counts.synchronisations == 2
    np.testing.assert_array_equal(part.get().toarray(), HOST[1:])


def test_gathered_rows_forget_their_order(matrix):
    assert matrix.has_canonical_format
    part = matrix[device([0, 2], np.int64)]
    with double.count_synchronisations() as counts:
        assert part.has_canonical_format
    assert counts.synchronisations == 1


def test_copies(matrix):
    for other in (matrix.copy(), matrix.astype(np.float64)):
        other.data[...] = 0
        same(matrix.data, np.array([1.5, 2, 3], np.float32))
    assert csr_matrix(matrix).data is matrix.data
    assert csr_matrix(matrix) is not matrix
    assert csr_matrix(matrix, copy=True).indices is not matrix.indices
    assert matrix.tocsr() is matrix
    assert matrix.reshape(3, 3) is matrix


def test_transfers():
    with double.count_synchronisations() as counts:
        csr_matrix(scipy.sparse.csr_array(HOST))
    assert (counts.transfers, counts.synchronisations) == (3, 0)
    with double.count_synchronisations() as counts:
        csr_matrix(scipy.sparse.csr_array(HOST)).get()
    assert counts.synchronisations == 3


def test_without_a_device_there_is_none():
    with double.installed("device"), pytest.raises(cp.cuda.runtime.CUDARuntimeError):
        csr_matrix(scipy.sparse.csr_array(HOST))

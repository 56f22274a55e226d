"""Sparse rows by a team: products with SciPy's bits, and any rows as the next batch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from minidl.accelerator.cpu import player
from minidl.accelerator.cpu.player import UnsupportedError, record_kernel
from minidl.accelerator.cpu.sparse.plan import backward, forward, gather_rows
from minidl.accelerator.cpu.sparse.words import BOUNDS
from minidl.accelerator.record.tape import Tape
from minidl.backend import current, kernel, use
from minidl.backend.gather import Gather, buffer
from minidl.backend.sparse import multiply_rows
from tests.accelerator.cpu.running import each_schedule, random, same_bits

ON_EVERY_TEAM = pytest.mark.usefixtures("parts")
SIZE = st.integers(1, 120) | st.integers(1, 3)
SHARE = st.sampled_from([0.0, 0.05, 0.3, 1.0])
TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
INTEGERS = pytest.mark.parametrize("integer", ["int32", "int64"])


def csr(rows, columns, share=0.2, dtype="float64", integer="int32", seed=0):
    """Most entries in the first columns, as of words in the order of how often they come."""
    rng = np.random.default_rng(seed)
    kept = rng.random((rows, columns)) < share * 2 / (1 + np.arange(columns) / 8)
    made = sparse.csr_matrix((kept * rng.standard_normal((rows, columns))).astype(dtype))
    made.indices, made.indptr = made.indices.astype(integer), made.indptr.astype(integer)
    return made


@given(SIZE, SIZE, st.integers(1, 70) | st.just(200), SHARE)
@TYPES
@INTEGERS
@ON_EVERY_TEAM
def test_products_are_scipys(dtype, integer, rows, columns, units, share):
    x = csr(rows, columns, share, dtype, integer)
    W, out = random((columns, units), dtype), np.full((rows, units), 77, dtype)
    for _ in each_schedule([forward(x, W, out)], [out]):
        same_bits(out, x @ W)
    dy, dW = random((rows, units), dtype), np.full((columns, units), 77, dtype)
    for _ in each_schedule([backward(x, dy, dW)], [dW]):
        same_bits(dW, x.T @ dy)


@ON_EVERY_TEAM
def test_other_rows_in_the_same_memory():
    """Fewer entries and more, elsewhere than those by which columns were shared out."""
    x, dy, dW = csr(60, 90, 1.0), random((60, 5)), np.empty((90, 5))
    W, out = random((90, 5)), np.empty((60, 5))
    made = backward(x, dy, dW), forward(x, W, out)
    for share, seed in [(0.1, 1), (0.0, 2), (0.9, 3)]:
        other = csr(60, 90, share, seed=seed)[:, ::-1].sorted_indices()
        x.data[: other.nnz], x.indices[: other.nnz] = other.data, other.indices
        x.indptr[:] = other.indptr
        for _ in each_schedule(made, [dW, out]):
            same_bits(dW, other.T @ dy)
            same_bits(out, other @ W)


@pytest.mark.parametrize("parts", [2, 3], indirect=True)
def test_columns_are_shared_out_by_their_entries(parts):
    x = csr(400, 1000, 0.5)
    made = backward(x, random((400, 2)), np.empty((1000, 2)))
    bounds = made.block[BOUNDS:]
    assert (bounds[0], bounds[-1], len(bounds)) == (0, 1000, parts + 1)
    shares = np.add.reduceat(np.bincount(x.indices, minlength=1000), bounds[:-1])
    assert shares.max() < 1.2 * x.nnz / parts
    assert bounds[1] < 1000 / parts / 2  # more entries in the first columns


@given(SIZE, st.integers(1, 40), SHARE, st.data())
@TYPES
@INTEGERS
@ON_EVERY_TEAM
def test_rows_are_gathered(dtype, integer, rows, columns, share, data):
    x = csr(rows, columns, share, dtype, integer)
    size = data.draw(st.integers(1, rows), "size")
    with use("numpy", executor="compiled"):
        out = buffer(current(), x, size)
        gather = Gather(current(), [x], [out])
    assert out.dtype == dtype
    gather.order[:] = np.random.default_rng(1).permutation(rows)
    for _ in range(3):
        start = data.draw(st.integers(0, rows - size), "start")
        gather.where[:] = start, size
        gather()
        wanted = x[gather.order[start : start + size]]
        assert out.has_canonical_format
        assert (out.nnz, out.indices.dtype) == (wanted.nnz, x.indices.dtype)
        np.testing.assert_array_equal(out.toarray(), wanted.toarray())
        W = random((columns, 3), dtype)
        same_bits(out @ W, wanted @ W)


@ON_EVERY_TEAM
def test_gathering_in_every_schedule():
    x, order, place = csr(70, 50), np.random.default_rng(1).permutation(70), np.array([9, 33])
    with use("numpy", executor="compiled"):
        out = buffer(current(), x, 33)
    spoilt = np.zeros(1, np.int64)
    commands = gather_rows(x, order, place, out, spoilt)
    for _ in each_schedule(commands, [out.data, out.indices, out.indptr]):
        assert not spoilt[0]
        wanted = x[order[9:42]]
        np.testing.assert_array_equal(out.indptr, wanted.indptr)
        np.testing.assert_array_equal(out.data[: wanted.nnz], wanted.data)
        np.testing.assert_array_equal(out.indices[: wanted.nnz], wanted.indices)


def test_without_commands_there_is_nothing_to_gather_into():
    with use("numpy", executor="blocks"):
        assert buffer(current(), csr(9, 4), 3) is None


@pytest.mark.parametrize("what", ["types", "integers", "scattered", "scattered out", "indptr"])
def test_what_no_command_multiplies_is_refused(what):
    x, W, out = csr(6, 8), random((8, 4)), np.empty((6, 4))
    if what == "types":
        W = W.astype("float32")
    elif what == "integers":
        x, W, out = x.astype(int), W.astype(int), out.astype(int)
    elif what == "scattered":
        W = np.asfortranarray(W)
    elif what == "scattered out":
        out = np.empty((6, 8))[:, ::2]
    else:
        x.indptr = x.indptr.astype("int64")
    with pytest.raises(UnsupportedError):
        forward(x, W, out)


def test_columns_in_another_order_are_refused_where_they_are_shared_out():
    x, W, dy = csr(40, 30, 0.5)[:, ::-1], random((30, 4)), random((40, 4))
    assert not x.has_sorted_indices
    out, dW = np.empty((40, 4)), np.empty((30, 4))
    for _ in each_schedule([forward(x, W, out)], [out]):
        same_bits(out, x @ W)
    with pytest.raises(UnsupportedError):
        backward(x, dy, dW)


@pytest.mark.parametrize("options", [{"dtype": "float32"}, {"integer": "int64"}])
def test_rows_are_not_gathered_into_other_types(options):
    with pytest.raises(UnsupportedError):
        gather_rows(
            csr(6, 8), np.arange(6), np.array([0, 3]), csr(3, 8, **options), np.zeros(1, int)
        )


@ON_EVERY_TEAM
def test_a_tape_multiplies_the_rows_that_are_there_when_it_is_played():
    @kernel
    def both(x, W, dy, out, dW):
        multiply_rows(x, W, out)
        multiply_rows(x, dy, dW, transposed=True)

    x, W, dy = csr(40, 90), random((90, 6)), random((40, 6))
    out, dW = np.empty((40, 6)), np.empty((90, 6))
    assert len(record_kernel(both, [x, W, dy, out, dW], {})) == 2
    with use("numpy", executor="compiled"):
        tape = Tape(0, player)
        with tape.record():
            both(x, W, dy, out, dW)
        same_bits(out, x @ W)
        same_bits(dW, x.T @ dy)
        x.data *= 3
        tape.play(1)
    same_bits(out, x @ W)
    same_bits(dW, x.T @ dy)

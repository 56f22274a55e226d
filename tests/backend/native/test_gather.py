"""Rows gathered by a team: what numpy.take gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.backend import current, use
from minidl.backend.native import Gather, UnsupportedError
from tests.backend.native.running import random

ON_EVERY_TEAM = pytest.mark.usefixtures("parts")
TYPES = ["float32", "float64", "uint8", "int32", "int64", "bool", "uint16"]
SIZE = st.integers(1, 100) | st.integers(1, 3)
SHAPES = st.tuples(SIZE) | st.tuples(SIZE, SIZE) | st.tuples(SIZE, st.integers(1, 9), SIZE)


@given(st.lists(st.tuples(SHAPES, st.sampled_from(TYPES)), min_size=1, max_size=3), st.data())
@ON_EVERY_TEAM
def test_it_is_take(made, data):
    rows = data.draw(st.integers(1, 60), "rows")
    arrays = [(100 * random((rows, *s[1:]))).astype(dtype) for s, dtype in made]
    order = np.random.default_rng(1).permutation(rows)
    outs = [np.full((rows + 2, *a.shape[1:]), 7).astype(a.dtype) for a in arrays]
    untouched = [out.copy() for out in outs]
    gather = Gather(arrays, order, outs)
    for _ in range(3):
        start = data.draw(st.integers(0, rows), "start")
        count = data.draw(st.integers(0, rows - start), "count")
        for out, before in zip(outs, untouched, strict=True):
            out[...] = before
        gather(start, count)
        for array, out, before in zip(arrays, outs, untouched, strict=True):
            wanted = np.take(array, order[start : start + count], axis=0)
            np.testing.assert_array_equal(out[:count], wanted)
            np.testing.assert_array_equal(out[count:], before[count:])


@pytest.mark.parametrize("columns", [1, 15, 16, 17, 31, 33, 48, 784])
@pytest.mark.parametrize("dtype", ["float32", "uint8", "int32"])
@ON_EVERY_TEAM
def test_rows_of_any_length(columns, dtype):
    x = (100 * random((20, columns))).astype(dtype)
    order = np.array([3, 3, 19, 0, 7, 7, 1])  # a row may come twice, or never
    out = np.zeros((9, columns), dtype)
    Gather([x], order, [out])(1, 6)
    np.testing.assert_array_equal(out, [*x[order[1:]], *np.zeros((3, columns), dtype)])


@pytest.mark.parametrize("kind", ["int32", "uint8", "int64"])
@ON_EVERY_TEAM
def test_the_order_may_be_of_any_integer_type_and_lie_apart(kind):
    x, out = random((50, 40)), np.zeros((10, 40))
    order = np.arange(40, dtype=kind)[::-2]
    Gather([x], order, [out])(5, 10)
    np.testing.assert_array_equal(out, x[order[5:15]])


def test_rows_that_lie_apart_are_refused():
    x, order = random((20, 40)), np.arange(20)
    for array, out in [
        (x[:, :30], np.empty((5, 30))),
        (np.asfortranarray(x), np.empty((5, 40))),
        (x, np.empty((5, 80))[:, :40]),
    ]:
        with pytest.raises(UnsupportedError):
            Gather([array], order, [out])


@ON_EVERY_TEAM
def test_the_backend_gathers_so_under_numba():
    x, order, out = random((20, 40)), np.arange(20)[::-1], np.empty((8, 40))
    with use("numpy", executor="numba"):
        gather = current().gather([x], order, [out])
    assert isinstance(gather, Gather)
    gather(2, 8)
    np.testing.assert_array_equal(out, x[17:9:-1])

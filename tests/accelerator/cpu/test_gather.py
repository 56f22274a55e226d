"""Rows gathered by a team: what numpy.take gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.accelerator.cpu import player
from minidl.accelerator.cpu.player import UnsupportedError
from minidl.accelerator.record.tape import Tape
from minidl.backend import current, use
from minidl.backend.gather import Gather
from tests.accelerator.cpu.running import random

ON_EVERY_TEAM = pytest.mark.usefixtures("parts")
TYPES = ["float32", "float64", "uint8", "int32", "int64", "bool", "uint16"]
SIZE = st.integers(1, 100) | st.integers(1, 3)
SHAPES = st.tuples(SIZE) | st.tuples(SIZE, SIZE) | st.tuples(SIZE, st.integers(1, 9), SIZE)


@pytest.fixture(autouse=True)
def compiled():
    """Rows are gathered by commands."""
    with use("numpy", executor="compiled"):
        yield


def gatherer(arrays, order, outs):
    """A function of start and count."""
    gather = Gather(current(), arrays, outs)
    gather.order[: len(order)] = order

    def run(start, count):
        gather.where[:] = start, count
        gather()

    return run


@given(st.lists(st.tuples(SHAPES, st.sampled_from(TYPES)), min_size=1, max_size=3), st.data())
@ON_EVERY_TEAM
def test_it_is_take(made, data):
    rows = data.draw(st.integers(1, 60), "rows")
    arrays = [(100 * random((rows, *s[1:]))).astype(dtype) for s, dtype in made]
    order = np.random.default_rng(1).permutation(rows)
    outs = [np.full((rows + 2, *a.shape[1:]), 7).astype(a.dtype) for a in arrays]
    untouched = [out.copy() for out in outs]
    gather = gatherer(arrays, order, outs)
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
    gatherer([x], order, [out])(1, 6)
    np.testing.assert_array_equal(out, [*x[order[1:]], *np.zeros((3, columns), dtype)])


def test_rows_that_lie_apart_are_refused():
    x = random((20, 40))
    for array, out in [
        (x[:, :30], np.empty((5, 30))),
        (np.asfortranarray(x), np.empty((5, 40))),
        (x, np.empty((5, 80))[:, :40]),
    ]:
        with pytest.raises(UnsupportedError):
            Gather(current(), [array], [out])


@ON_EVERY_TEAM
def test_a_tape_gathers_what_is_asked_for_when_it_is_played():
    x, out = random((20, 40)), np.empty((8, 40))
    gather = Gather(current(), [x], [out])
    gather.order[:] = np.arange(20)[::-1]
    gather.where[:] = 2, 8
    tape = Tape(0, player)
    with tape.record():
        gather()
    np.testing.assert_array_equal(out, x[17:9:-1])
    gather.where[:] = 5, 8
    gather.order[:] = np.arange(20)
    tape.play(1)
    np.testing.assert_array_equal(out, x[5:13])

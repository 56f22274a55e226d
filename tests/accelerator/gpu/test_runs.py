"""Threads of a block: one loop for many nodes, barriers where they are needed, results in trees."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.accelerator.gpu import groups
from minidl.accelerator.gpu.grouping import ALONE, BY_COLUMNS, BY_ROWS, grouped
from minidl.accelerator.gpu.launches import Launches
from minidl.accelerator.gpu.numbers import Numbers
from minidl.accelerator.gpu.playing import Player
from minidl.accelerator.gpu.runs import runs
from minidl.backend import to_device
from tests.conftest import on_devices
from tests.doubles.cupy_double import STATE

pytestmark = [on_devices, pytest.mark.usefixtures("executor")]


def recorded(kernel, *arrays):
    return Player().record_kernel(kernel, arrays, {})


def values(shape):
    """Few different numbers, so that there are equal ones, and some NaN."""
    random = np.random.default_rng(0)
    x = random.integers(-3, 4, shape).astype("f8")
    x[random.uniform(size=shape) < 0.001] = np.nan
    return x


#: More results than threads; less; one; more numbers of a result than threads.
SHAPES = [(1500, 2), (100, 10), (10, 100), (3, 4), (1, 4096), (4096, 1), (33, 1)]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_one_block_finds_is_what_numpy_finds(shape, backwards, monkeypatch):
    monkeypatch.setattr(STATE, "backwards", backwards)
    x = values(shape)
    shapes = [shape[0], shape[0], shape[0], shape[1], ()]
    outs = [to_device(np.zeros(s, "i8" if k == 0 else "f8")) for k, s in enumerate(shapes)]

    def kernel(x, places, largest, rows, columns, total):
        np.argmax(x, axis=1, out=places)
        np.max(x, axis=1, out=largest)
        np.sum(x, axis=1, out=rows)
        np.sum(x, axis=0, out=columns)
        np.sum(x, out=total)

    nodes = recorded(kernel, to_device(x), *outs)
    (group,) = grouped(nodes)
    assert group.layouts == [ALONE]
    Launches(nodes, Numbers([]))()
    # The numbers are whole: sums are exact.
    expected = x.argmax(axis=1), x.max(axis=1), x.sum(axis=1), x.sum(axis=0), x.sum()
    for out, value in zip(outs, expected, strict=True):
        np.testing.assert_array_equal(out.get(), value)


def test_one_block_adds_the_rows_of_several_matrices():
    x = values((3, 40, 7))
    device, out, total = to_device(x), to_device(np.zeros((3, 7))), to_device(np.zeros(()))

    def kernel(x, out, total):
        np.sum(x, axis=1, out=out)
        np.sum(out, out=total)

    nodes = recorded(kernel, device, out, total)
    (group,) = grouped(nodes)
    assert group.layouts == [ALONE]
    Launches(nodes, Numbers([]))()
    np.testing.assert_array_equal(out.get(), x.sum(axis=1))
    np.testing.assert_array_equal(total.get(), x.sum())


def test_a_result_of_one_block_is_a_tree():
    """A thread adds two of 100 rows; ten threads that add all would leave 1,014 without work."""
    x, out = to_device(np.ones((100, 10))), to_device(np.ones(10))
    (group,) = grouped(recorded(lambda x, out: np.sum(x, axis=0, out=out), x, out))
    group.layouts = [ALONE]
    made = groups.cuda_kernel(group)
    assert made.block == (1024,)
    assert 64 in made.numbers  # threads of a result


def joined(kernel, *arrays):
    """The layout, the number of nodes in each run, and barriers between the runs."""
    (group,) = grouped(recorded(kernel, *map(to_device, arrays)))
    layout = group.layouts[0]
    source = groups.cuda_kernel(group).source
    barriers = source.partition("__global__")[2].count("__syncthreads")
    return layout, [len(run) for run in runs(layout, group.nodes)], barriers


X, ROW, COLUMN = np.ones((100, 70)), np.ones(70), np.ones((100, 1))


def test_a_sum_of_columns_is_a_part_of_the_loop_that_makes_them():
    def kernel(x, y, row, other):
        np.multiply(x, y, out=x)
        np.sum(x, axis=0, out=row)
        np.add(x, 1, out=y)
        np.sum(y, axis=0, out=other)

    assert joined(kernel, X, X, ROW, ROW) == (BY_COLUMNS, [4], 1)  # between the two trees


def test_what_needs_a_sum_waits_for_it():
    def kernel(x, y, column):
        np.add(x, 1, out=x)
        np.sum(x, axis=1, keepdims=True, out=column)
        np.subtract(x, column, out=y)

    assert joined(kernel, X, X, COLUMN) == (BY_ROWS, [2, 1], 1)


def test_in_one_block_loops_join_past_a_sum_and_nothing_waits_in_vain():
    def kernel(x, y, total, other):
        np.add(x, 1, out=x)
        np.sum(x, out=total)
        np.add(x, y, out=y)  # with the first
        np.multiply(other, 2, out=other)  # beside the sum

    small = X[:, :10]
    assert joined(kernel, small, small, np.ones(()), COLUMN) == (ALONE, [2, 1, 1], 1)


def test_loops_over_other_shapes_are_other_loops():
    def kernel(x, total, y):
        np.add(x, 1, out=x)
        np.sum(x, out=total)
        np.multiply(y, x.reshape(-1), out=y)

    small = np.ones((10, 7))
    assert joined(kernel, small, np.ones(()), np.ones(70)) == (ALONE, [1, 1, 1], 1)

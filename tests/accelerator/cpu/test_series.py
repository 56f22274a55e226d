"""Steps in a row: each with the numbers that were there when it was kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.accelerator.cpu import player
from minidl.accelerator.cpu.elementwise import elementwise
from minidl.accelerator.cpu.series.plan import MOST, Series
from minidl.accelerator.cpu.team.mail import WAITS
from minidl.backend import fused
from tests.accelerator.cpu.running import random, same_bits

pytestmark = pytest.mark.usefixtures("parts")


@fused
def moved(x, y, rate, by):
    return rate * x + y, y - by


def made(shape=(70, 90)):
    """A step that moves x and y, and the numbers with which it does."""
    x, y = random(shape), random(shape, seed=1)
    numbers = np.zeros(2), np.zeros(1)
    program = moved.program([x, y, 0.0, 0.0], [x, y])
    first = elementwise(program, {0: x, 1: y, 2: 0.0, 3: 0.0}, [x, y], numbers=numbers[:1])
    program = moved.program([y, x, 0.0, 0.0], [y, x])
    arrays = {0: y, 1: x, 2: 0.0, 3: 0.0}
    return x, y, numbers, [first, elementwise(program, arrays, [y, x], numbers=numbers[:1])]


def test_each_step_has_its_own_numbers():
    x, y, numbers, commands = made()
    other_x, other_y = x.copy(), y.copy()
    series = Series(commands, numbers)
    for run in range(3):
        for k in range(MOST - run):
            numbers[0][:] = 1 / (1 + k), 0.1 * run
            assert series.keep() == (k + 1 < MOST)
            for a, b in ((other_x, other_y), (other_y, other_x)):
                a[...], b[...] = moved.formula(a.copy(), b.copy(), *numbers[0])
        numbers[0][:], numbers[1][:] = 7, 8
        series.run()
        same_bits(x, other_x)
        same_bits(y, other_y)
        assert [n.tolist() for n in numbers] == [[7, 7], [8]]


@given(st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4), min_size=1, max_size=4))
def test_numbers_of_all_kinds_reach_their_places(rows):
    """A step writes down what it finds: integers and all bits of real numbers."""
    numbers = [np.array(row, np.int64) for row in rows]
    real = [np.array(row, np.int64).view(np.float64) for row in rows]
    places = np.array([0, 1], np.int64)
    source = np.arange(10.0)
    out = np.zeros((1, 1))
    series = Series(player.gather(source[:, None], np.arange(10), places, out), [*numbers, places])
    bits = Series(player.gather(source[:, None], np.arange(10), places, out), [*real, places])
    for each, given_ in ((series, numbers), (bits, [r.view(np.int64) for r in real])):
        before = [array.copy() for array in given_]
        for k in (3, 9):
            places[0] = k
            each.keep()
        places[0] = 5
        for array in given_:
            array[...] = 0
        each.run()
        assert out == 9
        assert places.tolist() == [5, 1]
        assert all(not array.any() for array in given_)
        for array, values in zip(given_, before, strict=True):
            array[...] = values


def test_nothing_is_run_twice_and_nothing_without_being_kept():
    x, y, numbers, commands = made((3, 5))
    series = Series(commands, numbers)
    before = x.copy(), y.copy()
    series.run()
    same_bits(x, before[0])
    numbers[0][:] = 0.5, 1
    series.keep()
    series.run()
    after = x.copy(), y.copy()
    assert (after[0] != before[0]).all()
    series.run()
    same_bits(x, after[0])
    same_bits(y, after[1])


def test_functions_among_commands_make_no_series():
    _, _, numbers, commands = made()
    assert player.series([*commands, print], numbers) is None
    assert player.series(commands, numbers) is not None


def test_all_parts_wait_for_the_numbers():
    _, _, numbers, commands = made()
    assert Series(commands, numbers)._list.words[:2, WAITS].tolist() == [0, 1]

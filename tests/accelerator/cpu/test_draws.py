"""Random bits as a command: those of :class:`minidl.backend.random.RandomBits`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.accelerator.cpu.player import draw
from minidl.backend.random import DROPOUT, SHUFFLE, WEIGHTS, RandomBits
from tests.accelerator.cpu.running import each_schedule, play

WORDS = st.integers(0, 2**64 - 1)
PURPOSES = st.sampled_from([WEIGHTS, DROPOUT, SHUFFLE])
STEPS = st.integers(0, 2**62) | st.integers(0, 100)
SIZES = st.integers(0, 3000) | st.integers(0, 70)
pytestmark = pytest.mark.usefixtures("parts")


def key_of(seed, purpose, index):
    return np.array([seed, (purpose << 32) + index], np.uint64)


@given(WORDS, PURPOSES, st.integers(0, 2**32 - 1), STEPS, SIZES, st.integers(-3, 3))
def test_the_numbers_of_any_address(seed, purpose, index, step, size, ahead):
    ahead = max(ahead, -step)
    wanted = np.zeros(size, np.uint16)
    RandomBits(seed, purpose, index).fill(wanted, step + ahead)
    # Elements before and after are nobody's business.
    whole = np.full(size + 24, 777, np.uint16)
    out = whole[12 : 12 + size]
    made = draw(key_of(seed, purpose, index), out, np.array([step]), ahead)
    for _ in each_schedule([made], [whole]):
        np.testing.assert_array_equal(out, wanted)
        assert np.all(whole[:12] == 777)
        assert np.all(whole[12 + size :] == 777)


@pytest.mark.parametrize("shape", [(1, 1), (7, 33), (128, 200), (3, 4, 5)])
def test_rows_are_filled_in_order(shape):
    wanted, out = np.zeros((2, *shape), np.uint16)
    RandomBits(3, DROPOUT, 1).fill(wanted, 9)
    for _ in each_schedule([draw(key_of(3, DROPOUT, 1), out, np.array([9]), 0)], [out]):
        np.testing.assert_array_equal(out, wanted)


def test_the_step_is_read_when_it_runs():
    step, out, wanted = np.array([4]), np.zeros(200, np.uint16), np.zeros(200, np.uint16)
    made = draw(key_of(3, DROPOUT, 1), out, step, 2)
    for step[0] in (4, 5, 1_000_000):
        RandomBits(3, DROPOUT, 1).fill(wanted, int(step[0]) + 2)
        play([made])
        np.testing.assert_array_equal(out, wanted)

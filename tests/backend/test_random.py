"""Random numbers by address, against Philox 4x64-10 written out from its paper."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.backend import random
from minidl.backend.random import DROPOUT, SHUFFLE, WEIGHTS, RandomBits, generator

WORDS = st.integers(0, 2**64 - 1)
PURPOSES = st.sampled_from([WEIGHTS, DROPOUT, SHUFFLE])
MASK = 2**64 - 1


def philox(counter, key):
    """Salmon et al. (2011): ten rounds on four 64-bit words, in Python's integers."""
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2E7470EE14C6C93 * x0, 2**64)
        high1, low1 = divmod(0xCA5A826395121157 * x2, 2**64)
        x0, x1, x2, x3 = high1 ^ x1 ^ k0, low1, high0 ^ x3 ^ k1, low0
        k0 = (k0 + 0x9E3779B97F4A7C15) & MASK  # the golden ratio
        k1 = (k1 + 0xBB67AE8584CAA73B) & MASK  # √3 - 1
    return [x0, x1, x2, x3]


def by_hand(count, seed, purpose, index, step):
    """The first ``count`` 16-bit numbers at an address."""
    key = (seed, (purpose << 32) + index)
    words = []
    for block in range(1, -(-count // 16) + 1):
        words += philox((block, step, 0, 0), key)
    return [(word >> shift) & 0xFFFF for word in words for shift in (0, 16, 32, 48)][:count]


def fill(count, seed=7, purpose=DROPOUT, index=0, step=0):
    out = np.zeros(count, np.uint16)
    RandomBits(seed, purpose, index).fill(out, step)
    return out


def test_the_cipher_in_this_file_is_the_published_one():
    # The paper's reference implementation, kat_vectors: philox 4x64 10.
    assert philox((0, 0, 0, 0), (0, 0)) == [
        0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B,
    ]  # fmt: skip
    assert philox((MASK,) * 4, (MASK,) * 2) == [
        0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0,
    ]  # fmt: skip


@given(WORDS, PURPOSES, st.integers(0, 2**32 - 1), st.integers(0, 2**63), st.integers(0, 70))
def test_the_numbers_are_those_of_philox(seed, purpose, index, step, count):
    expected = by_hand(count, seed, purpose, index, step)
    assert fill(count, seed, purpose, index, step).tolist() == expected


def test_the_numbers_are_those_of_numpys_philox():
    stream = np.random.Philox(key=[7, (DROPOUT << 32) + 3], counter=[0, 11, 0, 0])
    expected = stream.random_raw(6).astype("<u8").view("<u2")
    np.testing.assert_array_equal(fill(24, index=3, step=11), expected)


LONG = 3 * 4 * random._CHUNK + 5


@pytest.mark.parametrize(
    "count",
    [
        1,
        3,
        4,
        15,
        16,
        17,
        4 * random._CHUNK - 1,
        4 * random._CHUNK,
        4 * random._CHUNK + 1,
        LONG - 1,
    ],
)
def test_a_number_does_not_depend_on_how_many_are_asked_for(count):
    np.testing.assert_array_equal(fill(count), fill(LONG)[:count])


def test_numbers_far_behind_the_first_chunk_are_those_of_their_block():
    numbers = fill(LONG, step=5)
    for block in (1, random._CHUNK // 4, random._CHUNK // 4 + 1, LONG // 16):
        words = philox((block, 5, 0, 0), (7, DROPOUT << 32))
        expected = np.array(words, "<u8").view("<u2")
        np.testing.assert_array_equal(numbers[16 * (block - 1) : 16 * block], expected)


@pytest.mark.parametrize("chunk", [4, 8, 64])
def test_the_chunk_is_a_matter_of_memory_alone(chunk, monkeypatch):
    expected = fill(1000)
    monkeypatch.setattr(random, "_CHUNK", chunk)
    np.testing.assert_array_equal(fill(1000), expected)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 40)), max_size=8))
def test_a_number_does_not_depend_on_what_was_asked_before(calls):
    used = RandomBits(7, DROPOUT, 0)
    for step, count in calls:
        used.fill(np.zeros(count, np.uint16), step)
    out = np.zeros(33, np.uint16)
    used.fill(out, 3)
    np.testing.assert_array_equal(out, fill(33, step=3))


def test_two_generators_do_not_touch_each_other():
    one, other = RandomBits(7, DROPOUT, 0), RandomBits(7, DROPOUT, 1)
    first, second = np.zeros(50, np.uint16), np.zeros(50, np.uint16)
    one.fill(first, 0)
    other.fill(second, 0)
    one.fill(first, 1)
    np.testing.assert_array_equal(first, fill(50, step=1))
    np.testing.assert_array_equal(second, fill(50, index=1))


def test_rows_are_filled_in_order():
    out = np.zeros((5, 7), np.uint16)
    RandomBits(7, DROPOUT, 0).fill(out, 0)
    np.testing.assert_array_equal(out.ravel(), fill(35))
    RandomBits(7, DROPOUT, 0).fill(out[:3], 1)
    np.testing.assert_array_equal(out[:3].ravel(), fill(21, step=1))
    np.testing.assert_array_equal(out[3:].ravel(), fill(35)[21:])


ADDRESS = st.tuples(WORDS, PURPOSES, st.integers(0, 100), st.integers(0, 10_000))


@given(ADDRESS, ADDRESS)
def test_an_address_has_one_stream_and_another_address_another(one, other):
    np.testing.assert_array_equal(fill(64, *one), fill(64, *one))
    # 64 equal 16-bit numbers by chance: 2⁻¹⁰²⁴.
    assert (one == other) == np.array_equal(fill(64, *one), fill(64, *other))


@pytest.mark.parametrize("part", range(4))
def test_each_part_of_the_address_counts(part):
    base = [7, DROPOUT, 1, 5]
    moved = list(base)
    moved[part] += 1
    shared = np.mean(fill(4096, *base) == fill(4096, *moved))
    assert shared < 0.01  # by chance one in 65,536


def test_the_numbers_are_uniform():
    # Chi-square with 255 degrees of freedom: mean 255, standard deviation 22.6. The numbers
    # are fixed by the seed, so that this passes always or never; ± 5 deviations.
    numbers = fill(2**18, seed=1)
    for part in (numbers >> 8, numbers & 255):
        counts = np.bincount(part, minlength=256)
        chi2 = float(np.sum((counts - 1024.0) ** 2 / 1024.0))
        assert 142 < chi2 < 368
    # Neighbours are independent: the correlation of 2¹⁸ pairs has deviation 2⁻⁹.
    x = numbers / 65_536 - 0.5
    assert abs(np.mean(x[1:] * x[:-1]) * 12) < 5 / 512
    assert abs(np.mean(x)) < 5 / (512 * np.sqrt(12))


@given(ADDRESS)
def test_generator_starts_at_its_address(address):
    seed, purpose, index, step = address
    words = generator(seed, purpose, index, step).bit_generator.random_raw(4)
    assert words.tolist() == philox((1, step, 0, 0), (seed, (purpose << 32) + index))
    again = generator(seed, purpose, index, step)
    np.testing.assert_array_equal(
        again.standard_normal(5), generator(seed, purpose, index, step).standard_normal(5)
    )


def test_a_shuffle_follows_from_its_address():
    order = generator(7, SHUFFLE, 0, step=3).permutation(100)
    assert sorted(order) == list(range(100))
    np.testing.assert_array_equal(order, generator(7, SHUFFLE, 0, step=3).permutation(100))
    assert not np.array_equal(order, generator(7, SHUFFLE, 0, step=4).permutation(100))
    assert not np.array_equal(order, generator(7, DROPOUT, 0, step=3).permutation(100))

"""Matrix products of a team, against NumPy's in more digits."""

from __future__ import annotations

import ctypes
import mmap

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from minidl.accelerator.cpu import player, shares
from minidl.accelerator.cpu.commands import WORTH, Access, Command, UnsupportedError, listed
from minidl.accelerator.cpu.machine.machine_code import generated
from minidl.accelerator.cpu.products import plan as products
from minidl.accelerator.cpu.products.blas import libraries
from minidl.accelerator.cpu.products.plan import product
from minidl.accelerator.cpu.products.threads import on_one_thread
from minidl.accelerator.cpu.products.tiling import TILES, even
from minidl.accelerator.cpu.products.words import (
    BEFORE,
    EACH,
    GET,
    INNER,
    KIND,
    LIBRARIES,
    SET,
)
from minidl.accelerator.cpu.shares import COLUMNS, ROWS, WHOLE, WIDE
from minidl.accelerator.cpu.team.mail import WAITS
from minidl.backend.addresses import address
from minidl.kernels.activations import sigmoid_backward
from tests.accelerator.cpu.conftest import SMALL
from tests.accelerator.cpu.running import each_schedule, play, random, sliced

ON_EVERY_TEAM = pytest.mark.usefixtures("parts")
MORE = {"float32": "float64", "float64": "longdouble"}
SIZE = st.integers(1, 90) | st.integers(1, 4)


def operand(rows, columns, dtype, transposed, beyond, seed):
    """Numbers of both signs that add up to less than their magnitudes; as rows lie or columns."""
    if transposed:
        return operand(columns, rows, dtype, False, beyond, seed).T
    return sliced(random((rows, columns), dtype, seed), beyond)


def check(a, b, out):
    """Right to the rounding of a sum of K products, whatever the order: K·eps·Σ|a||b|.

    Higham, "Accuracy and stability of numerical algorithms", 2nd ed. 2002, equation 3.5.
    """
    commands = product(a, b, out)
    more = MORE[out.dtype.name]
    wanted = a.astype(more) @ b.astype(more)
    bound = a.shape[1] * np.finfo(out.dtype).eps * (abs(a.astype(more)) @ abs(b.astype(more)))
    whole = out.base if isinstance(out.base, np.ndarray) else out
    outside = np.ones(whole.shape, bool)
    outside[: out.shape[0], : out.shape[1]] = False
    before = whole[outside].copy()
    for _ in each_schedule(commands, [whole]):
        assert np.all(abs(out - wanted) <= bound)
        np.testing.assert_array_equal(whole[outside], before)


@given(st.tuples(SIZE, SIZE, SIZE), st.booleans(), st.booleans(), st.data())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@ON_EVERY_TEAM
def test_sizes_large_and_small(dtype, sizes, transposed_a, transposed_b, data):
    n, k, m = sizes
    beyond = data.draw(st.tuples(*[st.sampled_from([0, 0, 1, 16])] * 3), "beyond")
    a = operand(n, k, dtype, transposed_a, beyond[0], 0)
    b = operand(k, m, dtype, transposed_b, beyond[1], 1)
    check(a, b, sliced(np.full((n, m), np.nan, dtype), beyond[2]))


# x W, xᵀ dy, dy Wᵀ of layers; what just is and is not shared out; more inputs than units.
LARGE = [
    (128, 200, 100), (64, 64, 64), (1, 64, 600), (600, 64, 1), (300, WIDE, 7), (300, WIDE - 1, 7),
    (WIDE, 300, WIDE), (WIDE - 1, 300, WIDE - 1), (31, 1057, 1), (5, 1311, 5), (33, 40, 25),
    (32, 32, SMALL // 32**2), (32, 32, SMALL // 32**2 - 1), (700, 3, 700),
]  # fmt: skip


@pytest.mark.parametrize("sizes", LARGE, ids=str)
@pytest.mark.parametrize("transposed", ["", "a", "b", "ab"])
@ON_EVERY_TEAM
def test_sizes_about_the_thresholds(sizes, transposed):
    n, k, m = sizes
    for dtype in ("float32", "float64"):
        a = operand(n, k, dtype, "a" in transposed, 0, 0)
        b = operand(k, m, dtype, "b" in transposed, 0, 1)
        check(a, b, np.full((n, m), np.nan, dtype))


@pytest.mark.parametrize("transposed", ["", "a", "b"])
def test_large_products_are_shared_out(transposed, parts):
    """Every part has elements of its own to compute, or a term, and so all are needed."""
    a = operand(80, 80, "float64", transposed == "a", 0, 0)
    b = operand(80, 80, "float64", transposed == "b", 0, 1)
    first, *rest = product(a, b, np.empty((80, 80)))
    kind = {"": INNER, "a": ROWS, "b": COLUMNS}[transposed] if parts > 1 else WHOLE
    assert first.block[KIND] == kind
    assert (first.work >= WORTH) == (parts > 1)
    assert len(rest) == (not transposed and parts > 1)


@ON_EVERY_TEAM
def test_of_many_rows_each_part_makes_a_term_of_the_gradient(parts):
    """More rows than weights: the terms of xᵀ dy are less than what each part would fetch."""
    x, dy, dW = random((400, 40)), random((400, 50), seed=1), np.empty((40, 50))
    first, *rest = product(x.T, dy, dW)
    assert first.block[KIND] == (INNER if parts > 1 else WHOLE)
    assert len(rest) == (parts > 1)
    for _ in each_schedule([first, *rest], [dW], 3):
        np.testing.assert_allclose(dW, x.T @ dy, rtol=0, atol=1e-11)
    made = [*made_of_rows(x), *made_of_rows(dy), first]
    assert listed(made)[:, WAITS].tolist() == [0, 0, parts == 1]  # each has its rows already


def made_of_rows(x):
    """A command whose parts have some rows each."""
    return player.commands(sigmoid_backward.program([x, x], [x]), [x, x], [x])


def test_small_products_are_the_first_parts():
    a, b = random((20, 20)), random((20, 20))
    (made,) = product(a, b, np.empty((20, 20)))
    assert made.block[KIND] == WHOLE
    assert made.work == 0


def test_a_sum_of_no_products_stays_with_numpy():
    with pytest.raises(UnsupportedError):
        product(np.empty((4, 0)), np.empty((0, 5)), np.empty((4, 5)))


@ON_EVERY_TEAM
def test_nan_and_infinity_come_through():
    a, b = random((40, 40)), random((40, 40))
    a[3, 5], b[7, 9] = np.nan, np.inf
    out = np.zeros((40, 40))
    play(product(a, b, out))
    assert np.isnan(out[3]).all()
    assert not np.isfinite(out[:, 9]).any()
    out[3] = out[:, 9] = 0
    assert np.isfinite(out).all()


@pytest.mark.parametrize(
    ("a", "b", "out"),
    [
        (random((4, 5), "float32"), random((5, 6)), random((4, 6))),
        (random((4, 5)), random((5, 6)), random((4, 6), "float32")),
        (np.ones((4, 5), int), np.ones((5, 6), int), np.ones((4, 6), int)),
        (np.ones((4, 5), "float16"), np.ones((5, 6), "float16"), np.ones((4, 6), "float16")),
        (random((4, 10))[:, ::2], random((5, 6)), random((4, 6))),
        (random((4, 5)), random((5, 12))[:, ::2], random((4, 6))),
        (random((4, 5)), random((5, 6)), random((4, 12))[:, ::2]),
        (random((4, 5)), random((5, 6)), random((6, 4)).T),
        (random(5), random((5, 6)), random(6)),
        (random((4, 5)), random(5), random(4)),
        (random((2, 4, 5)), random((2, 5, 6)), random((2, 4, 6))),
    ],
)
@ON_EVERY_TEAM
def test_other_arrays_are_refused(a, b, out):
    before = out.copy()
    with pytest.raises(UnsupportedError):
        product(a, b, out)
    np.testing.assert_array_equal(out, before)


# Tiles -------------------------------------------------------------------------------------

BY_TILES = pytest.mark.skipif(not TILES, reason="a processor without AVX-512")
EDGE = st.integers(1, 40) | st.integers(250, 270) | st.integers(380, 400) | st.integers(1020, 1040)
# Two of three may be large.
EDGES = st.tuples(EDGE, EDGE, st.integers(1, 40)).flatmap(st.permutations)


@given(EDGES, st.booleans(), st.booleans(), st.data())
@pytest.mark.parametrize("tiles", [pytest.param(True, marks=BY_TILES), False])
@ON_EVERY_TEAM
def test_tiles_and_blas(tiles, sizes, transposed_a, transposed_b, data):
    """Sizes about those of tiles, bands and panels; elements beyond each row of the arrays."""
    n, k, m = sizes
    dtype = data.draw(st.sampled_from(["float32", "float64"]), "dtype")
    beyond = data.draw(st.tuples(*[st.sampled_from([0, 1, 16])] * 3), "beyond")
    a = operand(n, k, dtype, transposed_a, beyond[0], 0)
    b = operand(k, m, dtype, transposed_b, beyond[1], 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "TILES", tiles)
        patch.setattr(products, "SMALL", 0)
        check(a, b, sliced(np.full((n, m), np.nan, dtype), beyond[2]))


@BY_TILES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_tile_reads_and_writes_nothing_beyond_its_arrays(dtype, monkeypatch):
    """Each array ends where the memory of this process does: one element more would be its end."""
    monkeypatch.setattr(products, "SMALL", 0)
    for n, k, m in [(1, 2, 3), (14, 16, 32), (15, 17, 33), (29, 5, 47), (3, 390, 20)]:
        for transposed in ("", "a", "b", "ab"):
            a = at_the_end(operand(n, k, dtype, "a" in transposed, 0, 0))
            b = at_the_end(operand(k, m, dtype, "b" in transposed, 0, 1))
            check(a, b, at_the_end(np.full((n, m), np.nan, dtype)))


def at_the_end(array):
    """The array again, before a page that nobody may touch."""
    page = mmap.PAGESIZE
    rows = array if array.flags.c_contiguous else array.T
    size = -(-rows.nbytes // page) * page
    memory = mmap.mmap(-1, size + page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + size), ctypes.c_size_t(page), 0) == 0
    made = np.ndarray(rows.shape, rows.dtype, memory, size - rows.nbytes)
    made[...] = rows
    return made if array.flags.c_contiguous else made.T


@given(st.integers(0, 5000), st.integers(1, 1100))
def test_equal_parts(size, most):
    part = even(size, most)
    assert 1 <= part <= most
    assert -(-size // part) == -(-size // most)


def test_blas_keeps_its_threads_for_products_that_it_leaves_to_one(monkeypatch):
    monkeypatch.setattr(products, "SMALL", shares.SMALL)
    small = product(random((64, 64)), random((64, 64)), random((64, 64)))
    assert on_one_thread(small) == small
    vector = product(random((64, 64)), random((64, 1)), random((64, 1)))
    assert len(on_one_thread(vector)) == len(vector) + 2
    monkeypatch.setattr(products, "TILES", False)
    large = product(random((64, 64)), random((64, 65)), random((64, 65)))
    assert len(on_one_thread(large)) == len(large) + 2


# BLAS's own threads ------------------------------------------------------------------------


# How many threads each library has, to where a list keeps how many it had.
COUNT = """
from minidl.accelerator.cpu.machine.lowlevel import ask, at
from minidl.accelerator.cpu.machine.values import int32, int64
from minidl.accelerator.cpu.products.words import BEFORE, EACH, GET, LIBRARIES


def command(block, part, parts):
    words = at(block, int64)
    if part == 0:
        for k in range(0, EACH * words[LIBRARIES], EACH):
            words[k + BEFORE] = ask(words[k + GET], (), int32)
"""


def counting(after):
    """A command that runs between those that write ``after`` and those that read it."""
    block = np.zeros(1 + EACH * len(libraries()), np.int64)
    block[LIBRARIES] = len(libraries())
    block[GET::EACH], block[SET::EACH] = zip(*libraries(), strict=True)
    start = address(after)
    return Command(
        "count",
        generated("count", COUNT),
        block,
        [Access(start, start + after.nbytes, True, None)],
        after,
    )


def threads_of_blas():
    return [found["num_threads"] for found in threadpool_info() if found["user_api"] == "blas"]


def test_blas_has_one_thread_while_products_run_and_as_many_as_before_after_them(
    parts, monkeypatch
):
    monkeypatch.setattr(products, "TILES", False)
    a, b, c, out = (random((80, 80), seed=k) for k in range(4))
    probe = counting(c)
    commands = [*product(a, b, c), probe, *product(c, b, out)]
    for threads in (1, 2, 3):
        with threadpool_limits(threads, user_api="blas"):
            before = threads_of_blas()
            assert threads in before
            for _ in range(5):
                probe.block[BEFORE::EACH] = 0
                play(commands)
                assert probe.block[BEFORE::EACH].tolist() == [1] * len(libraries())
                assert threads_of_blas() == before


@ON_EVERY_TEAM
def test_products_wait_until_blas_has_one_thread_and_it_until_they_are_done(monkeypatch):
    monkeypatch.setattr(products, "TILES", False)
    a, b, c, out = (random((80, 80), seed=k) for k in range(4))
    between = product(b.T, a, out)
    one, *commands, restore = on_one_thread([counting(c), *between])
    assert commands[1:] == between
    waits = listed([one, *commands, restore])[:, WAITS].tolist()
    assert waits == [0, 0, 1, 1]
    assert listed([one, *between])[1, WAITS] == 1


@ON_EVERY_TEAM
def test_each_openblas_of_the_process_is_known():
    openblas = [found for found in threadpool_info() if found["internal_api"] == "openblas"]
    assert len(libraries()) == len(openblas) > 0
    for threads in (1, 2):
        with threadpool_limits(threads, user_api="blas"):
            told = [ctypes.CFUNCTYPE(ctypes.c_int)(get)() for get, _ in libraries()]
            assert told == [threads] * len(libraries())


def test_without_products_blas_keeps_its_threads():
    commands = [counting(random(4))]
    assert on_one_thread(commands) == commands


@ON_EVERY_TEAM
def test_a_part_without_a_share_adds_nothing():
    """Of 32 columns of x a team of three leaves one part without any."""
    x, weights = random((32, 32), seed=3), random((32, 40), seed=4)
    out = np.full((32, 40), np.nan)
    commands = product(x, weights, out)
    for _ in each_schedule(commands, [out], repeats=2):
        np.testing.assert_allclose(out, x @ weights, rtol=0, atol=1e-13)

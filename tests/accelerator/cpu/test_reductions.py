"""Sums, largest elements and their places, as NumPy has them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.accelerator.cpu.commands import UnsupportedError
from minidl.accelerator.cpu.sums.plan import reduction
from tests.accelerator.cpu.running import each_schedule, random, same_bits, sliced

ON_EVERY_TEAM = pytest.mark.usefixtures("parts")
TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
# NumPy's sums of a row: fewer than 8, up to 128, and more; one by one and in steps of 8.
SIZE = st.integers(1, 300) | st.integers(1, 4)


def numbers(shape, dtype, seed=0):
    """Of many magnitudes, so that the order of a sum shows in its last digits."""
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) * 2.0 ** rng.integers(-20, 20, shape)).astype(dtype)


def check(kind, x, axis, keepdims=False, dtype=None):
    """The same as NumPy's, in all schedules; of sums every bit."""
    function = getattr(np, kind)
    options = {} if kind != "sum" else {"dtype": dtype or x.dtype}
    wanted = np.asarray(function(x, axis=axis, keepdims=keepdims, **options))
    out = np.full(wanted.shape, 77, wanted.dtype)
    made = reduction(kind, x, axis, out)
    for _ in each_schedule(made, [out]):
        if kind == "sum":
            same_bits(out, wanted)
        else:  # the largest of two zeros may be either
            np.testing.assert_array_equal(out, wanted)


@given(SIZE, SIZE, st.sampled_from([0, 0, 3, 16]), st.booleans(), st.integers(0, 99))
@TYPES
@ON_EVERY_TEAM
def test_along_rows_and_columns(dtype, rows, columns, beyond, keepdims, seed):
    x = sliced(numbers((rows, columns), dtype, seed), beyond)
    if columns > 1 or x.flags.c_contiguous:
        check("sum", x, 0)
        check("sum", x, -2)
    for kind in ("sum", "max", "argmax"):
        check(kind, x, 1, keepdims)
        check(kind, x, -1, keepdims)


@given(st.tuples(st.integers(1, 5), SIZE, st.integers(1, 60) | st.integers(1, 3)))
@TYPES
@ON_EVERY_TEAM
def test_blocks_of_rows(dtype, shape):
    check("sum", numbers(shape, dtype), 1)
    check("sum", numbers(shape, dtype), -2)


@given(st.lists(SIZE, min_size=0, max_size=2).map(tuple))
@TYPES
@ON_EVERY_TEAM
def test_all_elements(dtype, shape):
    x = np.asarray(numbers(shape, dtype))
    for kind in ("sum", "max", "argmax"):
        check(kind, x, None)


@pytest.mark.parametrize(
    "size", [7, 8, 9, 15, 16, 127, 128, 129, 136, 256, 257, 1000, 4095, 4096, 4111, 8197, 30_000]
)
@TYPES
@ON_EVERY_TEAM
def test_lengths_at_which_numpys_order_changes(size, dtype):
    x = numbers(size, dtype)
    check("sum", x, None)
    check("sum", np.stack([x, -x]), 1)


@pytest.mark.parametrize("columns", [1, 2, 40])
@TYPES
@ON_EVERY_TEAM
def test_many_rows(columns, dtype):
    """The gradient of the bias of one unit is a sum of one column."""
    for rows in (9, 129, 512):
        check("sum", numbers((rows, columns), dtype), 0)
        check("sum", numbers((3, rows, columns), dtype), 1)


@TYPES
@ON_EVERY_TEAM
def test_zeros_keep_the_sign_that_numpy_gives_them(dtype):
    for shape in [(1, 1), (1, 5), (5, 1), (3, 40), (40, 3), (9, 9)]:
        for zero in (0.0, -0.0):
            for axis in (0, 1, None):
                check("sum", np.full(shape, zero, dtype), axis)


@TYPES
@ON_EVERY_TEAM
def test_nan_and_infinity(dtype):
    special = [np.nan, np.inf, -np.inf, 1.0]
    rows = np.array([[a, b, c] for a in special for b in special for c in special], dtype)
    with np.errstate(invalid="ignore"):
        for axis in (0, 1, None):
            check("sum", rows, axis)
    # The first NaN of a row is its largest element.
    for kind in ("max", "argmax"):
        check(kind, rows, 1)
        check(kind, rows, None)
        check(kind, rows[-1], None)


@TYPES
@ON_EVERY_TEAM
def test_of_equal_elements_the_first_is_the_largest(dtype):
    x = np.random.default_rng(0).integers(0, 3, (100, 9)).astype(dtype)
    check("argmax", x, 1)
    check("argmax", np.full((50, 4), -np.inf, dtype), 1)


@given(SIZE, SIZE)
@TYPES
@ON_EVERY_TEAM
def test_booleans_are_counted(dtype, rows, columns):
    right = random((rows, columns)) > 0
    for axis in (None, 0, 1):
        check("sum", right, axis, dtype=np.dtype(dtype))


@ON_EVERY_TEAM
def test_integers():
    x = (100 * random((40, 50))).astype("int32")
    for axis in (None, 0, 1):
        check("sum", x, axis, dtype=np.dtype("float64"))
    check("argmax", x, 1)
    for dtype in ("int32", "uint8"):
        check("max", x.astype(dtype), 1)


@pytest.mark.parametrize("place", [0, 5, 31, 32, 63, 64, 99])
@TYPES
@ON_EVERY_TEAM
def test_the_largest_of_a_long_row_is_at_any_place(place, dtype):
    for value in (1e30, np.inf, np.nan):
        for below in (-1.0, -np.inf):
            x = np.full((2, 100), below, dtype)
            x[1, place] = value
            check("max", x, 1)
            check("max", x, None)


@pytest.mark.parametrize(
    ("kind", "x", "axis", "out"),
    [
        ("sum", random((4, 12))[:, ::2], 1, np.empty(4)),
        ("sum", random((4, 12))[:, ::2], 0, np.empty(6)),
        ("sum", random((4, 12))[:, ::2], None, np.empty(())),
        ("sum", random((4, 6)).T, 0, np.empty(4)),
        ("sum", random((4, 6))[:, :1], 0, np.empty(1)),
        ("sum", random((2, 3, 4)), 0, np.empty((3, 4))),
        ("sum", random((2, 3, 4)), 2, np.empty((2, 3))),
        ("sum", random((2, 3, 4, 5)), 2, np.empty((2, 3, 5))),
        ("max", random((4, 6)), 0, np.empty(6)),
        ("argmax", random((4, 6)), 0, np.empty(6, np.int64)),
        ("max", random((4, 6)), 1, np.empty(4, "float32")),
        ("argmax", random((4, 6)), 1, np.empty(4, np.int32)),
        ("sum", random((4, 6)), 0, np.empty(12)[::2]),
    ],
)
def test_others_are_refused(kind, x, axis, out):
    out[...] = 7
    with pytest.raises(UnsupportedError):
        reduction(kind, x, axis, out)
    assert np.all(out == 7)

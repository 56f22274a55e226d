"""Sums, means and counts over a batch, on every executor, called and played from a tape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.accelerator.cpu import player
from minidl.accelerator.record.tape import Tape
from minidl.backend import to_host, use
from minidl.backend.kernel import is_kernel
from minidl.kernels import sums
from tests.kernels.running import blank, close, device
from tests.strategies import smooth, tensors

T = tensors(x=smooth("NO"), w=smooth("N"), v=smooth("O"))
FLOATS = pytest.mark.parametrize("dtype", ["float32", "float64"])


def number(value: float, dtype: Any = np.float64) -> Any:
    """A 0-d array where the kernels run."""
    return device(value, dtype)


@pytest.mark.usefixtures("executor")
@FLOATS
@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_clear_writes_zeros(shape: tuple[int, ...], dtype: str) -> None:
    out = blank(shape, dtype)
    assert sums.clear(out) is out
    np.testing.assert_array_equal(to_host(out), np.zeros(shape))
    assert out.dtype == dtype


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("float64", "float32"),
        ("float32", "float64"),
        ("int64", "float32"),
        ("uint8", "float64"),
        ("bool", "float32"),
        ("float64", "int32"),  # which NumPy does not do of its own accord
        ("float32", "float32"),
    ],
)
def test_convert_copies_into_the_type_of_out(source: str, target: str) -> None:
    x = np.array([[0, 1, 7], [200.75, 3, 1]]).astype(source)
    out = device(np.full(x.shape, 99), target)
    given = device(x)
    assert sums.convert(given, out) is out
    assert out.dtype == target
    np.testing.assert_array_equal(to_host(out), x.astype(target))
    np.testing.assert_array_equal(to_host(given), x)


@pytest.mark.usefixtures("executor")
@FLOATS
@given(t=T, factor=st.floats(-8, 8))
def test_scale_multiplies_each_element(t: Any, factor: float, dtype: str) -> None:
    x = t.x.astype(dtype)
    out = blank(x.shape, dtype)
    assert sums.scale(device(x), factor, out) is out
    # One rounding of the product, and one of the factor to float32.
    close(to_host(out), t.x * factor, ulps=2)
    assert out.dtype == dtype
    inside = device(x)
    sums.scale(inside, factor, out=inside)
    np.testing.assert_array_equal(to_host(inside), to_host(out))


@pytest.mark.usefixtures("executor")
@given(T)
def test_weigh_multiplies_each_row_by_its_weight(t: Any) -> None:
    weights = t.w.reshape(-1, 1)
    out = blank(t.x.shape)
    assert sums.weigh(device(t.x), device(weights), out) is out
    by_hand = [[x * w for x in row] for row, w in zip(t.x, t.w, strict=True)]
    np.testing.assert_array_equal(to_host(out), by_hand)
    column = device(weights)
    sums.weigh(column, device(weights), out=column)
    np.testing.assert_array_equal(to_host(column), weights**2)


@pytest.mark.usefixtures("executor")
@FLOATS
def test_add_adds_to_the_total(dtype: str) -> None:
    """A float64 total takes a float32 value as it is."""
    total, value = number(3.5), number(-1.25, dtype)
    assert sums.add(total, value) is total
    assert sums.add(total, value) is total
    assert float(total) == 1.0
    assert float(value) == -1.25


@pytest.mark.usefixtures("executor")
@given(T)
def test_add_sum_adds_all_elements_to_the_total(t: Any) -> None:
    for x in (t.x, t.v, t.x.reshape(-1, 1)):
        total, work = number(0.5), blank(())
        assert sums.add_sum(total, device(x), work) is total
        close(to_host(work), sum(x.ravel().tolist()), ulps=16 * x.size)
        close(to_host(total), 0.5 + sum(x.ravel().tolist()), ulps=16 * x.size)


@pytest.mark.usefixtures("executor")
@given(T)
def test_sums_and_means_over_units(t: Any) -> None:
    """One number for each row; the mean divides by the number of units, not of rows."""
    rows, units = t.x.shape
    by_hand = np.array([[sum(row)] for row in t.x.tolist()])
    for kernel, expected in (
        (sums.sum_units, by_hand),
        (sums.mean_units, by_hand / units),
    ):
        out = blank((rows, 1))
        assert kernel(device(t.x), out) is out
        close(to_host(out), expected)


@pytest.mark.usefixtures("executor")
@given(T)
def test_mean_over_the_batch(t: Any) -> None:
    out = blank(())
    assert sums.mean_all(device(t.w.reshape(-1, 1)), out) is out
    close(to_host(out), sum(t.w.tolist()) / len(t.w))


@pytest.mark.usefixtures("executor")
@given(T)
def test_largest_is_the_first_place_of_the_row_s_largest(t: Any) -> None:
    for x in (t.x, np.sign(t.x)):  # signs: with ties
        out = device(np.full(len(x), -1), np.int64)
        assert sums.largest(device(x), out) is out
        by_hand = [row.index(max(row)) for row in x.tolist()]
        np.testing.assert_array_equal(to_host(out), by_hand)


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@given(pairs=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1, max_size=7))
def test_count_of_equal_numbers(pairs: list[tuple[int, int]], dtype: str) -> None:
    a, b = np.array(pairs).T
    equal, out = device(a != b), device(-1, dtype)
    found = sums.count_equal(device(a), device(b.astype(np.int32)), equal, out)
    assert found is out
    assert out.dtype == dtype
    np.testing.assert_array_equal(to_host(equal), [p == q for p, q in pairs])
    assert float(out) == sum(p == q for p, q in pairs)


@pytest.mark.usefixtures("executor")
@FLOATS
@pytest.mark.parametrize("threshold", [0.0, 0.5])
@given(t=tensors(p=smooth("NO"), t=smooth("NO")))
def test_count_of_right_units(t: Any, threshold: float, dtype: str) -> None:
    """Above the threshold, not at it, a unit says 1; the count is divided by the units of a row."""
    p, targets = t.p.copy(), (t.t > 0).astype(float)
    p[0, 0], targets[-1, -1] = threshold, 0.5  # what is neither 0 nor 1 is never right
    right, out = device(np.zeros(p.shape, bool)), blank((), dtype)
    found = sums.count_right_units(device(p), device(targets), threshold, right, out)
    assert found is out
    by_hand = [
        [float(a > threshold) == b for a, b in zip(*rows, strict=True)]
        for rows in zip(p, targets, strict=True)
    ]
    np.testing.assert_array_equal(to_host(right), by_hand)
    close(to_host(out), np.sum(by_hand, dtype=float) / p.shape[1], ulps=1)


class Call(NamedTuple):
    """A kernel, and makers of its arguments: of random numbers, or of what is not an array."""

    kernel: Callable[..., Any]
    arguments: Sequence[Any]


def floats(*shape: int, dtype: str = "float32") -> Callable[[Any], np.ndarray]:
    return lambda random: np.array(random.normal(size=shape), dtype)


def integers(*shape: int) -> Callable[[Any], np.ndarray]:
    return lambda random: random.integers(0, 3, shape)


def masks(*shape: int) -> Callable[[Any], np.ndarray]:
    return lambda random: random.normal(size=shape) > 0


ROWS, UNITS = 37, 70  # both more than the width from which a team shares out
CALLS = {
    "clear": Call(sums.clear, [floats(ROWS, UNITS)]),
    "convert": Call(sums.convert, [floats(ROWS, UNITS, dtype="float64"), floats(ROWS, UNITS)]),
    "convert bytes": Call(
        sums.convert,
        [lambda r: r.integers(0, 255, (ROWS, UNITS)).astype(np.uint8), floats(ROWS, UNITS)],
    ),
    "scale": Call(sums.scale, [floats(ROWS, UNITS), 1 / 3, floats(ROWS, UNITS)]),
    "scale a number": Call(sums.scale, [floats(), 37.0, floats(dtype="float64")]),
    "weigh": Call(sums.weigh, [floats(ROWS, UNITS), floats(ROWS, 1), floats(ROWS, UNITS)]),
    "add": Call(sums.add, [floats(dtype="float64"), floats()]),
    "add_sum": Call(sums.add_sum, [floats(), floats(ROWS * UNITS), floats()]),
    "sum_units": Call(sums.sum_units, [floats(ROWS, UNITS), floats(ROWS, 1)]),
    "mean_units": Call(sums.mean_units, [floats(ROWS, UNITS), floats(ROWS, 1)]),
    "mean_all": Call(sums.mean_all, [floats(ROWS, 1), floats()]),
    "sum_all": Call(sums.sum_all, [floats(ROWS, UNITS), floats()]),
    "sum_rows": Call(sums.sum_rows, [floats(ROWS, UNITS), floats(UNITS)]),
    "mean_rows": Call(sums.mean_rows, [floats(ROWS, UNITS), floats(UNITS)]),
    "largest": Call(sums.largest, [floats(ROWS, UNITS), integers(ROWS)]),
    "count_equal": Call(
        sums.count_equal, [integers(ROWS), integers(ROWS), masks(ROWS), floats(dtype="float64")]
    ),
    "count_right_units": Call(
        sums.count_right_units,
        [floats(ROWS, UNITS), masks(ROWS, UNITS), 0.5, masks(ROWS, UNITS), floats(dtype="float64")],
    ),
}


# Now: while a test runs, others stand in their places, which note its calls.
EVERY = {name for name, value in vars(sums).items() if is_kernel(value)}


def test_calls_are_of_every_kernel() -> None:
    """What is not listed would not be played below."""
    assert {name.partition(" ")[0] for name in CALLS} == EVERY


@pytest.mark.parametrize("name", CALLS)
def test_played_it_does_what_it_does_when_called(name: str, parts: int) -> None:
    """The same bits: sums are in NumPy's order, and the rest is one operation an element."""
    use("numpy", executor="compiled")
    random = np.random.default_rng(0)
    kernel, makers = CALLS[name]
    arguments = [make(random) if callable(make) else make for make in makers]
    expected = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    tape = Tape(0, player)
    with tape.record():
        kernel(*arguments)
    kernel(*expected)
    for step in (1, 2):
        for found, right in zip(arguments, expected, strict=True):
            np.testing.assert_array_equal(found, right)
        for make, found, right in zip(makers, arguments, expected, strict=True):
            if callable(make):
                found[...] = right[...] = make(random)
        tape.play(step)
        kernel(*expected)
    for found, right in zip(arguments, expected, strict=True):
        np.testing.assert_array_equal(found, right)

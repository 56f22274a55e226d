"""Counts of which metrics are made, on every executor, called and played from a tape."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.accelerator.cpu import player
from minidl.accelerator.record.tape import Tape
from minidl.backend import to_host, use
from minidl.kernels import counts, sums
from tests.kernels.running import blank, device

RANDOM = np.random.default_rng(3)
ROWS, UNITS = 9, 4
# Multiples of 1/8: sums of them are exact in any order, and some lie on a threshold.
P = RANDOM.integers(0, 9, (ROWS, UNITS)) / 8
T = RANDOM.integers(-1, 2, (ROWS, UNITS)).astype(float)  # yes is whatever is not 0
W = RANDOM.integers(1, 9, (ROWS, UNITS)) / 8
FLOATS = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.mark.usefixtures("executor")
@FLOATS
def test_four_cases(dtype: str) -> None:
    outs = tuple(blank(P.shape, dtype) for _ in range(4))
    counts.four_cases(*(device(a, dtype) for a in (P, T, W)), 0.5, out=outs)
    for out, yes, above in zip(outs, (0, 0, 1, 1), (0, 1, 0, 1), strict=True):
        expected = [
            [
                w if (t != 0) == yes and (p > 0.5) == above else 0
                for p, t, w in zip(*rows, strict=True)
            ]
            for rows in zip(P, T, W, strict=True)
        ]
        np.testing.assert_array_equal(to_host(out), expected)


@pytest.mark.usefixtures("executor")
@FLOATS
def test_one_by_sum_is_0_where_there_is_no_weight(dtype: str) -> None:
    for weights, expected in (([[0.5], [0.0], [1.5]], 0.5), ([[0.0], [0.0]], 0.0)):
        none, out = blank((), dtype), blank((), dtype)
        counts.one_by_sum(device(np.array(weights), dtype), none, out=out)
        assert to_host(out) == expected


@pytest.mark.parametrize("steps", [0, 4])
@pytest.mark.parametrize("labels", [1, UNITS])
@pytest.mark.parametrize("low", [0, 1])
def test_buckets_count_the_thresholds_below(steps: int, labels: int, low: int) -> None:
    """On a threshold a prediction is not above it. A NaN is above none."""
    thresholds = np.array([0, 0.25, 0.5, 0.75, 1])
    total = np.zeros((2, 6, labels))
    p = P.copy()
    p[0, 0] = np.nan
    for _ in range(2):
        counts.add_buckets(total, p, T, W, thresholds, steps, low)
    expected = np.zeros_like(total)
    for row in range(ROWS):
        for unit in range(UNITS):
            bucket = sum(p[row, unit] > t for t in thresholds)
            bucket = max(bucket, low) if steps else bucket
            place = int(T[row, unit] != 0), bucket, unit if labels > 1 else 0
            expected[place] += 2 * W[row, unit]
    np.testing.assert_array_equal(total, expected)


def test_keep_top_keeps_the_first_of_equal_ones() -> None:
    p = np.array([[0.1, 0.3, 0.3, 0.2], [0.5, 0.5, 0.5, 0.5]])
    out = np.empty_like(p)
    assert counts.keep_top(p, 2, out) is out
    low = -1e10
    np.testing.assert_array_equal(out, [[low, 0.3, 0.3, low], [0.5, 0.5, low, low]])


@pytest.mark.usefixtures("executor")
@FLOATS
@pytest.mark.parametrize("k", [1, 2, 4])
def test_in_top_counts_those_that_are_larger(k: int, dtype: str) -> None:
    labels = np.arange(ROWS) % UNITS
    p = P.copy()
    p[0] = np.nan
    one = np.eye(UNITS)[labels]
    work, row, out = blank(P.shape, dtype), blank((ROWS, 1), dtype), blank((ROWS, 1), dtype)
    counts.in_top(device(p, dtype), device(one, dtype), k, work, row, out)
    expected = [
        [float(sum(q > a[n] for q in a) < k and not np.isnan(a[n]))]
        for a, n in zip(p.tolist(), labels, strict=True)
    ]
    np.testing.assert_array_equal(to_host(out), expected)


@pytest.mark.usefixtures("executor")
@FLOATS
@pytest.mark.parametrize("threshold", [None, 0.5])
def test_say_yes(threshold: float | None, dtype: str) -> None:
    """To the largest of a row, all of them if there are several, but never to 0."""
    p = P.copy()
    p[1] = 0
    row, work, out = blank((ROWS, 1), dtype), blank(P.shape, dtype), blank(P.shape, dtype)
    counts.say_yes(device(p, dtype), threshold, row, work, out)
    expected = [
        [float(q > threshold if threshold else q == max(a) and q != 0) for q in a]
        for a in p.tolist()
    ]
    np.testing.assert_array_equal(to_host(out), expected)


@pytest.mark.usefixtures("executor")
@FLOATS
def test_terms_of_columns(dtype: str) -> None:
    """Of F scores and of R²; exact, as the factors have few digits."""
    yes = (P > 0.5).astype(float)
    outs = tuple(blank(P.shape, dtype) for _ in range(4))
    counts.agreement(*(device(a, dtype) for a in (yes, T, W)), out=outs)
    for out, expected in zip(
        outs, (W * yes * T, W * yes * (1 - T), W * (1 - yes) * T, W * T), strict=True
    ):
        np.testing.assert_array_equal(to_host(out), expected)
    counts.moments(*(device(a, dtype) for a in (P, T, W)), out=outs[:3])
    for out, expected in zip(outs[:3], (W * T, W * T**2, W * (T - P) ** 2), strict=True):
        np.testing.assert_array_equal(to_host(out), expected)
    total, column = device(np.ones(UNITS)), blank((UNITS,), dtype)
    counts.add_columns(total, device(W, dtype), column)
    np.testing.assert_array_equal(to_host(total), 1 + W.sum(axis=0))


@pytest.mark.usefixtures("executor")
@FLOATS
def test_sums(dtype: str) -> None:
    out, work, right = blank((), dtype), blank(P.shape, dtype), device(P > 0.5)
    assert float(sums.sum_all(device(W, dtype), out)) == W.sum()
    assert (
        float(counts.sum_weighted(right, device(W[:, :1], dtype), work, out))
        == (W[:, :1] * (P > 0.5)).sum()
    )
    equal, mean = device(P > 2), blank(())
    counts.count_equal_units(device(P, dtype), device(P[:, :1], dtype), equal, mean)
    assert float(mean) == (P[:, :1] == P).sum() / UNITS
    held = blank((ROWS, 1), dtype)
    counts.holds(device(P, dtype), device(T[:, :1], dtype), work, held)
    np.testing.assert_array_equal(to_host(held)[:, 0], (T[:, :1] == P).any(axis=1))


CALLS = {
    "four cases": (counts.four_cases, lambda a: (*a[:3], 0.5, tuple(a[3:7]))),
    "agreement": (counts.agreement, lambda a: (*a[:3], tuple(a[3:7]))),
    "moments": (counts.moments, lambda a: (*a[:3], tuple(a[3:6]))),
    "add_columns": (counts.add_columns, lambda a: (a[8], a[0], a[9])),
    "sum_weighted": (counts.sum_weighted, lambda a: (a[0], a[7], a[3], a[10])),
    "in_top": (counts.in_top, lambda a: (a[0], a[1], 2, a[3], a[7], a[11])),
    "say_yes": (counts.say_yes, lambda a: (a[0], None, a[7], a[3], a[4])),
    "add_buckets": (counts.add_buckets, lambda a: (a[12], a[0], a[1], a[2], a[9], 3, 0)),
    "keep_top": (counts.keep_top, lambda a: (a[0], 2, a[3])),
}


@pytest.mark.parametrize("name", CALLS)
def test_played_it_does_what_it_does_when_called(name: str, parts: int) -> None:
    """The same bits, also where the kernel stays a call of Python."""
    use("numpy", executor="compiled")
    kernel, choose = CALLS[name]
    shapes = [(37, 70)] * 7 + [(37, 1), (70,), (70,), (), (37, 1), (2, 5, 1)]
    types = ["f4"] * 8 + ["f8", "f4", "f4", "f4", "f8"]

    def arrays(seed: int) -> list[np.ndarray]:
        random = np.random.default_rng(seed)
        return [np.array(random.uniform(size=s), t) for s, t in zip(shapes, types, strict=True)]

    def call(made: list[np.ndarray]) -> None:
        given = choose(made)
        if hasattr(kernel, "formula"):
            kernel(*given[:-1], out=given[-1])
        else:
            kernel(*given)

    found, expected = arrays(0), arrays(0)
    tape = Tape(0, player)
    with tape.record():
        call(found)
    call(expected)
    for step in (1, 2):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)
        for one, other, new in zip(found, expected, arrays(step), strict=True):
            one[...] = other[...] = new
        tape.play(step)
        call(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)

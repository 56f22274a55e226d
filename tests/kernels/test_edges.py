"""The ends of the number range: kernels against mpmath.

Nothing may overflow or be invalid on the way, and every error is stated: in units of rounding
(eps) of the type, relative to the result, or to 1 where it comes from numbers near 1 that cancel.
"""

from __future__ import annotations

import functools

import mpmath
import numpy as np
import pytest

from minidl.activations import get
from minidl.backend import to_host
from minidl.kernels import activations, dropout, losses, probabilities
from tests.kernels.running import blank, device, flushes, off, raising, run

FLOATS = pytest.mark.parametrize("dtype", ["float32", "float64"])
pytestmark = pytest.mark.usefixtures("executor")

SIZES = [
    1e-300, 1e-40, 1e-30, 1e-20, 1e-10, 1e-8, 1e-5, 1e-3, 0.01, 0.1, 0.3, 0.5, 0.9, 1, 1.5, 2, 3, 5,
    8, 10, 15, 17, 20, 30, 40, 60, 80, 87, 88, 100, 104, 300, 700, 709, 740, 745, 1e3, 1e4, 1e10,
    1e30, 1e37,
]  # fmt: skip


def numbers(dtype):
    """0, and of either sign: from subnormal numbers to half of the largest."""
    info = np.finfo(dtype)
    sizes = np.array([*SIZES, float(info.tiny), float(info.max) / 2]).astype(dtype)
    return np.concatenate([[0], sizes, -sizes]).astype(dtype)


def exact(function, *arrays):
    """``function`` of each element with 60 digits, rounded to float64 at the end."""
    with mpmath.workdps(60):
        results = [function(*(mpmath.mpf(float(v)) for v in row)) for row in zip(*arrays)]  # noqa: B905
        return np.array([float(result) for result in results])


# name: constants, the function, its derivative, and whether that is known relative to itself:
# else only to 1, because it is 1 - y or y + alpha of a rounded y.
ACTIVATIONS = {
    "sigmoid": (
        (),
        lambda x: 1 / (1 + mpmath.exp(-x)),
        lambda x: mpmath.exp(-abs(x)) / (1 + mpmath.exp(-abs(x))) ** 2,
        False,
    ),
    "tanh": ((), mpmath.tanh, lambda x: mpmath.sech(x) ** 2 if abs(x) < 1e4 else 0, False),
    "relu": ((), lambda x: max(x, 0), lambda x: x > 0, True),
    "leaky_relu": (
        (0.25,),
        lambda x: x if x > 0 else x / 4,
        lambda x: 1 if x > 0 else 0.25,
        True,
    ),
    "elu": (
        (0.25,),
        lambda x: x if x > 0 else mpmath.expm1(x) / 4,
        lambda x: 1 if x > 0 else mpmath.exp(x) / 4,
        False,
    ),
    "linear": ((), lambda x: x, lambda x: 1, True),
}


@functools.cache
def expected(name, dtype, flushed):
    """The function and its derivative at all numbers, of which subnormal ones may be 0."""
    _, function, derivative, _ = ACTIVATIONS[name]
    x = numbers(dtype)
    if flushed:
        x[np.abs(x) < np.finfo(dtype).tiny] = 0
    return exact(function, x), exact(derivative, x)


@FLOATS
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_derivatives(name, dtype):
    constants, _, _, relative = ACTIVATIONS[name]
    x, (y, dy) = numbers(dtype), expected(name, dtype, flushes(dtype))
    with raising():
        function = get(name)
        actual = run(function.forward, x, *constants)
        dx = run(function.backward, np.ones_like(x), actual, *constants)
    # Three operations and an exponential.
    assert off(actual, y) <= 4
    assert off(dx, dy, None if relative else 1) <= 2
    if name == "sigmoid":
        left = x <= 0
        assert off(dx[left], dy[left]) <= 6


def rows_of_logits(dtype):
    """Rows of five classes whose logits lie as far apart as they may."""
    half = float(np.finfo(dtype).max) / 2
    return np.array(
        [
            [1e4, -1e4, 0, 9999, 1e4],
            [-1e4, -1e4, -1e4, -1e4, -1e4],
            [1e4, 0, 0, 0, 0],
            [-1e4, 1, 2, 3, 4],
            [half, -half, 0, 1, half],
            [1e-30, 0, -1e-30, 1e-10, 1e-5],
            [-80, -60, -40, -20, 0],
        ],
        dtype,
    )


def exact_softmax(row):
    with mpmath.workdps(60):
        x = [mpmath.mpf(float(v)) for v in row]
        powers = [mpmath.exp(v - max(x)) for v in x]
        return [p / mpmath.fsum(powers) for p in powers]


@FLOATS
@pytest.mark.parametrize("columns", [1, 2, 5])
def test_softmax(columns, dtype):
    x = np.ascontiguousarray(rows_of_logits(dtype)[:, :columns])
    y = np.array([[float(p) for p in exact_softmax(row)] for row in x])
    row, out, dx = blank((len(x), 1), dtype), blank(x.shape, dtype), blank(x.shape, dtype)
    dy = np.linspace(-1, 1, x.size).reshape(x.shape).astype(dtype)
    with raising():
        activations.softmax_forward(device(x), row, out)
        activations.softmax_backward(device(dy), out, row, dx)
    # x - max x is rounded to half an eps before its exponential, which makes a relative error
    # of it; where it is beyond 1000 the result is 0.
    wide = x.astype(float)
    distance = np.minimum(wide.max(axis=1, keepdims=True) - wide, 1000)
    assert off(to_host(out), y, y * (2 + distance / 2)) <= 1
    assert off(to_host(dx), y * (dy - (dy * y).sum(axis=1, keepdims=True)), 1) <= 4
    if columns == 1:
        np.testing.assert_array_equal(to_host(out), 1)
        np.testing.assert_array_equal(to_host(dx), 0)


@FLOATS
@pytest.mark.parametrize("targets", ["one-hot", "soft"])
@pytest.mark.parametrize("columns", [1, 2, 5])
def test_softmax_crossentropy(columns, targets, dtype):
    x = np.ascontiguousarray(np.delete(rows_of_logits(dtype), 4, axis=0)[:, :columns])
    x = np.repeat(x, columns, axis=0)
    t = np.tile(np.eye(columns), (len(x) // columns, 1)).astype(dtype)
    if targets == "soft":
        t = (t + 1) / t.dtype.type(columns + 1)
    expected = []
    for row, share in zip(x, t, strict=True):
        with mpmath.workdps(60):
            top = max(float(v) for v in row)
            z = [mpmath.mpf(float(v)) - top for v in row]
            total = mpmath.log(mpmath.fsum(mpmath.exp(v) for v in z))
            terms = [mpmath.mpf(float(k)) * (total - v) for k, v in zip(share, z, strict=True)]
            expected.append(float(mpmath.fsum(terms)))
    p, work, row, out = (blank((len(x), k), dtype) for k in (columns, columns, 1, 1))
    with raising():
        losses.softmax_crossentropy_forward(device(x), device(t), p, work, row, out)
        dlogits = run(losses.softmax_crossentropy_backward, to_host(p), t)
    expected = np.array(expected)
    # Relative to the loss, or to 1 where it is the logarithm of a sum near 1.
    assert off(to_host(out)[:, 0], expected, np.maximum(expected, 1)) <= 4
    share = np.array([[float(v) for v in exact_softmax(row)] for row in x])
    assert off(dlogits, share - t.astype(float), 1) <= 4


@FLOATS
def test_sigmoid_crossentropy(dtype):
    z = np.concatenate([numbers(dtype)] * 3)
    t = np.repeat([0, 1, 0.25], len(z) // 3).astype(dtype)

    def loss(z, t):
        return t * mpmath.log1p(mpmath.exp(-z)) + (1 - t) * mpmath.log1p(mpmath.exp(z))

    def gradient(z, t):
        return 1 / (1 + mpmath.exp(-z)) - t

    small = np.abs(z) <= 2e4
    z, t = z[small], t[small]
    with raising():
        value = run(losses.sigmoid_crossentropy_forward, z, t)
        dz = run(losses.sigmoid_crossentropy_backward, z, t, 1)
    assert off(value, exact(loss, z, t)) <= 4
    assert off(dz, exact(gradient, z, t), 1) <= 2


@FLOATS
@pytest.mark.parametrize("name", ["crossentropy", "binary_crossentropy"])
def test_crossentropy_of_probabilities_down_to_0_and_up_to_1(name, dtype):
    one = np.dtype(dtype).type(1)
    ends = [0, 1e-38, 1e-10, 0.99e-7, 1.01e-7, 1e-3, 0.5, 1 - 1e-3, 1 - 1.01e-7, 1 - 1e-10, 1]
    p = np.tile(np.array([*ends, np.nextafter(one, 0)], dtype), 3)
    t = np.repeat([0, 1, 0.25], len(p) // 3).astype(dtype)
    low, high = (float(np.dtype(dtype).type(e)) for e in (1e-7, 1 - 1e-7))

    def loss(p, t, low=low, high=high):
        kept = min(max(p, low), high)
        both = name == "binary_crossentropy"
        return -t * mpmath.log(kept) - both * (1 - t) * mpmath.log(1 - kept)

    with raising():
        value = run(getattr(probabilities, f"{name}_forward"), p, t)
        units = (1,) if name == "binary_crossentropy" else ()
        dp = run(getattr(probabilities, f"{name}_backward"), p, t, *units)
    wanted = exact(loss, p, t)
    # Of two logarithms, that of 1 - p is only known relative to 1.
    assert off(value, wanted, None if name == "crossentropy" else np.maximum(wanted, 1)) <= 4
    # float32 has no number at 1 - 1e-7: the nearest is 1 - 1.19e-7, whose logarithm differs by
    # a fifth, and the logarithm of its difference from 1 by 1.1 %.
    wanted = exact(functools.partial(loss, low=1e-7, high=1 - mpmath.mpf("1e-7")), p, t)
    np.testing.assert_allclose(value, wanted, rtol=0.012 if dtype == "float32" else 1e-9, atol=3e-8)
    clipped = (p.astype(float) < low) | (p.astype(float) > high)
    np.testing.assert_array_equal(dp[clipped], 0)
    assert np.all(np.isfinite(dp))


def test_what_is_dropped_is_0_however_large_it_is():
    """At a rate near 1 what stays is multiplied by 65,536: what does not stay must not be."""
    threshold, scale = dropout.dropout_threshold(1 - 1e-9)
    assert (threshold, scale) == (65_535, 65_536)
    largest = np.finfo(np.float32).max
    x = np.array([largest, -largest, 0, 1, -1], np.float32)
    for kernel in (dropout.dropout_forward, dropout.dropout_backward):
        with raising():
            dropped = run(kernel, x, np.full(5, 65_534, np.uint16), threshold, scale)
            kept = run(kernel, x[2:], np.full(3, 65_535, np.uint16), threshold, scale)
        np.testing.assert_array_equal(dropped, 0)
        np.testing.assert_array_equal(kept, [0, 65_536, -65_536])

"""Activations: formulas, derivatives, and what happens at the ends of the number range."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from minidl import activations
from minidl.backend import to_host
from minidl.kernels import activations as kernels
from minidl.kernels.erfc import erfc
from minidl.kernels.rowwise import log_softmax_backward, log_softmax_forward
from tests import registered
from tests.gradients import check_gradient
from tests.kernels.running import blank, close, device, flushes, raising, run
from tests.strategies import off_zero, rates, smooth, tensors


class Case(NamedTuple):
    """What is expected of a function.

    Attributes:
        definition: written without the kernel's tricks.
        kinks: where the slope jumps, but for 0.
        constants: strategies of the constants, in their order, and values of them.
        large: y at -1e4, 1e4, -1000, 1000.
        slopes: dx there.
    """

    definition: Callable[..., Any]
    large: list[float]
    slopes: list[float]
    constants: tuple[Any, ...] = ()
    values: tuple[float, ...] = ()
    kinks: Callable[..., list[float]] = lambda *_: []


def bounded(x, slope, end, start):
    return np.where(x > start, np.minimum(x, end), slope * (x - start))


ALPHA, SCALE = 1.67326324235437728481704, 1.05070098735548049341933
INF = math.inf
# Every function that works element by element; the test below says which is missing.
CASES = {
    "linear": Case(lambda x: x, [-1e4, 1e4, -1000, 1000], [1, 1, 1, 1]),
    "sigmoid": Case(lambda x: 1 / (1 + np.exp(-x)), [0, 1, 0, 1], [0, 0, 0, 0]),
    "tanh": Case(
        lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)), [-1, 1, -1, 1], [0] * 4
    ),
    "relu": Case(lambda x: np.where(x > 0, x, 0), [0, 1e4, 0, 1000], [0, 1, 0, 1]),
    "bounded_relu": Case(
        bounded,
        [-2500.25, 2, -250.25, 2],
        [0.25, 0, 0.25, 0],
        (rates(0, 3), rates(2, 4), rates(0, 1)),
        (0.25, 2.0, 1.0),
        lambda slope, end, start: [end, start],
    ),
    "leaky_relu": Case(
        lambda x, slope: np.where(x > 0, x, slope * x),
        [-2500, 1e4, -250, 1000],
        [0.25, 1, 0.25, 1],
        (rates(0, 3),),
        (0.25,),
    ),
    "elu": Case(
        lambda x, alpha: np.where(x > 0, x, alpha * (np.exp(x) - 1)),
        [-0.25, 1e4, -0.25, 1000],
        [0, 1, 0, 1],
        (rates(0, 3),),
        (0.25,),
    ),
    "selu": Case(
        lambda x: SCALE * np.where(x > 0, x, ALPHA * (np.exp(x) - 1)),
        [-SCALE * ALPHA, SCALE * 1e4, -SCALE * ALPHA, SCALE * 1000],
        [0, SCALE, 0, SCALE],
    ),
    "gelu": Case(lambda x: x * special.ndtr(x), [0, 1e4, 0, 1000], [0, 1, 0, 1]),
    "gelu_tanh": Case(
        lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        [0, 1e4, 0, 1000],
        [0, 1, 0, 1],
    ),
    "silu": Case(lambda x: x / (1 + np.exp(-x)), [0, 1e4, 0, 1000], [0, 1, 0, 1]),
    "mish": Case(lambda x: x * np.tanh(np.log1p(np.exp(x))), [0, 1e4, 0, 1000], [0, 1, 0, 1]),
    "softplus": Case(lambda x: np.log1p(np.exp(x)), [0, 1e4, 0, 1000], [0, 1, 0, 1]),
    "softsign": Case(
        lambda x: x / (1 + np.abs(x)),
        [-1e4 / 10001, 1e4 / 10001, -1000 / 1001, 1000 / 1001],
        [1 / 10001**2, 1 / 10001**2, 1 / 1001**2, 1 / 1001**2],
    ),
    "hard_sigmoid": Case(
        lambda x: np.clip(x / 6 + 0.5, 0, 1), [0, 1, 0, 1], [0] * 4, kinks=lambda: [-3, 3]
    ),
    "exponential": Case(np.exp, [0, INF, 0, INF], [0, INF, 0, INF]),
    "relu6": Case(lambda x: np.clip(x, 0, 6), [0, 6, 0, 6], [0] * 4, kinks=lambda: [6]),
    "hard_tanh": Case(lambda x: np.clip(x, -1, 1), [-1, 1, -1, 1], [0] * 4, kinks=lambda: [-1, 1]),
    "hard_silu": Case(
        lambda x: x * np.clip((x + 3) / 6, 0, 1),
        [0, 1e4, 0, 1000],
        [0, 1, 0, 1],
        kinks=lambda: [-3, 3],
    ),
    "hard_shrink": Case(
        lambda x, end: np.where(np.abs(x) > end, x, 0),
        [-1e4, 1e4, -1000, 1000],
        [1, 1, 1, 1],
        (rates(0.1, 1),),
        (0.25,),
        lambda end: [-end, end],
    ),
    "soft_shrink": Case(
        lambda x, end: np.sign(x) * np.maximum(np.abs(x) - end, 0),
        [-9999.75, 9999.75, -999.75, 999.75],
        [1, 1, 1, 1],
        (rates(0.1, 1),),
        (0.25,),
        lambda end: [-end, end],
    ),
    "sparse_sigmoid": Case(
        lambda x: np.clip((x + 1) / 2, 0, 1), [0, 1, 0, 1], [0] * 4, kinks=lambda: [-1, 1]
    ),
    "sparse_plus": Case(
        lambda x: np.select([x <= -1, x < 1], [0, (x + 1) ** 2 / 4], x),
        [0, 1e4, 0, 1000],
        [0, 1, 0, 1],
        kinks=lambda: [-1, 1],
    ),
    "celu": Case(
        lambda x, alpha: np.where(x > 0, x, alpha * (np.exp(x / alpha) - 1)),
        [-0.25, 1e4, -0.25, 1000],
        [0, 1, 0, 1],
        (rates(0.5, 3),),
        (0.25,),
    ),
    "squareplus": Case(
        lambda x, b: (x + np.sqrt(x * x + b)) / 2,
        [
            0.125 / (x + math.sqrt(x * x + 0.25))
            if n % 2 == 0
            else (x + math.sqrt(x * x + 0.25)) / 2
            for n, x in enumerate([1e4, 1e4, 1000, 1000])
        ],
        [0.5 - s * 0.5 * x / math.sqrt(x * x + 0.25) for x in (1e4, 1000) for s in (1, -1)],
        (rates(0.5, 5),),
        (0.25,),
    ),
    "log_sigmoid": Case(lambda x: -np.log1p(np.exp(-x)), [-1e4, 0, -1000, 0], [1, 0, 1, 0]),
    "tanh_shrink": Case(lambda x: x - np.tanh(x), [-9999, 9999, -999, 999], [1, 1, 1, 1]),
}
ROWWISE = {"softmax", "log_softmax"}
elementwise = pytest.mark.parametrize("name", CASES)


def function(name):
    return registered.ACTIVATIONS[name]


def draw_constants(data, name):
    return [data.draw(each, label="constant") for each in CASES[name].constants]


def forward_of(name, *constants):
    return lambda x: run(function(name).forward, x, *constants)


def backward_of(name, *constants):
    """dx for dy, x and y, of which the kernel takes those that it names."""

    def backward(dy, x, y):
        kept = [each for each, keeps in ((x, function(name).keeps_x), (y, function(name).keeps_y))
                if keeps]  # fmt: skip
        return run(function(name).backward, dy, *kept, *constants)

    return backward


def test_every_activation_is_tested_here():
    assert {*CASES, *ROWWISE} == {*registered.ACTIVATIONS}
    assert {name for name in registered.ACTIVATIONS if function(name).rowwise} == ROWWISE


def softmax(x, dtype=np.float64):
    row, y = blank((len(x), 1), dtype), blank(x.shape, dtype)
    assert kernels.softmax_forward(device(x, dtype), row, y) is y
    return to_host(y)


def softmax_backward(dy, y):
    row, dx = blank((len(y), 1)), blank(y.shape)
    assert kernels.softmax_backward(device(dy), device(y), row, dx) is dx
    return to_host(dx)


def away(x, kinks):
    """x, moved off the kinks as far as ``off_zero`` is off 0."""
    for kink in kinks:
        x = np.where(np.abs(x - kink) < 0.01, kink + 0.02, x)
    return x


@elementwise
@pytest.mark.usefixtures("executor")
@given(t=tensors(x=smooth("NO")), data=st.data())
def test_forward_is_the_definition(name, t, data):
    constants = draw_constants(data, name)
    x = away(t.x, CASES[name].kinks(*constants))
    close(forward_of(name, *constants)(x), CASES[name].definition(x, *constants))


@elementwise
@pytest.mark.usefixtures("executor")
@given(t=tensors(x=off_zero("NO"), dy=smooth("NO")), data=st.data())
def test_backward_is_the_gradient(name, t, data):
    constants = draw_constants(data, name)
    forward, x = forward_of(name, *constants), away(t.x, CASES[name].kinks(*constants))
    dx = backward_of(name, *constants)(t.dy, x, forward(x))
    check_gradient(forward, {"x": x}, {"x": dx}, t.dy)


@pytest.mark.usefixtures("executor")
@given(dy=tensors(dy=smooth("NO")), slope=rates(0, 3))
def test_at_the_kink_the_derivative_is_the_left_one(dy, slope):
    dy, zero = dy.dy, np.zeros_like(dy.dy)
    np.testing.assert_array_equal(backward_of("relu")(dy, zero, zero), 0 * dy)
    np.testing.assert_array_equal(backward_of("leaky_relu", slope)(dy, zero, zero), slope * dy)
    np.testing.assert_array_equal(backward_of("elu", slope)(dy, zero, zero), slope * dy)
    close(backward_of("selu")(dy, zero, zero), SCALE * ALPHA * dy)
    back = backward_of("bounded_relu", slope, 2.0, 1.0)
    np.testing.assert_array_equal(back(dy, zero + 1, zero), slope * dy)
    np.testing.assert_array_equal(back(dy, zero + 2, zero), dy)
    # Keras has 0 at both ends of this one.
    np.testing.assert_array_equal(backward_of("hard_sigmoid")(dy, zero + 3, zero + 1), 0 * dy)
    np.testing.assert_array_equal(backward_of("hard_sigmoid")(dy, zero - 3, zero), 0 * dy)


@pytest.mark.usefixtures("executor")
@given(t=tensors(x=smooth("NK"), dy=smooth("NK")))
def test_softmax(t):
    y = softmax(t.x)
    for n, row in enumerate(t.x):
        close(y[n], np.exp(row) / sum(np.exp(row)))
    check_gradient(softmax, {"x": t.x}, {"x": softmax_backward(t.dy, y)}, t.dy)


def log_softmax(x, dtype=np.float64):
    row, total, y = blank((len(x), 1), dtype), blank((len(x), 1), dtype), blank(x.shape, dtype)
    assert log_softmax_forward(device(x, dtype), row, total, y) is y
    return to_host(y)


@pytest.mark.usefixtures("executor")
@given(t=tensors(x=smooth("NK"), dy=smooth("NK")))
def test_log_softmax(t):
    y = log_softmax(t.x)
    close(y, np.log(softmax(t.x)))
    row, dx = blank((len(y), 1)), blank(y.shape)
    assert log_softmax_backward(device(t.dy), device(y), row, dx) is dx
    check_gradient(log_softmax, {"x": t.x}, {"x": to_host(dx)}, t.dy)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("executor")
def test_log_softmax_of_large_logits(dtype):
    logits = np.array([[1e4, -1e4, 1e4], [-1e4, -1e4, -1e4], [1e4, 0, -1e4]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = log_softmax(logits, dtype)
    two, three = -np.log(2), -np.log(3)
    close(y, [[two, -2e4 + two, two], [three] * 3, [0, -1e4, -2e4]])


@pytest.mark.usefixtures("executor")
@given(t=tensors(x=smooth("NK")))
def test_softmax_may_overwrite_its_input(t):
    x = device(t.x)
    kernels.softmax_forward(x, blank((len(t.x), 1)), x)
    np.testing.assert_array_equal(to_host(x), softmax(t.x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("executor")
def test_softmax_of_large_logits(dtype):
    logits = np.array([[1e4, -1e4, 1e4], [-1e4, -1e4, -1e4], [1e4, 0, -1e4]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = softmax(logits, dtype)
    close(y, [[0.5, 0, 0.5], [1 / 3, 1 / 3, 1 / 3], [1, 0, 0]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@elementwise
@pytest.mark.usefixtures("executor")
def test_large_arguments_neither_overflow_nor_warn(name, dtype):
    x, case = np.array([-1e4, 1e4, -1000, 1000], dtype), CASES[name]
    if name == "exponential":
        context = np.errstate(over="ignore")  # it is infinite
    else:
        context = warnings.catch_warnings()
        warnings.simplefilter("error")
    with context:
        y = forward_of(name, *case.values)(x)
        dx = backward_of(name, *case.values)(np.ones_like(x), x, y)
    assert y.dtype == x.dtype
    close(y, case.large)
    close(dx, case.slopes, 2**12 if name == "softsign" else 16)  # (1 - |y|)²: digits of 1 - |y|


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted({*CASES} - {"exponential"}))
@pytest.mark.usefixtures("executor")
def test_the_largest_and_the_smallest_numbers_are_taken(name, dtype):
    """The largest numbers, the smallest normal and subnormal ones, both zeros."""
    info, case = np.finfo(dtype), CASES[name]
    ends = np.array([info.max / 8, info.tiny, info.smallest_subnormal, 1e-20, 0], dtype)
    x = np.concatenate([ends, -ends])
    with raising():
        y = forward_of(name, *case.values)(x)
        dx = backward_of(name, *case.values)(np.ones_like(x), x, y)
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()
    near = x[np.abs(x) < 1e-10].astype(np.float64)
    if flushes(dtype):
        near[np.abs(near) < info.tiny] = 0
    close(y[np.abs(x) < 1e-10], case.definition(near, *case.values))
    at = case.definition(np.array([-1e-7, 0, 1e-7]), *case.values)
    slopes = np.where(near > 0, at[2] - at[1], at[1] - at[0]) / 1e-7
    np.testing.assert_allclose(dx[np.abs(x) < 1e-10], slopes, rtol=1e-6, atol=1e-6)


@pytest.mark.usefixtures("executor")
def test_small_sigmoids_keep_their_digits():
    # 1 - 1 / (1 + exp(x)), another textbook form, has none left at -40.
    x = np.array([-40.0, -100.0, -700.0])
    np.testing.assert_allclose(forward_of("sigmoid")(x), np.exp(x), rtol=1e-15)


@pytest.mark.usefixtures("executor")
def test_small_results_keep_their_digits():
    # Keras's 1 + erf(x / √2) has none left at -9, nor has log(1 + exp(x)) at -40.
    x = np.array([-3.0, -9.0, -20.0, -30.0])
    # exp(-x² / 2) rounds its exponent, which is up to 450.
    np.testing.assert_allclose(forward_of("gelu")(x), x * special.ndtr(x), rtol=1e-13)
    x = np.array([-40.0, -100.0, -700.0])
    np.testing.assert_allclose(forward_of("softplus")(x), np.exp(x), rtol=1e-15)
    np.testing.assert_allclose(backward_of("softplus")(x, x, np.exp(x)), x * np.exp(x), rtol=1e-15)
    for name in ("silu", "mish"):
        np.testing.assert_allclose(forward_of(name)(x), x * np.exp(x), rtol=1e-15)
        dx = backward_of(name)(np.ones(3), x, x)
        np.testing.assert_allclose(dx, (1 + x) * np.exp(x), rtol=1e-15)


@pytest.mark.parametrize(("dtype", "units"), [("float64", 3), ("float32", 3)])
def test_erfc(dtype, units):
    """To so many units of the last place of 1; small values keep their digits."""
    z = np.concatenate([np.linspace(0, 9, 2001), np.geomspace(1e-30, 1, 301)]).astype(dtype)
    expected = special.erfc(z.astype("f8"))
    with np.errstate(under="ignore"):
        found = erfc(z)
    assert found.dtype == z.dtype
    eps = np.finfo(dtype).eps
    assert np.max(np.abs(found - expected)) <= units * eps
    near = z < 5
    np.testing.assert_allclose(found[near], expected[near], rtol=50 * eps)


@pytest.mark.usefixtures("executor")
def test_elu_near_zero_keeps_its_digits():
    # exp(x) - 1 would be off by half its digits at 1e-8, and 0 at 1e-17.
    x = np.array([-1e-4, -1e-8, -1e-17, 1e-17])
    series = np.where(x > 0, x, x + x**2 / 2 + x**3 / 6 + x**4 / 24)
    np.testing.assert_allclose(forward_of("elu", 1.0)(x), series, rtol=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@elementwise
@pytest.mark.usefixtures("executor")
def test_nan_comes_through(name, dtype):
    x = np.array([np.nan, 1, -1], dtype)
    case, half = CASES[name], np.array([0.5, 0.5, 0.5], dtype)
    y = forward_of(name, *case.values)(x)
    np.testing.assert_array_equal(np.isnan(y), [True, False, False])
    dx = backward_of(name, *case.values)(x, half, half)
    np.testing.assert_array_equal(np.isnan(dx), [True, False, False])


@pytest.mark.usefixtures("executor")
def test_nan_in_a_row_of_softmax_stays_in_its_row():
    y = softmax(np.array([[np.nan, 1, 2], [0, 0, 0]]))
    np.testing.assert_array_equal(np.isnan(y), [[True] * 3, [False] * 3])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_squareplus_of_the_largest_numbers(dtype: str) -> None:
    """Their double is infinite."""
    largest = np.finfo(dtype).max
    y = activations.squareplus(np.array([largest, -largest], dtype))
    np.testing.assert_array_equal(y, [largest, 1 / largest])

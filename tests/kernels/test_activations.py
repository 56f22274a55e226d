"""Activations: formulas, derivatives, and what happens at the ends of the number range."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.backend import to_host
from minidl.kernels import activations as kernels
from tests.gradients import check_gradient
from tests.kernels.running import blank, close, device, run
from tests.strategies import off_zero, rates, smooth, tensors

# name: its constant or None, and the definition, written without the kernel's tricks.
DEFINITIONS = {
    "linear": (None, lambda x: x),
    "sigmoid": (None, lambda x: 1 / (1 + np.exp(-x))),
    "tanh": (None, lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))),
    "relu": (None, lambda x: np.where(x > 0, x, 0)),
    "leaky_relu": (rates(0, 3), lambda x, slope: np.where(x > 0, x, slope * x)),
    "elu": (rates(0, 3), lambda x, alpha: np.where(x > 0, x, alpha * (np.exp(x) - 1))),
}
elementwise = pytest.mark.parametrize("name", DEFINITIONS)


def draw_constants(data, name):
    strategy = DEFINITIONS[name][0]
    return [] if strategy is None else [data.draw(strategy, label="constant")]


def defaults(name):
    return [] if DEFINITIONS[name][0] is None else [0.25]


def forward_of(name, *constants):
    return lambda x: run(getattr(kernels, f"{name}_forward"), x, *constants)


def backward_of(name, *constants):
    return lambda dy, y: run(getattr(kernels, f"{name}_backward"), dy, y, *constants)


def softmax(x, dtype=np.float64):
    row, y = blank((len(x), 1), dtype), blank(x.shape, dtype)
    assert kernels.softmax_forward(device(x, dtype), row, y) is y
    return to_host(y)


def softmax_backward(dy, y):
    row, dx = blank((len(y), 1)), blank(y.shape)
    assert kernels.softmax_backward(device(dy), device(y), row, dx) is dx
    return to_host(dx)


@elementwise
@pytest.mark.usefixtures("executor")
@given(t=tensors(x=smooth("NO")), data=st.data())
def test_forward_is_the_definition(name, t, data):
    constants = draw_constants(data, name)
    close(forward_of(name, *constants)(t.x), DEFINITIONS[name][1](t.x, *constants))


@elementwise
@pytest.mark.usefixtures("executor")
@given(t=tensors(x=off_zero("NO"), dy=smooth("NO")), data=st.data())
def test_backward_is_the_gradient(name, t, data):
    constants = draw_constants(data, name)
    forward = forward_of(name, *constants)
    dx = backward_of(name, *constants)(t.dy, forward(t.x))
    check_gradient(forward, {"x": t.x}, {"x": dx}, t.dy)


@pytest.mark.usefixtures("executor")
@given(dy=tensors(dy=smooth("NO")), slope=rates(0, 3))
def test_at_the_kink_the_derivative_is_the_left_one(dy, slope):
    dy, zero = dy.dy, np.zeros_like(dy.dy)
    np.testing.assert_array_equal(backward_of("relu")(dy, zero), 0 * dy)
    np.testing.assert_array_equal(backward_of("leaky_relu", slope)(dy, zero), slope * dy)
    np.testing.assert_array_equal(backward_of("elu", slope)(dy, zero), slope * dy)


@pytest.mark.usefixtures("executor")
@given(t=tensors(x=smooth("NK"), dy=smooth("NK")))
def test_softmax(t):
    y = softmax(t.x)
    for n, row in enumerate(t.x):
        close(y[n], np.exp(row) / sum(np.exp(row)))
    check_gradient(softmax, {"x": t.x}, {"x": softmax_backward(t.dy, y)}, t.dy)


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


LARGE = {
    "linear": [-1e4, 1e4, -1000, 1000],
    "sigmoid": [0, 1, 0, 1],
    "tanh": [-1, 1, -1, 1],
    "relu": [0, 1e4, 0, 1000],
    "leaky_relu": [-2500, 1e4, -250, 1000],
    "elu": [-0.25, 1e4, -0.25, 1000],
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@elementwise
@pytest.mark.usefixtures("executor")
def test_large_arguments_neither_overflow_nor_warn(name, dtype):
    x = np.array([-1e4, 1e4, -1000, 1000], dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = forward_of(name, *defaults(name))(x)
        dx = backward_of(name, *defaults(name))(np.ones_like(x), y)
    assert y.dtype == x.dtype
    close(y, LARGE[name])
    left = {"linear": 1, "leaky_relu": 0.25}.get(name, 0)
    right = {"sigmoid": 0, "tanh": 0}.get(name, 1)
    close(dx, [left, right, left, right])


@pytest.mark.usefixtures("executor")
def test_small_sigmoids_keep_their_digits():
    # 1 - 1 / (1 + exp(x)), another textbook form, has none left at -40.
    x = np.array([-40.0, -100.0, -700.0])
    np.testing.assert_allclose(forward_of("sigmoid")(x), np.exp(x), rtol=1e-15)


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
    y = forward_of(name, *defaults(name))(x)
    np.testing.assert_array_equal(np.isnan(y), [True, False, False])
    dx = backward_of(name, *defaults(name))(x, np.array([0.5, 0.5, 0.5], dtype))
    np.testing.assert_array_equal(np.isnan(dx), [True, False, False])


@pytest.mark.usefixtures("executor")
def test_nan_in_a_row_of_softmax_stays_in_its_row():
    y = softmax(np.array([[np.nan, 1, 2], [0, 0, 0]]))
    np.testing.assert_array_equal(np.isnan(y), [[True] * 3, [False] * 3])

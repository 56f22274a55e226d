"""Gradient clipping by value and by norm."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given

from minidl.backend import to_host
from minidl.kernels.clipping import clip_by_norm, clip_by_value
from tests.kernels.running import blank, close, device, run
from tests.strategies import rates, smooth, tensors

LIMIT = rates(0.125, 20)


def by_norm(grad, limit):
    """The clipped gradient."""
    array, norm = device(grad), blank((), grad.dtype)
    assert clip_by_norm(array, limit, blank(grad.shape, grad.dtype), norm) is array
    return to_host(array)


@pytest.mark.usefixtures("executor")
@given(t=tensors(grad=smooth("IO")), limit=LIMIT)
def test_by_value(t, limit):
    expected = [[max(-limit, min(limit, g)) for g in row] for row in t.grad]
    np.testing.assert_array_equal(run(clip_by_value, t.grad, limit), expected)


@pytest.mark.usefixtures("executor")
@given(t=tensors(grad=smooth("IO")), limit=LIMIT)
def test_by_norm(t, limit):
    norm = float(np.sqrt(sum(g * g for g in t.grad.ravel())))
    clipped = by_norm(t.grad, limit)
    if norm <= limit:
        np.testing.assert_array_equal(clipped, t.grad)
    else:
        close(clipped, t.grad / norm * limit)
        close(np.linalg.norm(clipped), limit, ulps=64)


@pytest.mark.usefixtures("executor")
@given(t=tensors(W=smooth("IO"), b=smooth("O")), limit=LIMIT)
def test_by_global_norm_is_by_the_norm_of_the_whole_vector(t, limit):
    # Pascanu et al., algorithm 1, over two tensors.
    norm = np.sqrt(np.sum(t.W**2) + np.sum(t.b**2))
    scale = limit / norm if norm > limit else 1.0
    clipped = by_norm(np.concatenate([t.W.ravel(), t.b]), limit)
    close(clipped[: t.W.size].reshape(t.W.shape), scale * t.W)
    close(clipped[t.W.size :], scale * t.b)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("executor")
def test_a_zero_gradient_stays_zero(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clipped = by_norm(np.zeros(3, dtype), 1.0)
    np.testing.assert_array_equal(clipped, 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("limit", [1.0, 1e-3, 1e25])
@pytest.mark.usefixtures("executor")
def test_squares_of_large_gradients_do_not_overflow(dtype, limit):
    """Features in nanoseconds have gradients above the root of the largest number."""
    grad = np.array([3e30, -4e30, 1e-20], dtype)
    close(by_norm(grad, limit), np.array([0.6, -0.8, 0], dtype) * dtype_of(limit, dtype), ulps=8)


def dtype_of(number, dtype):
    return np.dtype(dtype).type(number)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.usefixtures("executor")
def test_by_norm_makes_nan_of_what_is_not_finite(bad):
    with np.errstate(invalid="ignore"):
        clipped = by_norm(np.array([1.0, bad]), 1.0)
    assert np.isnan(clipped).all()


@pytest.mark.usefixtures("executor")
def test_by_value_lets_nan_through_and_stops_infinities():
    grad = np.array([np.nan, np.inf, -np.inf])
    np.testing.assert_array_equal(run(clip_by_value, grad, 0.5), [np.nan, 0.5, -0.5])


@pytest.mark.usefixtures("executor")
def test_by_value_works_in_place():
    grad = device([[-3.0, 0.25, 3.0]])
    assert clip_by_value(grad, 1.0, out=grad) is grad
    np.testing.assert_array_equal(to_host(grad), [[-1, 0.25, 1]])

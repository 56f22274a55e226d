"""Norms against NumPy's, their gradients against differences, and what is at kinks and ends."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given

from examples.replays import norms as kernels
from tests.gradients import check_gradient
from tests.kernels.running import close
from tests.strategies import rates, smooth, tensors

EXPONENT = rates(1, 8)
AXES = {0: 1, 1: np.inf}  # the axis summed along: NumPy's name of the norm


def blank(shape, dtype):
    """An array that shows, by NaN, where a function does not write."""
    return np.full(shape, np.nan, dtype)


def p_norm(x, p):
    """The norm and its gradient."""
    work, norm = blank(x.shape, x.dtype), blank((), x.dtype)
    assert kernels.p_norm_forward(x, p, work, norm) is norm
    gradient = kernels.p_norm_backward(x, norm, p, work, blank(x.shape, x.dtype))
    return norm, gradient


def max_norm(x):
    work, norm = blank(x.shape, x.dtype), blank((), x.dtype)
    assert kernels.max_norm_forward(x, work, norm) is norm
    gradient = kernels.max_norm_backward(x, norm, work, blank(x.shape, x.dtype))
    return norm, gradient


def matrix_norm(A, axis):
    work, norm = blank(A.shape, A.dtype), blank((), A.dtype)
    sums = blank((1, A.shape[1]) if axis == 0 else (A.shape[0], 1), A.dtype)
    assert kernels.matrix_norm_forward(A, axis, work, sums, norm) is norm
    gradient = kernels.matrix_norm_backward(A, sums, norm, blank(A.shape, A.dtype))
    return norm, gradient


def test_the_numbers_of_tutorial_000():
    x, A = np.array([1.0, 10, 1, 1, 1]), np.array([[1.0, 2, 3], [1, 2, 3], [4, 6, 8]])
    assert f"{p_norm(x, 5)[0]:.5f}" == "10.00008"
    assert max_norm(x)[0] == 10
    assert matrix_norm(A, axis=1)[0] == 18
    assert matrix_norm(A, axis=0)[0] == 14


@given(t=tensors(x=smooth("I")), p=EXPONENT)
def test_p_norm_agrees_with_numpy(t, p):
    # The sum, its root and each power are rounded: a few ulps of a norm of up to 16.
    close(p_norm(t.x, p)[0], np.linalg.norm(t.x, p), ulps=256)


@given(t=tensors(x=smooth("I"), A=smooth("IO")))
def test_the_other_norms_are_numpys(t):
    """Multiples of 1/16 add up without rounding."""
    assert max_norm(t.x)[0] == np.linalg.norm(t.x, np.inf)
    for axis, order in AXES.items():
        assert matrix_norm(t.A, axis)[0] == np.linalg.norm(t.A, order)


@given(t=tensors(x="I"), p=EXPONENT)
def test_p_norm_gradient(t, p):
    check_gradient(lambda x: p_norm(x, p)[0], {"x": t.x}, {"x": p_norm(t.x, p)[1]})


def apart(values):
    """Whether one value is the largest by more than two steps of the numeric gradient."""
    ordered = np.sort(values)
    return len(ordered) == 1 or ordered[-1] - ordered[-2] > 1e-3


@given(t=tensors(x="I", A="IO"))
def test_gradients_of_the_largest(t):
    """Where one entry, column or row is the largest; ties have a test of their own."""
    if apart(np.abs(t.x)):
        check_gradient(lambda x: max_norm(x)[0], {"x": t.x}, {"x": max_norm(t.x)[1]})
    for axis in AXES:
        if apart(np.abs(t.A).sum(axis)):
            gradient = matrix_norm(t.A, axis)[1]
            check_gradient(
                lambda A, axis=axis: matrix_norm(A, axis)[0], {"A": t.A}, {"A": gradient}
            )


@given(t=tensors(x=smooth("I"), y=smooth("I"), A=smooth("IO"), B=smooth("IO")), p=EXPONENT)
def test_a_subgradient_everywhere(t, p):
    """‖y‖ >= ‖x‖ + g · (y - x), kinks and 0 included; and Euler's g · x = ‖x‖."""
    cases = [(t.x, t.y, lambda x: p_norm(x, p)), (t.x, t.y, max_norm)]
    cases += [(t.A, t.B, lambda A, axis=axis: matrix_norm(A, axis)) for axis in AXES]
    for here, there, norm in cases:
        value, gradient = norm(here)
        assert norm(there)[0] >= value + np.sum(gradient * (there - here)) - 1e-12
        close(np.sum(gradient * here), value, ulps=256)


def test_ties_share_the_gradient():
    np.testing.assert_array_equal(max_norm(np.array([2.0, -2, 1, 2]))[1], [1 / 3, -1 / 3, 0, 1 / 3])
    A = np.array([[1.0, -2, 0], [-2, 1, 1]])
    expected = np.array([[1, -1, 0], [-1, 1, 0]]) / 2
    np.testing.assert_array_equal(matrix_norm(A, axis=0)[1], expected)
    np.testing.assert_array_equal(matrix_norm(A, axis=1)[1], [[0, 0, 0], [-1, 1, 1]])


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 50.0])
def test_at_zero_norm_and_gradient_are_zero(p):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = [p_norm(np.zeros(3), p), max_norm(np.zeros(3))]
        results += [matrix_norm(np.zeros((2, 3)), axis) for axis in AXES]
        assert p_norm(np.array([0.0, 2.0]), p)[1].tolist() == [0, 1]
    for value, gradient in results:
        assert value == 0
        assert not gradient.any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("end", ["max", "tiny", "smallest_subnormal"])
def test_nothing_overflows_or_vanishes_on_the_way(end, dtype):
    """‖(s, -s)‖ = 2^(1/p) s for the largest and the smallest numbers, and beside them 0."""
    end = getattr(np.finfo(dtype), end)
    scale = end / 4 if end > 1 else end * 4
    x = np.array([scale, 0, -scale], dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for p in (1.0, 2.0, 40.0):
            norm, gradient = p_norm(x, p)
            # Subnormal numbers have few digits left: half of the last one, at most.
            np.testing.assert_allclose(norm / scale, 2 ** (1 / p), rtol=1e-5, atol=0.125)
            if end != np.finfo(dtype).smallest_subnormal:
                expected = np.array([1, 0, -1]) * 2 ** (1 / p - 1)
                np.testing.assert_allclose(gradient, expected, rtol=1e-5)
        assert max_norm(x)[0] == scale
        assert [matrix_norm(x[None], axis)[0] for axis in AXES] == [scale, 2 * scale]


def test_what_is_not_finite_is_not_hidden():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for p in (1.0, 3.0):
            assert p_norm(np.array([1.0, -np.inf]), p)[0] == np.inf
        assert max_norm(np.array([1.0, -np.inf]))[0] == np.inf
    for norm in (lambda x: p_norm(x, 2), max_norm):
        with np.errstate(invalid="ignore"):
            assert np.isnan(norm(np.array([1.0, np.nan]))[0])

"""Penalties: costs, gradients added to what is there, and the soft threshold."""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given

from minidl.backend import to_host
from minidl.kernels import elastic, penalties, proximal
from tests.gradients import check_gradient
from tests.kernels.running import close, device, run
from tests.strategies import positive, rates, smooth, tensors

kernels = SimpleNamespace(**{**vars(penalties), **vars(proximal), **vars(elastic)})
STRENGTH = rates(0, 2)
T = tensors(W="IO", dW=smooth("IO"))
EXPONENT = rates(1, 4)
NAMES = pytest.mark.parametrize("name", ["l1", "l2", "l1_l2", "lp"])


def strengths(name, l1, l2, exponent=1.5):
    return {"l1": (l1,), "l2": (l2,), "l1_l2": (l1, l2), "lp": (l1, exponent)}[name]


@NAMES
@pytest.mark.usefixtures("executor")
@given(t=T, l1=STRENGTH, l2=STRENGTH, p=EXPONENT)
def test_forward_is_the_cost_of_each_weight(name, t, l1, l2, p):
    expected = np.zeros_like(t.W)
    if "l1" in name:
        expected += l1 * np.where(t.W < 0, -t.W, t.W)
    if "l2" in name:
        expected += l2 * t.W**2
    if name == "lp":
        expected += l1 * np.exp(p * np.log(np.abs(t.W)))
    forward = getattr(kernels, f"{name}_forward")
    # 4⁴ is 256 ulps of 1.
    close(run(forward, t.W, *strengths(name, l1, l2, p)), expected, ulps=64)


@NAMES
@pytest.mark.usefixtures("executor")
@given(t=T, l1=STRENGTH, l2=STRENGTH, p=EXPONENT)
def test_backward_adds_the_gradient(name, t, l1, l2, p):
    constants = strengths(name, l1, l2, p)

    def forward(W):  # its gradient is dW + dP/dW
        return t.dW * W + run(getattr(kernels, f"{name}_forward"), W, *constants)

    dW, W = device(t.dW), device(t.W)
    getattr(kernels, f"{name}_backward")(dW, W, *constants, out=dW)
    check_gradient(forward, {"W": t.W}, {"W": to_host(dW)})
    np.testing.assert_array_equal(to_host(W), t.W)


@NAMES
@pytest.mark.usefixtures("executor")
def test_at_zero_the_gradient_stays(name):
    backward = getattr(kernels, f"{name}_backward")
    for zero in (0.0, -0.0):
        dW = run(backward, np.array([3.0]), np.array([zero]), *strengths(name, 0.5, 0.5))
        assert dW == [3.0]


@NAMES
@pytest.mark.usefixtures("executor")
def test_nan_comes_through(name):
    W, zero = np.array([np.nan, 1.0]), np.zeros(2)
    constants = strengths(name, 0.5, 0.5)
    cost = run(getattr(kernels, f"{name}_forward"), W, *constants)
    dW = run(getattr(kernels, f"{name}_backward"), zero, W, *constants)
    np.testing.assert_array_equal(np.isnan(cost), [True, False])
    np.testing.assert_array_equal(np.isnan(dW), [True, False])


@pytest.mark.usefixtures("executor")
def test_at_zero_the_gradient_of_every_power_stays():
    """0⁰ = 1 at p = 1, which sign(0) removes; no power of 0 is infinite or a NaN."""
    for p in (1.0, np.nextafter(1.0, 2.0), 1.5, 2.0, 40.0):
        for zero in (0.0, -0.0):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                dW = run(kernels.lp_backward, np.array([3.0]), np.array([zero]), 0.5, float(p))
                cost = run(kernels.lp_forward, np.array([zero]), 0.5, float(p))
            assert dW == [3.0]
            assert cost == [0.0]


@pytest.mark.usefixtures("executor")
@given(t=T, lp=STRENGTH)
def test_the_powers_1_and_2_are_l1_and_l2(t, lp):
    for p, name in ((1.0, "l1"), (2.0, "l2")):
        cost, backward = getattr(kernels, f"{name}_forward"), getattr(kernels, f"{name}_backward")
        close(run(kernels.lp_forward, t.W, lp, p), run(cost, t.W, lp))
        close(run(kernels.lp_backward, t.dW, t.W, lp, p), run(backward, t.dW, t.W, lp))


@pytest.mark.usefixtures("executor")
@given(t=tensors(W=smooth("IO"), step=positive("IO")), l1=STRENGTH, step=STRENGTH)
def test_the_soft_threshold_is_what_the_paper_says(t, l1, step):
    """Parikh & Boyd's (6.9), with one step size and with one for each weight."""
    w = t.W
    for size in (step, t.step):
        limit = size * l1
        expected = np.where(w >= limit, w - limit, np.where(w <= -limit, w + limit, 0))
        np.testing.assert_array_equal(run(kernels.soft_threshold, w, size, l1), expected)


@pytest.mark.usefixtures("executor")
@given(t=tensors(W=smooth("IO"), other=smooth("IO"), step=positive("IO")), l1=STRENGTH)
def test_the_soft_threshold_minimises_what_it_says(t, l1):
    def cost(u):
        return (u - t.W) ** 2 / (2 * t.step) + l1 * np.abs(u)

    least = cost(run(kernels.soft_threshold, t.W, t.step, l1))
    assert (least <= cost(t.other) + 1e-12).all()
    assert (least <= cost(t.W) + 1e-12).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("executor")
def test_the_soft_threshold_at_its_ends(dtype):
    """In place; a weight within becomes +0; a threshold of 0 changes nothing; NaN comes through."""
    W = device([0.5, -0.5, 0.25, -0.25, 0.0, -0.0, np.inf, -np.inf, np.nan], dtype)
    kernels.soft_threshold(W, 0.0, 1.0, out=W)
    expected = np.array([0.5, -0.5, 0.25, -0.25, 0, 0, np.inf, -np.inf, np.nan], dtype)
    np.testing.assert_array_equal(to_host(W), expected)
    kernels.soft_threshold(W, 0.5, 0.5, out=W)
    expected[:4] = 0.25, -0.25, 0, 0
    np.testing.assert_array_equal(to_host(W), expected)
    assert not np.signbit(to_host(W)[2:6]).any()

"""Penalties: costs, and gradients added to what is there."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from minidl.backend import to_host
from minidl.kernels import penalties as kernels
from tests.gradients import check_gradient
from tests.kernels.running import close, device, run
from tests.strategies import rates, smooth, tensors

STRENGTH = rates(0, 2)
T = tensors(W="IO", dW=smooth("IO"))
NAMES = pytest.mark.parametrize("name", ["l1", "l2", "l1_l2"])


def strengths(name, l1, l2):
    return {"l1": (l1,), "l2": (l2,), "l1_l2": (l1, l2)}[name]


@NAMES
@pytest.mark.usefixtures("executor")
@given(t=T, l1=STRENGTH, l2=STRENGTH)
def test_forward_is_the_cost_of_each_weight(name, t, l1, l2):
    expected = np.zeros_like(t.W)
    if "l1" in name:
        expected += l1 * np.where(t.W < 0, -t.W, t.W)
    if "l2" in name:
        expected += l2 * t.W**2
    forward = getattr(kernels, f"{name}_forward")
    close(run(forward, t.W, *strengths(name, l1, l2)), expected)


@NAMES
@pytest.mark.usefixtures("executor")
@given(t=T, l1=STRENGTH, l2=STRENGTH)
def test_backward_adds_the_gradient(name, t, l1, l2):
    constants = strengths(name, l1, l2)

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

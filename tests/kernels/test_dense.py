"""Dense: y = x W + b."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from minidl.backend import to_host
from minidl.kernels.dense import dense_backward, dense_forward
from tests.gradients import check_gradient
from tests.kernels.running import blank, close, device
from tests.strategies import smooth, tensors

T = tensors(x=smooth("NI"), W=smooth("IO"), b=smooth("O"), dy=smooth("NO"))


def forward(x, W, b=None):
    y = blank((len(x), W.shape[1]))
    result = dense_forward(device(x), device(W), None if b is None else device(b), y)
    assert result is y
    return to_host(y)


def backward(dy, x, W, bias=True, inputs=True):
    dW, db, dx = blank(W.shape), blank(W.shape[1]), blank(x.shape)
    result = dense_backward(
        device(dy), device(x), device(W), dW, db if bias else None, dx if inputs else None
    )
    assert result is (dx if inputs else None)
    return to_host(dW), to_host(db), to_host(dx)


@pytest.mark.usefixtures("executor")
@given(T)
def test_forward_is_a_sum_over_the_inputs(t):
    by_hand = np.zeros((len(t.x), t.W.shape[1]))
    for n, o in np.ndindex(by_hand.shape):
        by_hand[n, o] = sum(t.x[n, i] * t.W[i, o] for i in range(len(t.W)))
    close(forward(t.x, t.W), by_hand)
    close(forward(t.x, t.W, t.b), by_hand + t.b)


@pytest.mark.usefixtures("executor")
@given(T)
def test_backward_is_the_gradient(t):
    dW, db, dx = backward(t.dy, t.x, t.W)
    check_gradient(forward, {"x": t.x, "W": t.W, "b": t.b}, {"x": dx, "W": dW, "b": db}, t.dy)


@pytest.mark.usefixtures("executor")
@given(T)
def test_backward_without_bias_and_without_dx(t):
    full = backward(t.dy, t.x, t.W)
    for bias in (True, False):
        for inputs in (True, False):
            dW, db, dx = backward(t.dy, t.x, t.W, bias, inputs)
            np.testing.assert_array_equal(dW, full[0])
            np.testing.assert_array_equal(db, full[1] if bias else np.nan)
            np.testing.assert_array_equal(dx, full[2] if inputs else np.nan)
    check_gradient(forward, {"x": t.x, "W": t.W}, {"x": full[2], "W": full[0]}, t.dy)


@pytest.mark.usefixtures("executor")
@given(T)
def test_without_dx_its_product_is_not_computed(t):
    dW, db = blank(t.W.shape), blank(t.b.shape)
    # Nothing else needs W: without one, the product could not even be begun.
    assert dense_backward(device(t.dy), device(t.x), None, dW, db, None) is None
    np.testing.assert_array_equal(to_host(dW), backward(t.dy, t.x, t.W)[0])

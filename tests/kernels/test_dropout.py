"""Dropout with its random bits frozen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from minidl.kernels.dropout import dropout_backward, dropout_forward, dropout_threshold
from tests.gradients import check_gradient
from tests.kernels.running import close, run
from tests.strategies import bits, smooth, tensors

RATES = st.floats(0, 1, exclude_max=True)
T = tensors(x=smooth("NO"), dy=smooth("NO"), bits=bits("NO"))


@pytest.mark.usefixtures("executor")
@given(t=T, rate=RATES)
def test_forward_drops_below_the_threshold_and_scales_the_rest(t, rate):
    threshold, scale = dropout_threshold(rate)
    y = run(dropout_forward, t.x, t.bits, threshold, scale)
    close(y, np.where(t.bits >= threshold, t.x * scale, 0))


@pytest.mark.usefixtures("executor")
@given(t=T, rate=RATES)
def test_backward_is_the_gradient_for_the_same_bits(t, rate):
    threshold, scale = dropout_threshold(rate)
    dx = run(dropout_backward, t.dy, t.bits, threshold, scale)

    def forward(x):
        return run(dropout_forward, x, t.bits, threshold, scale)

    check_gradient(forward, {"x": t.x}, {"x": dx}, t.dy)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("executor")
def test_every_threshold_divides_the_bits_exactly(dtype):
    every = np.arange(65_536, dtype=np.uint16)
    ones = np.ones(every.size, dtype)
    for threshold in (0, 1, 32_767, 32_768, 65_535):
        y = run(dropout_forward, ones, every, threshold, 1.0)
        np.testing.assert_array_equal(y, (np.arange(65_536) >= threshold).astype(dtype))


@pytest.mark.usefixtures("executor")
@given(rate=RATES)
@example(rate=0.0)
@example(rate=0.5)
@example(rate=1 - 2**-53)
def test_the_mean_over_all_bits_is_x(rate):
    every = np.arange(65_536, dtype=np.uint16)
    threshold, scale = dropout_threshold(rate)
    y = run(dropout_forward, np.full(every.size, 3.0), every, threshold, scale)
    # The sum of 2¹⁶ rounded products: a relative error of some ulps.
    np.testing.assert_allclose(y.mean(), 3.0, rtol=1e-14)


@given(RATES)
@example(0.0)
@example(1 - 2**-53)
def test_the_rate_is_kept_to_half_a_level(rate):
    threshold, scale = dropout_threshold(rate)
    assert isinstance(threshold, int)
    assert 0 <= threshold < 65_536
    assert abs(threshold / 65_536 - rate) <= (0.5 if threshold < 65_535 else 1) / 65_536
    assert scale == 65_536 / (65_536 - threshold)

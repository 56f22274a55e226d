"""Rescaling: y = x · scale + offset."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from minidl.backend import to_host
from minidl.kernels.rescaling import rescaling_backward, rescaling_forward
from tests.gradients import check_gradient
from tests.kernels.running import blank, close, device, run
from tests.strategies import rates, smooth, tensors

CONSTANT = rates(-3, 3)


@pytest.mark.usefixtures("executor")
@given(t=tensors(x=smooth("NI"), dy=smooth("NI")), scale=CONSTANT, offset=CONSTANT)
def test_rescaling(t, scale, offset):
    def forward(x):
        return run(rescaling_forward, x, scale, offset)

    close(forward(t.x), scale * t.x + offset)
    dx = run(rescaling_backward, t.dy, scale)
    check_gradient(forward, {"x": t.x}, {"x": dx}, t.dy)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pixels", ["uint8", "uint16", "int32"])
@pytest.mark.usefixtures("executor")
def test_integers_are_scaled_in_the_floating_type(pixels, dtype):
    x = np.arange(256, dtype=pixels).reshape(16, 16)
    y = blank(x.shape, dtype)
    rescaling_forward(device(x), 1 / 255, -0.5, out=y)
    close(to_host(y), np.arange(256.0).reshape(16, 16) / 255 - 0.5)

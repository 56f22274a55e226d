"""Rows gathered in an order, on every backend and executor."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.backend import current, to_device, to_host
from minidl.backend.gather import Gather


@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32"])
def test_rows_are_taken_in_an_order(dtype):
    array = np.arange(24).reshape(6, 4).astype(dtype)
    order = np.array([5, 4, 0, 0, 3, 1])
    rows, column = to_device(np.zeros((4, 4), dtype)), to_device(np.zeros(4, dtype))
    arrays = to_device(array), to_device(array[:, 0].copy())
    gather = Gather(current(), arrays, (rows, column))
    gather.order[:] = to_device(order)
    gather.where[:] = 1, 4
    gather()
    np.testing.assert_array_equal(to_host(rows), array[order[1:5]])
    np.testing.assert_array_equal(to_host(column), array[order[1:5], 0])
    gather.where[:] = 4, 2
    gather()  # fewer: the rest stays
    np.testing.assert_array_equal(to_host(rows), array[[3, 1, 0, 3]])
    np.testing.assert_array_equal(to_host(column), array[[3, 1, 0, 3], 0])

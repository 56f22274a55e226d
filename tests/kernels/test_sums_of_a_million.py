"""Sums over rows: float32 over a million of them, against float64."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.backend import to_host
from minidl.kernels import dense, sums
from tests.kernels.million import KINDS, SUM, million
from tests.kernels.running import blank, device, off, raising

pytestmark = pytest.mark.usefixtures("executor")
B = sums.BLOCK


@KINDS
@pytest.mark.parametrize("columns", [1, 3])
def test_sum_over_a_million_rows(kind, columns):
    """As of the bias gradient. Row by row it would be off by as much as 1 %."""
    x = np.ascontiguousarray(million(kind)[:, :columns])
    out = blank(columns, np.float32)
    sums.sum_rows(device(x), out)
    wide = x.astype(float)
    assert off(to_host(out), wide.sum(axis=0), np.abs(wide).sum(axis=0)) <= SUM
    sums.mean_rows(device(x), out)
    assert off(to_host(out), wide.mean(axis=0), np.abs(wide).mean(axis=0)) <= SUM


@pytest.mark.parametrize(
    "rows", [1, B - 1, B, B + 1, 2 * B, 2 * B + 1, B * B, B * B + B + 1, 5 * B * B - 1]
)
def test_sum_of_any_number_of_rows(rows):
    """Integers add up exactly, each row once."""
    x = (np.arange(rows)[:, None] % 5 + np.arange(2)).astype(np.float32)
    out = blank(2, np.float32)
    assert sums.sum_rows(device(x), out) is out
    np.testing.assert_array_equal(to_host(out), x.sum(axis=0, dtype=float))


def test_products_over_a_million_rows():
    """dW = xᵀ dy by the BLAS, db by sum_rows."""
    x, dy = million("normal"), million("positive")[:, :2].copy()
    dW, db = blank((3, 2), np.float32), blank(2, np.float32)
    with raising():
        dense.dense_backward(device(dy), device(x), None, dW, db, None)
    x, dy = x.astype(float), dy.astype(float)
    # The BLAS adds some hundred products at a time, and then these sums.
    assert off(to_host(dW), x.T @ dy, np.abs(x).T @ np.abs(dy)) <= SUM
    assert off(to_host(db), dy.sum(axis=0), dy.sum(axis=0)) <= SUM

"""Batch normalization of constant features, and of a million rows in float32."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.kernels.sums import BLOCK
from tests.kernels.million import KINDS, SUM, million
from tests.kernels.running import off, raising
from tests.kernels.test_batchnorm import (
    parameter_gradients,
    statistics,
    training,
    training_gradients,
)

pytestmark = pytest.mark.usefixtures("executor")
EPSILON = 1e-3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 7, 100, BLOCK, BLOCK + 1, 2000])
def test_constant_features_are_normalized_to_exactly_0(rows, dtype):
    """Though the sum of so many equal numbers is not exact."""
    constant = np.array([0, 1e-30, 0.1, 1 / 3, 0.7, -255, 1e4 / 3, 12_345.678], dtype)
    x = np.tile(constant, (rows, 1))
    gamma, beta = np.full(len(constant), 3, dtype), np.linspace(-1, 1, len(constant)).astype(dtype)
    dy = np.random.default_rng(1).normal(size=x.shape).astype(dtype)
    with raising():
        mean, variance = statistics(x)
        y, x_hat, _ = training(x, gamma, beta, EPSILON)
        gradients = training_gradients(dy, x, gamma, beta, EPSILON)
    np.testing.assert_array_equal(mean, constant)
    np.testing.assert_array_equal(variance, 0)
    np.testing.assert_array_equal(x_hat, 0)
    np.testing.assert_array_equal(y, np.tile(beta, (rows, 1)))
    np.testing.assert_array_equal(gradients["gamma"], 0)
    wide, factor = dy.astype(float), 3 / np.sqrt(EPSILON)
    dx = factor * (wide - wide.mean(axis=0))
    assert off(gradients["x"], dx, factor * np.abs(wide).max()) <= 8


@KINDS
def test_a_million_rows(kind):
    """In eps: relative to what is added up; of x̂, what the mean's rounding to 1 eps makes."""
    x, dy = million(kind), million("positive")
    gamma, beta = np.array([1, 2, 3], np.float32), np.array([0.1, 0, -1], np.float32)
    with raising():
        mean, variance = statistics(x)
        y, x_hat, _ = training(x, gamma, beta, EPSILON)
        dgamma, dbeta = parameter_gradients(dy, x_hat)
    wide = x.astype(float)
    center, square = wide.mean(axis=0), wide.var(axis=0)
    exact = (wide - center) / np.sqrt(square + EPSILON)
    assert off(mean, center, np.abs(center) + np.sqrt(square)) <= 1
    assert off(variance, square) <= SUM
    allowed = 1 + SUM * np.abs(exact) + np.abs(center) / np.sqrt(square + EPSILON)
    assert off(x_hat, exact, allowed) <= 1
    assert off(y, gamma * exact + beta, gamma * (allowed + 1)) <= 1
    products = dy.astype(float) * x_hat
    assert off(dgamma, products.sum(axis=0), np.abs(products).sum(axis=0) + 1) <= SUM
    assert off(dbeta, dy.sum(axis=0, dtype=float)) <= SUM

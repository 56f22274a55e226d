"""Batch normalization in both modes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given

from minidl.backend import to_host
from minidl.kernels import batchnorm as kernels
from tests.gradients import check_gradient
from tests.kernels.running import blank, close, device, run
from tests.strategies import positive, rates, smooth, tensors

T = tensors(
    x=smooth("NO"), gamma=smooth("O"), beta=smooth("O"), dy=smooth("NO"),
    mean=smooth("O"), variance=positive("O"), batch=smooth("O"),
)  # fmt: skip
EPSILON = rates(1e-3, 1)


def statistics(x):
    mean, variance = blank(x.shape[1], x.dtype), blank(x.shape[1], x.dtype)
    kernels.batch_statistics(device(x), mean, variance, blank(x.shape, x.dtype))
    return to_host(mean), to_host(variance)


def training(x, gamma, beta, epsilon):
    """y, x̂ and the inverse deviation."""
    mean, variance = statistics(x)
    inverse = run(kernels.inverse_deviation, variance, epsilon)
    x_hat, y = run(kernels.batchnorm_forward, x, mean, inverse, gamma, beta, outputs=2)
    return y, x_hat, inverse


def parameter_gradients(dy, x_hat):
    dgamma, dbeta = blank(dy.shape[1], dy.dtype), blank(dy.shape[1], dy.dtype)
    kernels.batchnorm_parameter_gradients(
        device(dy), device(x_hat), dgamma, dbeta, blank(dy.shape, dy.dtype)
    )
    return to_host(dgamma), to_host(dbeta)


def training_gradients(dy, x, gamma, beta, epsilon):
    _, x_hat, inverse = training(x, gamma, beta, epsilon)
    dgamma, dbeta = parameter_gradients(dy, x_hat)
    dx = run(kernels.batchnorm_training_backward, dy, x_hat, dgamma, dbeta, inverse, gamma, len(dy))
    return {"x": dx, "gamma": dgamma, "beta": dbeta}


@pytest.mark.usefixtures("executor")
@given(T, EPSILON)
def test_training_is_algorithm_1(t, epsilon):
    y = training(t.x, t.gamma, t.beta, epsilon)[0]
    rows = len(t.x)
    for unit, column in enumerate(t.x.T):
        mu = sum(column) / rows
        sigma2 = sum((column - mu) ** 2) / rows
        close(statistics(t.x)[0][unit], mu)
        close(statistics(t.x)[1][unit], sigma2)
        x_hat = (column - mu) / np.sqrt(sigma2 + epsilon)
        # The division by a deviation of at least √.001 enlarges rounding up to 32 times.
        close(y[:, unit], t.gamma[unit] * x_hat + t.beta[unit], ulps=16 * 32)


@pytest.mark.usefixtures("executor")
@given(T, EPSILON)
def test_training_backward_is_the_gradient(t, epsilon):
    def forward(x, gamma, beta):
        return training(x, gamma, beta, epsilon)[0]

    inputs = {"x": t.x, "gamma": t.gamma, "beta": t.beta}
    gradients = training_gradients(t.dy, epsilon=epsilon, **inputs)
    check_gradient(forward, inputs, gradients, t.dy)


@pytest.mark.usefixtures("executor")
@given(T, EPSILON)
def test_inference_is_algorithm_2_and_its_backward_the_gradient(t, epsilon):
    inverse = run(kernels.inverse_deviation, t.variance, epsilon)

    def forward(x, gamma, beta):
        return run(kernels.batchnorm_forward, x, t.mean, inverse, gamma, beta, outputs=2)[1]

    deviation = np.sqrt(t.variance + epsilon)
    close(
        forward(t.x, t.gamma, t.beta),
        t.gamma / deviation * t.x + (t.beta - t.gamma * t.mean / deviation),
        ulps=256,  # the paper's form adds terms of up to 64 that cancel
    )
    x_hat = run(kernels.batchnorm_forward, t.x, t.mean, inverse, t.gamma, t.beta, outputs=2)[0]
    dgamma, dbeta = parameter_gradients(t.dy, x_hat)
    dx = run(kernels.batchnorm_inference_backward, t.dy, inverse, t.gamma)
    check_gradient(
        forward,
        {"x": t.x, "gamma": t.gamma, "beta": t.beta},
        {"x": dx, "gamma": dgamma, "beta": dbeta},
        t.dy,
    )


@pytest.mark.usefixtures("executor")
@given(t=T, momentum=rates(0, 1))
def test_running_average_keeps_the_share_momentum(t, momentum):
    running, batch = device(t.mean), device(t.batch)
    kernels.running_average(running, batch, momentum, out=running)
    close(to_host(running), t.batch + momentum * (t.mean - t.batch))
    np.testing.assert_array_equal(to_host(batch), t.batch)


@pytest.mark.usefixtures("executor")
@given(T)
def test_one_row_gives_beta_and_no_input_gradient(t):
    x, dy = t.x[:1], t.dy[:1]
    y, x_hat, _ = training(x, t.gamma, t.beta, 1e-3)
    np.testing.assert_array_equal(x_hat, 0 * x)
    np.testing.assert_array_equal(y, t.beta[None])
    gradients = training_gradients(dy, x, t.gamma, t.beta, 1e-3)
    np.testing.assert_array_equal(gradients["x"], 0 * x)
    np.testing.assert_array_equal(gradients["gamma"], 0 * t.gamma)
    np.testing.assert_array_equal(gradients["beta"], dy[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("executor")
def test_a_constant_feature_gives_beta(dtype):
    x = np.array([[3, 1], [3, 2], [3, 4], [3, 8]], dtype)
    gamma, beta, dy = np.array([2, 2], dtype), np.array([5, 5], dtype), x[::-1].copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y, x_hat, _ = training(x, gamma, beta, 1e-3)
        gradients = training_gradients(dy, x, gamma, beta, 1e-3)
    np.testing.assert_array_equal(x_hat[:, 0], 0)
    np.testing.assert_array_equal(y[:, 0], 5)
    np.testing.assert_array_equal(gradients["x"][:, 0], 0)
    assert np.all(np.isfinite(gradients["x"]))


@pytest.mark.usefixtures("executor")
def test_variance_does_not_cancel_far_from_zero():
    # E[x²] - E[x]² in float32 would be off by about 10⁸ · 10⁻⁷ = 10 here.
    x = (10_000 + np.arange(8)[:, None] * np.ones(3)).astype(np.float32)
    np.testing.assert_allclose(statistics(x)[1], np.var(np.arange(8)), rtol=1e-6)

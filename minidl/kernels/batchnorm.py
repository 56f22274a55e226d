"""Batch normalization: each unit's values brought to mean 0 and variance 1 over the batch.

Ioffe & Szegedy, "Batch normalization: accelerating deep network training by reducing
internal covariate shift", ICML 2015, algorithm 1 (training), algorithm 2 (inference) and
the gradients of section 3. As in Keras, the running variance follows the biased batch
variance (the paper's algorithm 2 uses the unbiased one), and momentum is the share kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import fused, kernel
from minidl.kernels.sums import mean_rows, sum_rows


@kernel
def batch_statistics(x: Any, mean: Any, variance: Any, work: Any) -> None:
    """mean = (1/N) Σ_N x,  variance = (1/N) Σ_N (x - mean)².

    The mean of x - mean, not 0 because of rounding, is added to the mean. So a constant column has
    exactly that constant as mean, and the variance 0. Chan, Golub & LeVeque, "Algorithms for
    computing the sample variance", The American Statistician 37 (1983), section 2.

    Args:
        x: (N, O).
        mean, variance: (O,), overwritten.
        work: (N, O), overwritten.
    """
    mean_rows(x, mean)
    np.subtract(x, mean, out=work)
    np.add(mean, mean_rows(work, variance), out=mean)
    np.subtract(x, mean, out=work)
    np.square(work, out=work)
    mean_rows(work, variance)


@fused
def inverse_deviation(variance, epsilon):
    """inverse = 1 / √(variance + epsilon)."""
    return 1 / np.sqrt(variance + epsilon)


@fused
def running_average(running, batch, momentum):
    """running ← momentum · running + (1 - momentum) · batch."""
    return momentum * running + (1 - momentum) * batch


@fused
def batchnorm_forward(x, mean, inverse, gamma, beta):
    """x̂ = (x - mean) · inverse,  y = gamma · x̂ + beta.

    The same for both modes: training takes the statistics of the batch, inference the running
    statistics. All arguments but x are (O,).
    """
    x_hat = (x - mean) * inverse
    return x_hat, gamma * x_hat + beta


@kernel
def batchnorm_parameter_gradients(dy: Any, x_hat: Any, dgamma: Any, dbeta: Any, work: Any) -> None:
    """dgamma = Σ_N dy · x̂,  dbeta = Σ_N dy.

    Args:
        dy, x_hat: (N, O).
        dgamma, dbeta: (O,), overwritten.
        work: (N, O), overwritten.
    """
    np.multiply(dy, x_hat, out=work)
    sum_rows(work, dgamma)
    sum_rows(dy, dbeta)


@fused
def batchnorm_training_backward(dy, x_hat, dgamma, dbeta, inverse, gamma, rows):
    """dx = gamma · inverse · (dy - dbeta / N - x̂ · dgamma / N), N = rows.

    The last two terms are the gradient through the batch's mean and variance.
    """
    return gamma * inverse * (dy - (dbeta + x_hat * dgamma) / rows)


@fused
def batchnorm_inference_backward(dy, inverse, gamma):
    """dx = gamma · inverse · dy: the running statistics do not depend on x."""
    return gamma * inverse * dy

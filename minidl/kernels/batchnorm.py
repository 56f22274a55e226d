"""Batch normalization: each unit's values brought to mean 0 and variance 1 over the batch.

Ioffe & Szegedy, "Batch normalization: accelerating deep network training by reducing
internal covariate shift", ICML 2015, algorithm 1 (training), algorithm 2 (inference) and
the gradients of section 3. As in Keras, the running variance follows the biased batch
variance (the paper's algorithm 2 uses the unbiased one), and momentum is the share kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import fused


def batch_statistics(x: Any, mean: Any, variance: Any, work: Any) -> None:
    """mean = (1/N) Σ_N x,  variance = (1/N) Σ_N (x - mean)².

    Args:
        x: (N, O).
        mean, variance: (O,), overwritten.
        work: (N, O), overwritten.
    """
    np.mean(x, axis=0, out=mean)
    np.subtract(x, mean, out=work)
    np.square(work, out=work)
    np.mean(work, axis=0, out=variance)


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

    The same for both modes: training takes the batch's statistics, inference the running
    ones. All but x are (O,).
    """
    x_hat = (x - mean) * inverse
    return x_hat, gamma * x_hat + beta


def batchnorm_parameter_gradients(dy: Any, x_hat: Any, dgamma: Any, dbeta: Any, work: Any) -> None:
    """dgamma = Σ_N dy · x̂,  dbeta = Σ_N dy.

    Args:
        dy, x_hat: (N, O).
        dgamma, dbeta: (O,), overwritten.
        work: (N, O), overwritten.
    """
    np.multiply(dy, x_hat, out=work)
    np.sum(work, axis=0, out=dgamma)
    np.sum(dy, axis=0, out=dbeta)


@fused
def batchnorm_training_backward(dy, x_hat, dgamma, dbeta, inverse, gamma, rows):
    """dx = gamma · inverse · (dy - dbeta / N - x̂ · dgamma / N), N = rows.

    The last two terms are what flows back through the batch's mean and variance.
    """
    return gamma * inverse * (dy - (dbeta + x_hat * dgamma) / rows)


@fused
def batchnorm_inference_backward(dy, inverse, gamma):
    """dx = gamma · inverse · dy: the running statistics do not depend on x."""
    return gamma * inverse * dy

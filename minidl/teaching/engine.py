"""The names that formulas may use: NumPy's functions, and the engine's kernels.

Each kernel returns new arrays here, in place of writing into ``out``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend.fused import Fused
from minidl.kernels import activations, batchnorm, dense, dropout, losses, penalties


def _new(formula: Fused) -> Callable[..., Any]:
    """An elementwise kernel whose result is a new array, of the shape of the first argument."""
    return lambda first, *rest: formula(first, *rest, out=np.empty(first.shape))


def dense_backward(dy: Any, x: Any, W: Any) -> Any:
    """dx = dy Wᵀ,  dW = xᵀ dy,  db = Σ_N dy."""
    dx, dW, db = np.empty(x.shape), np.empty(W.shape), np.empty(W.shape[1])
    dense.dense_backward(dy, x, W, dW, db, dx)
    return dx, dW, db


def softmax_forward(x: Any) -> Any:
    """y = exp(x) / Σ_K exp(x)."""
    return activations.softmax_forward(x, np.empty((len(x), 1)), np.empty(x.shape))


def softmax_backward(dy: Any, y: Any) -> Any:
    """dx = y · (dy - Σ_K dy y)."""
    return activations.softmax_backward(dy, y, np.empty((len(dy), 1)), np.empty(dy.shape))


def batch_statistics(x: Any) -> Any:
    """mean = (1/N) Σ_N x,  variance = (1/N) Σ_N (x - mean)²."""
    mean, variance = np.empty(x.shape[1]), np.empty(x.shape[1])
    batchnorm.batch_statistics(x, mean, variance, work=np.empty(x.shape))
    return mean, variance


def normalized(x: Any, mean: Any, inverse: Any) -> Any:
    """x̂ = (x - mean) · inverse."""
    outs = np.empty(x.shape), np.empty(x.shape)
    return batchnorm.batchnorm_forward(x, mean, inverse, 1.0, 0.0, out=outs)[0]


def parameter_gradients(dy: Any, x_hat: Any) -> Any:
    """dgamma = Σ_N dy · x̂,  dbeta = Σ_N dy."""
    dgamma, dbeta = np.empty(dy.shape[1]), np.empty(dy.shape[1])
    batchnorm.batchnorm_parameter_gradients(dy, x_hat, dgamma, dbeta, work=np.empty(dy.shape))
    return dgamma, dbeta


FUNCTIONS: dict[str, Any] = {
    **vars(np),
    **{
        name: _new(kernel)
        for module in (activations, batchnorm, dropout, losses, penalties)
        for name, kernel in vars(module).items()
        if isinstance(kernel, Fused)
    },
    "batch_statistics": batch_statistics,
    "dense_backward": dense_backward,
    "dropout_threshold": dropout.dropout_threshold,
    "normalized": normalized,
    "parameter_gradients": parameter_gradients,
    "softmax_backward": softmax_backward,
    "softmax_forward": softmax_forward,
}

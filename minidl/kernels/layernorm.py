"""Layer normalization: each row's values brought to mean 0 and variance 1.

Ba, Kiros & Hinton, "Layer normalization", 2016, equation 3, for one row. The gradients of gamma and
beta are those of batch normalization,
:func:`minidl.kernels.batchnorm.batchnorm_parameter_gradients`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import kernel


@kernel
def layernorm_forward(
    x: Any, gamma: Any, beta: Any, epsilon: float, row: Any, inverse: Any, x_hat: Any, out: Any
) -> Any:
    """x̂ = (x - mean) / √(variance + epsilon),  y = gamma · x̂ + beta, along each row.

    Args:
        x: (N, O).
        gamma, beta: (O,).
        epsilon: > 0.
        row: (N, 1), work space, overwritten.
        inverse: (N, 1), overwritten with 1 / √(variance + epsilon).
        x_hat: (N, O), overwritten.
        out: (N, O), overwritten with y.
    """
    units = x.shape[1]
    np.sum(x, axis=1, keepdims=True, out=row)
    np.divide(row, units, out=row)
    np.subtract(x, row, out=x_hat)
    np.square(x_hat, out=out)
    np.sum(out, axis=1, keepdims=True, out=inverse)
    np.divide(inverse, units, out=inverse)
    np.add(inverse, epsilon, out=inverse)
    np.sqrt(inverse, out=inverse)
    np.divide(1.0, inverse, out=inverse)
    np.multiply(x_hat, inverse, out=x_hat)
    np.multiply(x_hat, gamma, out=out)
    return np.add(out, beta, out=out)


@kernel
def layernorm_backward(
    dy: Any, x_hat: Any, inverse: Any, gamma: Any, row: Any, total: Any, work: Any, out: Any
) -> Any:
    """dx = inverse · (g - mean(g) - x̂ · mean(g · x̂)),  g = gamma · dy, along each row.

    The last two terms are the gradient through the row's mean and variance.

    Args:
        dy, x_hat: (N, O).
        inverse: (N, 1), of the forward.
        gamma: (O,).
        row, total: (N, 1), work space, overwritten.
        work: (N, O), overwritten.
        out: (N, O), overwritten with dx; not ``dy``.
    """
    units = dy.shape[1]
    np.multiply(dy, gamma, out=out)
    np.sum(out, axis=1, keepdims=True, out=row)
    np.divide(row, units, out=row)
    np.multiply(out, x_hat, out=work)
    np.sum(work, axis=1, keepdims=True, out=total)
    np.divide(total, units, out=total)
    np.multiply(x_hat, total, out=work)
    np.subtract(out, row, out=out)
    np.subtract(out, work, out=out)
    return np.multiply(out, inverse, out=out)

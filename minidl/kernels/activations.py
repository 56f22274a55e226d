"""Activation functions of a first course, and their derivatives.

A pair NAME_forward, NAME_backward of this file, ``gated.py``, ``piecewise.py``, ``rowwise.py`` or
``smooth.py`` is the activation "NAME", which :mod:`minidl.activations` finds. Forward takes
``x`` and gives ``y`` of the same shape. Backward takes ``dy`` and, by the names of its arguments,
``x`` or ``y`` or both, and gives ``dx``: element by element dy · y'(x), along rows the product with
the Jacobian. A forward's constants have default values, and its backward takes them, too. ``row``
and ``total`` are work space, (N, 1).

At a kink the derivative is the one from the left, if the docstring says nothing else.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import fused, kernel


@fused
def linear_forward(x):
    """y = x."""
    return +x


@fused
def linear_backward(dy, y):
    """dx = dy."""
    return +dy


@fused
def sigmoid_forward(x):
    """y = 1 / (1 + exp(-x)), written as 1 / (1 + e) where x >= 0, else e / (1 + e), e = exp(-|x|).

    No exponent is positive, so nothing overflows, and small values keep their digits.
    """
    e = np.exp(-np.abs(x))
    return ((x >= 0) + (x < 0) * e) / (1 + e)


@fused
def sigmoid_backward(dy, y):
    """dx = dy · y (1 - y)."""
    return dy * (y * (1 - y))


@fused
def tanh_forward(x):
    """y = tanh(x) = (eˣ - e⁻ˣ) / (eˣ + e⁻ˣ)."""
    return np.tanh(x)


@fused
def tanh_backward(dy, y):
    """dx = dy · (1 - y²)."""
    return dy * (1 - y * y)


@fused
def relu_forward(x):
    """y = max(x, 0).

    Nair & Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML
    2010, section 2.
    """
    return np.maximum(x, 0)


@fused
def relu_backward(dy, y):
    """dx = dy where y > 0, else 0."""
    return dy * (y > 0)


@fused
def leaky_relu_forward(x, negative_slope=0.2):
    """y = x for x > 0, negative_slope · x for x <= 0.

    The sum max(x, 0) + negative_slope · min(x, 0) holds for every slope; max(x, slope · x)
    only for slopes of at most 1. Maas, Hannun & Ng, "Rectifier nonlinearities improve
    neural network acoustic models", ICML 2013, equation 2.
    """
    return np.maximum(x, 0) + negative_slope * np.minimum(x, 0)


@fused
def leaky_relu_backward(dy, y, negative_slope):
    """dx = dy where y > 0, else negative_slope · dy.

    The sign of y is the sign of x for every negative_slope >= 0.
    """
    kept = dy * (y > 0)
    return kept + negative_slope * (dy - kept)


@fused
def elu_forward(x, alpha=1.0):
    """y = x for x > 0, alpha · (exp(x) - 1) for x <= 0.

    With t = tanh(x/2), exp(x) - 1 = 2 t / (1 - t), which keeps the digits that the difference
    loses near 0; so does ``expm1``, for which NumPy has vector code on few processors. min(x, 0)
    keeps the fraction finite. Clevert, Unterthiner & Hochreiter, "Fast and accurate deep
    network learning by exponential linear units", ICLR 2016, equation 15.
    """
    t = np.tanh(0.5 * np.minimum(x, 0))
    return np.maximum(x, 0) + alpha * (2 * t / (1 - t))


@fused
def elu_backward(dy, y, alpha):
    """dx = dy where y > 0, else dy · (y + alpha).

    For x <= 0 the derivative alpha · exp(x) is y + alpha. The sign of y is the sign of x
    for every alpha >= 0.
    """
    return dy * ((y > 0) + (y + alpha) * (y <= 0))


@kernel
def softmax_forward(x: Any, row: Any, out: Any) -> Any:
    """y_k = exp(x_k) / Σ_j exp(x_j), along each row.

    The row's maximum is subtracted first, which changes nothing but keeps every exponent
    at or below zero.

    Args:
        x: (N, K).
        row: (N, 1), work space, overwritten.
        out: (N, K), overwritten with y; may be ``x``.
    """
    np.max(x, axis=1, keepdims=True, out=row)
    np.subtract(x, row, out=out)
    np.exp(out, out=out)
    np.sum(out, axis=1, keepdims=True, out=row)
    np.divide(out, row, out=out)
    return out


@kernel
def softmax_backward(dy: Any, y: Any, row: Any, out: Any) -> Any:
    """dx_k = y_k · (dy_k - Σ_j dy_j y_j), along each row.

    Args:
        dy: (N, K).
        y: (N, K), the forward's output.
        row: (N, 1), work space, overwritten.
        out: (N, K), overwritten with dx; neither ``dy`` nor ``y``.
    """
    np.multiply(dy, y, out=out)
    np.sum(out, axis=1, keepdims=True, out=row)
    np.subtract(dy, row, out=out)
    np.multiply(out, y, out=out)
    return out

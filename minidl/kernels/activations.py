"""Activation functions and their derivatives.

A pair NAME_forward, NAME_backward of this file, ``gated.py``, ``piecewise.py`` or ``smooth.py`` is
the activation "NAME", which :mod:`minidl.activations` finds here. Forward takes ``x`` and gives
``y`` of the same shape. Backward takes ``dy`` and, by the names of its arguments, ``x`` or ``y`` or
both, and gives ``dx``: element by element dy · y'(x), along rows the product with the Jacobian. A
forward's constants have default values, and its backward takes them, too. ``row`` and ``total`` are
work space, (N, 1).

At a kink the derivative is the one from the left, if the docstring says nothing else.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import fused, kernel

#: Of selu: Klambauer et al., appendix A1.
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


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
def bounded_relu_forward(x, negative_slope=0.0, max_value=np.inf, threshold=0.0):
    """y = max_value for x > max_value, x for threshold < x, else negative_slope (x - threshold).

    That is Keras's relu(x, negative_slope, max_value, threshold). With a threshold y jumps. With
    max_value 6 it is "relu6" of Howard et al., "MobileNets", 2017, section 3.
    """
    above = x > threshold
    low = negative_slope * np.minimum(x - threshold, 0)
    return above * np.minimum(np.maximum(x, threshold), max_value) + low


@fused
def bounded_relu_backward(dy, x, negative_slope, max_value, threshold):
    """dx = dy for threshold < x <= max_value, 0 above, negative_slope · dy below."""
    kept = dy * (x > threshold)
    return kept * (x <= max_value) + negative_slope * (dy - kept)


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


@fused
def selu_forward(x):
    """y = scale · x for x > 0, scale · alpha · (exp(x) - 1) for x <= 0.

    alpha = 1.67326…, scale = 1.05070…: mean 0 and variance 1 are a fixed point of a layer.
    Klambauer, Unterthiner, Mayr & Hochreiter, "Self-normalizing neural networks", NeurIPS 2017,
    equation 2. exp(x) - 1 is computed as in :func:`elu_forward`.
    """
    t = np.tanh(0.5 * np.minimum(x, 0))
    return SCALE * np.maximum(x, 0) + SCALE * ALPHA * (2 * t / (1 - t))


@fused
def selu_backward(dy, y):
    """dx = scale · dy where y > 0, else dy · (y + scale · alpha)."""
    kept = dy * (y > 0)
    return SCALE * kept + (y + SCALE * ALPHA) * (dy - kept)


@fused
def softplus_forward(x):
    """y = log(1 + exp(x)), computed as max(x, 0) + log(1 + exp(-|x|)).

    Dugas, Bengio, Bélisle, Nadeau & Garcia, "Incorporating second-order functional knowledge for
    better option pricing", NeurIPS 2000, section 2.
    """
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


@fused
def softplus_backward(dy, y):
    """dx = dy · (1 - exp(-y)), computed as 2 t / (1 + t), t = tanh(y / 2), as in elu_forward."""
    t = np.tanh(0.5 * y)
    return dy * (2 * t / (1 + t))


@fused
def softsign_forward(x):
    """y = x / (1 + |x|).

    Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010, section 2.
    """
    return x / (1 + np.abs(x))


@fused
def softsign_backward(dy, y):
    """dx = dy · (1 - |y|)²."""
    rest = 1 - np.abs(y)
    return dy * (rest * rest)


@fused
def hard_sigmoid_forward(x):
    """y = min(max(x / 6 + 1/2, 0), 1).

    The slope is Keras 3's; Courbariaux, Bengio & David, "BinaryConnect", NeurIPS 2015, equation 3,
    have x / 2 + 1/2.
    """
    return np.minimum(np.maximum(x / 6 + 0.5, 0), 1)


@fused
def hard_sigmoid_backward(dy, y):
    """dx = dy / 6 where 0 < y < 1, else 0, at both kinks, too."""
    return dy / 6 * ((y > 0) * (y < 1))


@fused
def exponential_forward(x):
    """y = exp(x); infinite beyond 88.7 in float32, 709.7 in float64."""
    return np.exp(x)


@fused
def exponential_backward(dy, y):
    """dx = dy · y."""
    return dy * y


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


@kernel
def log_softmax_forward(x: Any, row: Any, total: Any, out: Any) -> Any:
    """y_k = x_k - log Σ_j exp(x_j), along each row.

    The row's maximum is subtracted first, as in :func:`softmax_forward`.

    Args:
        x: (N, K).
        row, total: (N, 1), work space, overwritten.
        out: (N, K), overwritten with y; not ``x``.
    """
    np.max(x, axis=1, keepdims=True, out=row)
    np.subtract(x, row, out=out)
    np.exp(out, out=out)
    np.sum(out, axis=1, keepdims=True, out=total)
    np.log(total, out=total)
    np.subtract(x, row, out=out)
    np.subtract(out, total, out=out)
    return out


@kernel
def log_softmax_backward(dy: Any, y: Any, row: Any, out: Any) -> Any:
    """dx_k = dy_k - exp(y_k) · Σ_j dy_j, along each row.

    Args:
        dy: (N, K).
        y: (N, K), the forward's output.
        row: (N, 1), work space, overwritten.
        out: (N, K), overwritten with dx; neither ``dy`` nor ``y``.
    """
    np.sum(dy, axis=1, keepdims=True, out=row)
    np.exp(y, out=out)
    np.multiply(out, row, out=out)
    np.subtract(dy, out, out=out)
    return out

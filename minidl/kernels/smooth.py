"""Further activation functions of exponentials, logarithms and roots, and their derivatives.

The rules of ``activations.py`` hold for these pairs. The slope jumps nowhere but at selu's 0.
"""

from __future__ import annotations

import numpy as np

from minidl.backend import fused

#: The least y whose square is in the range of float32.
LEAST = 1e-15
#: Of selu: Klambauer et al., appendix A1.
ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805


@fused
def selu_forward(x):
    """y = scale · x for x > 0, scale · alpha · (exp(x) - 1) for x <= 0.

    alpha = 1.67326…, scale = 1.05070…: mean 0 and variance 1 are a fixed point of a layer.
    Klambauer, Unterthiner, Mayr & Hochreiter, "Self-normalizing neural networks", NeurIPS 2017,
    equation 2. exp(x) - 1 is computed as in :func:`~minidl.kernels.activations.elu_forward`.
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
def exponential_forward(x):
    """y = exp(x); infinite beyond 88.7 in float32, 709.7 in float64."""
    return np.exp(x)


@fused
def exponential_backward(dy, y):
    """dx = dy · y."""
    return dy * y


@fused
def celu_forward(x, alpha=1.0):
    """y = x for x > 0, alpha · (exp(x / alpha) - 1) for x <= 0, with alpha > 0.

    The slope at 0 is 1 for every alpha. Barron, "Continuously differentiable exponential linear
    units", 2017, equation 2. exp(x / alpha) - 1 is computed as in elu_forward.
    """
    t = np.tanh(np.minimum(x, 0) / (2 * alpha))
    return np.maximum(x, 0) + alpha * (2 * t / (1 - t))


@fused
def celu_backward(dy, y, alpha):
    """dx = dy where y > 0, else dy · (y / alpha + 1)."""
    return dy * ((y > 0) + (y / alpha + 1) * (y <= 0))


@fused
def squareplus_forward(x, b=4.0):
    """y = (x + √(x² + b)) / 2, with b > 0.

    For x <= 0 it is written as b / 2 / (|x| + √(x² + b)), so that small results keep their digits.
    The root is that of numbers of at most 1, times max(|x|, 1), so that no square overflows; of
    both terms of the sum the half is taken, so that no sum does.
    Barron, "Squareplus: a softplus-like algebraic rectifier", 2021, equation 1.
    """
    a = np.abs(x)
    unit = np.maximum(a, 1)
    share, rest = a / unit, b**0.5 / unit
    half = 0.5 * a + 0.5 * unit * np.sqrt(share * share + rest * rest)
    return (x > 0) * half + (x <= 0) * (0.25 * b / half)


@fused
def squareplus_backward(dy, y, b):
    """dx = dy · y² / (y² + b / 4), computed as dy / (1 + u²), u = √b / (2 y)."""
    u = 0.5 * b**0.5 / np.maximum(y, LEAST)
    return dy / (1 + u * u)


@fused
def log_sigmoid_forward(x):
    """y = log(1 / (1 + exp(-x))), computed as min(x, 0) - log(1 + exp(-|x|))."""
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))


@fused
def log_sigmoid_backward(dy, y):
    """dx = dy · (1 - exp(y)), computed as -2 t / (1 - t), t = tanh(y / 2), as in elu_forward."""
    t = np.tanh(0.5 * y)
    return dy * (-2 * t / (1 - t))


@fused
def tanh_shrink_forward(x):
    """y = x - tanh(x)."""
    return x - np.tanh(x)


@fused
def tanh_shrink_backward(dy, x):
    """dx = dy · tanh(x)²."""
    t = np.tanh(x)
    return dy * (t * t)

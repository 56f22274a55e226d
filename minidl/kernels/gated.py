"""Activation functions y = x · g(x) with a gate g from 0 to 1, and the derivatives g + x g'.

The rules of ``activations.py`` hold for these pairs. For x < 0 no gate is computed as a difference
from 1, so that small results keep their digits.
"""

from __future__ import annotations

import math

import numpy as np

from minidl.backend import fused
from minidl.kernels.erfc import erfc

#: Size at which |x| is cut before squares: gates are 0 or 1 from there on; nothing overflows.
CUT = 60.0
ROOT = math.sqrt(2 / math.pi)


@fused
def gelu_forward(x):
    """y = x · Φ(x), Φ(x) = erfc(-x / √2) / 2, the distribution function of a standard normal.

    Hendrycks & Gimpel, "Gaussian error linear units", 2016, section 2. Keras computes Φ as
    (1 + erf(x / √2)) / 2, which has no digits left for x < -8; y is then below 1e-14 in size.
    """
    half = 0.5 * erfc(np.minimum(np.abs(x), CUT) * math.sqrt(0.5))
    return x * ((x > 0) * (1 - half) + (x <= 0) * half)


@fused
def gelu_backward(dy, x, y):
    """dx = dy · (Φ(x) + x · φ(x)), φ(x) = exp(-x² / 2) / √(2π).

    Φ(x) is y / x; where |x| is below 1e-20, which has no digits to spare, Φ is 1/2.
    """
    a = np.minimum(np.abs(x), CUT)
    e = np.exp(-0.5 * a * a)  # 1 where x is small
    small = a < 1e-20
    return dy * ((a >= 1e-20) * y / (x + small) + small * (0.5 * e) + x * (e * (ROOT / 2)))


@fused
def gelu_tanh_forward(x):
    """y = x / 2 · (1 + tanh(u)) = x / (1 + exp(-2 u)), u = √(2/π) (x + 0.044715 x³).

    The approximation of "gelu" by Hendrycks & Gimpel, section 2, off by up to 5e-4: Keras's
    gelu(x, approximate=True).
    """
    a = np.minimum(np.abs(x), CUT)
    e = np.exp(-2 * ROOT * a * (1 + 0.044715 * a * a))
    return x * ((x > 0) + (x <= 0) * e) / (1 + e)


@fused
def gelu_tanh_backward(dy, x):
    """dx = dy · (s + x · s (1 - s) · 2 u'), s = 1 / (1 + exp(-2 u)).

    u' = √(2/π) (1 + 3 · 0.044715 x²).
    """
    a = np.minimum(np.abs(x), CUT)
    square = a * a
    e = np.exp(-2 * ROOT * a * (1 + 0.044715 * square))
    f = 1 / (1 + e)
    slope = 2 * ROOT * (1 + 3 * 0.044715 * square)
    return dy * (f * ((x > 0) + (x <= 0) * e) + x * (slope * (e * f * f)))


@fused
def silu_forward(x):
    """y = x · sigmoid(x) = x / (1 + exp(-x)), also called swish.

    Elfwing, Uchibe & Doya, "Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning", Neural Networks 107 (2018), equation 6.
    """
    e = np.exp(-np.abs(x))
    return x * ((x > 0) + (x <= 0) * e) / (1 + e)


@fused
def silu_backward(dy, x):
    """dx = dy · (s + x · s (1 - s)), s = sigmoid(x)."""
    e = np.exp(-np.abs(x))
    f = 1 / (1 + e)
    return dy * (f * ((x > 0) + (x <= 0) * e) + x * (e * f * f))


@fused
def mish_forward(x):
    """y = x · t, t = tanh(log(1 + exp(x))) = n / (n + 2), n = exp(x) · (exp(x) + 2).

    For x > 0 both are multiplied by exp(-2 x), so that no exponent is positive. Misra, "Mish: a
    self regularized non-monotonic activation function", BMVC 2020, equation 1.
    """
    e = np.exp(-np.abs(x))
    right, left = x > 0, x <= 0
    n = right * (1 + 2 * e) + left * (e * (e + 2))
    return x * (n / (n + 2 * (right * (e * e) + left)))


@fused
def mish_backward(dy, x):
    """dx = dy · (t + x · (1 - t²) · sigmoid(x)); 1 - t = 2 / (n + 2)."""
    e = np.exp(-np.abs(x))
    right, left = x > 0, x <= 0
    n = right * (1 + 2 * e) + left * (e * (e + 2))
    two = 2 * (right * (e * e) + left)
    t, rest = n / (n + two), two / (n + two)
    s = (right + left * e) / (1 + e)
    return dy * (t + x * (rest * (1 + t) * s))

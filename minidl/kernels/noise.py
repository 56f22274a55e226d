"""Normal noise, added to the input or multiplied with it, from two random integers an element."""

from __future__ import annotations

import math

import numpy as np

from minidl.backend import fused


def standard_normal(radius, angle):
    """z = √(-2 log u) · cos(2π v), u = (radius + 1/2) / 2¹⁶, v = angle / 2¹⁶; a part of formulas.

    ``radius`` and ``angle`` are uniform 16-bit integers. |z| ends at 4.86; mean 0, and variance 1
    to 1e-5. Box & Muller, "A note on the generation of random normal deviates", Ann. Math.
    Statist. 29 (1958).
    """
    u = (radius + 0.5) * 2.0**-16
    return np.sqrt(-2 * np.log(u)) * np.cos(angle * (2.0**-15 * math.pi))


@fused
def gaussian_noise_forward(x, radius, angle, stddev):
    """y = x + stddev · z, see :func:`standard_normal`; dx = dy.

    Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural Comput. 7 (1995).
    """
    return x + stddev * standard_normal(radius, angle)


@fused
def gaussian_dropout_forward(x, radius, angle, stddev):
    """factor = 1 + stddev · z,  y = x · factor, see :func:`standard_normal`.

    Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, "Dropout: a simple way to prevent
    neural networks from overfitting", JMLR 15 (2014), section 10.
    """
    factor = 1 + stddev * standard_normal(radius, angle)
    return factor, x * factor


@fused
def gaussian_dropout_backward(dy, factor):
    """dx = dy · factor."""
    return dy * factor

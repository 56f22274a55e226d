"""Inverted dropout: drop at training time, and scale what stays so that inference is x.

Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, "Dropout: a simple way to
prevent neural networks from overfitting", JMLR 15 (2014), section 4; dividing by the keep
probability while training instead of multiplying by it afterwards is their section 10.
"""

from __future__ import annotations

from minidl.backend import fused
from minidl.kernels.activations import ALPHA, SCALE

LEVELS = 65_536  # bits are uniform on 0 … LEVELS - 1


def dropout_threshold(rate: float) -> tuple[int, float]:
    """The threshold t = rate · 2¹⁶, rounded, and the scale 2¹⁶ / (2¹⁶ - t).

    The scale is that of the rounded rate, so that the mean of the output is exactly x. At
    least one level in 2¹⁶ stays, however near to 1 the rate is.
    """
    threshold = min(round(rate * LEVELS), LEVELS - 1)
    return threshold, LEVELS / (LEVELS - threshold)


@fused
def dropout_forward(x, bits, threshold, scale):
    """y = x · scale where bits >= threshold, else 0.

    ``bits`` are uniform 16-bit integers: an element is dropped with the probability
    threshold / 2¹⁶.
    """
    # The mask first: what is dropped is 0 even where x · scale would overflow.
    return x * (bits >= threshold) * scale


@fused
def dropout_backward(dy, bits, threshold, scale):
    """dx = dy · scale where bits >= threshold, else 0: the forward's mask again."""
    return dy * (bits >= threshold) * scale


#: What selu comes to far below 0, in the place of a dropped element.
LOW = -ALPHA * SCALE


def alpha_dropout_affine(share: float) -> tuple[float, float]:
    """Scale a = ((1 - p)(1 + p · low²))^(-1/2) and shift b = -a · p · low for the share p.

    With a and b an input of mean 0 and variance 1 keeps both. Klambauer, Unterthiner, Mayr &
    Hochreiter, "Self-normalizing neural networks", NeurIPS 2017, section 2, "new dropout
    technique".
    """
    scale = ((1 - share) * (1 + share * LOW * LOW)) ** -0.5
    return scale, -scale * share * LOW


@fused
def alpha_dropout_forward(x, bits, threshold, scale, shift):
    """y = scale · x + shift where bits >= threshold, else scale · low + shift.

    The gradient is that of :func:`dropout_backward`.
    """
    # Above low, which is a number: a mask alone times a number would be one of float64.
    return (x - LOW) * (bits >= threshold) * scale + (scale * LOW + shift)

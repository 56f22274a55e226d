"""Inverted dropout: drop elements in training, and scale the rest so that inference is x.

Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, "Dropout: a simple way to
prevent neural networks from overfitting", JMLR 15 (2014), section 4. Section 10: training
divides by the keep probability, in place of a multiplication at inference.
"""

from __future__ import annotations

from minidl.backend import fused

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

"""Dropout to the value that selu comes to far below 0; the rules of ``dropout.py`` hold.

Klambauer, Unterthiner, Mayr & Hochreiter, "Self-normalizing neural networks", NeurIPS 2017,
section 2, "new dropout technique".
"""

from __future__ import annotations

from minidl.backend import fused
from minidl.kernels.smooth import ALPHA, SCALE

#: What selu comes to far below 0, in the place of a dropped element.
LOW = -ALPHA * SCALE


def alpha_dropout_affine(share: float) -> tuple[float, float]:
    """Scale a = ((1 - p)(1 + p · low²))^(-1/2) and shift b = -a · p · low for the share p.

    With a and b an input of mean 0 and variance 1 keeps both.
    """
    scale = ((1 - share) * (1 + share * LOW * LOW)) ** -0.5
    return scale, -scale * share * LOW


@fused
def alpha_dropout_forward(x, bits, threshold, scale, shift):
    """y = scale · x + shift where bits >= threshold, else scale · low + shift.

    The gradient is that of :func:`~minidl.kernels.dropout.dropout_backward`.
    """
    # Above low, which is a number: a mask alone times a number would be one of float64.
    return (x - LOW) * (bits >= threshold) * scale + (scale * LOW + shift)

"""Further activation functions made of pieces of polynomials, and their derivatives.

The rules of ``activations.py`` hold for these pairs.
"""

from __future__ import annotations

import numpy as np

from minidl.backend import fused


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
def relu6_forward(x):
    """y = min(max(x, 0), 6).

    Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision
    applications", 2017, section 3.
    """
    return np.minimum(np.maximum(x, 0), 6)


@fused
def relu6_backward(dy, y):
    """dx = dy where 0 < y < 6, else 0, at both kinks, too."""
    return dy * ((y > 0) * (y < 6))


@fused
def hard_tanh_forward(x):
    """y = min(max(x, -1), 1).

    Collobert et al., "Natural language processing (almost) from scratch", JMLR 12 (2011), equation
    5.
    """
    return np.minimum(np.maximum(x, -1), 1)


@fused
def hard_tanh_backward(dy, y):
    """dx = dy where -1 < y < 1, else 0, at both kinks, too."""
    return dy * (np.abs(y) < 1)


@fused
def hard_silu_forward(x):
    """y = x · h, h = min(max(x / 6 + 1/2, 0), 1), also called hard swish.

    Howard et al., "Searching for MobileNetV3", ICCV 2019, section 5.2.
    """
    return x * np.minimum(np.maximum(x / 6 + 0.5, 0), 1)


@fused
def hard_silu_backward(dy, x):
    """dx = dy · (h + x / 6) where 0 < h < 1, else dy · h, at both kinks, too."""
    h = np.minimum(np.maximum(x / 6 + 0.5, 0), 1)
    return dy * (h + x * ((h > 0) * (h < 1)) / 6)


@fused
def hard_shrink_forward(x, threshold=0.5):
    """y = x where |x| > threshold, else 0: what a hard threshold leaves; y jumps there."""
    return x * (np.abs(x) > threshold)


@fused
def hard_shrink_backward(dy, y, threshold):
    """dx = dy where y is not 0, else 0."""
    return dy * (np.abs(y) > 0)


@fused
def soft_shrink_forward(x, threshold=0.5):
    """y = x - threshold for x > threshold, x + threshold for x < -threshold, else 0.

    That is x minus its part within [-threshold, threshold], the proximal step of |x|. Donoho,
    "De-noising by soft-thresholding", IEEE Transactions on Information Theory 41 (1995),
    equation 3.
    """
    return x - np.minimum(np.maximum(x, -threshold), threshold)


@fused
def soft_shrink_backward(dy, y, threshold):
    """dx = dy where y is not 0, else 0."""
    return dy * (np.abs(y) > 0)


@fused
def sparse_sigmoid_forward(x):
    """y = min(max((x + 1) / 2, 0), 1), the sparsemax of x and -x over two classes.

    Blondel, Martins & Niculae, "Learning with Fenchel-Young losses", JMLR 21 (2020), section 4.4.
    """
    return np.minimum(np.maximum((x + 1) / 2, 0), 1)


@fused
def sparse_sigmoid_backward(dy, y):
    """dx = dy / 2 where 0 < y < 1, else 0, at both kinks, too."""
    return dy / 2 * ((y > 0) * (y < 1))


@fused
def sparse_plus_forward(x):
    """y = 0 for x <= -1, (x + 1)² / 4 up to 1, x beyond: the integral of sparse_sigmoid.

    With c = min(max(x, -1), 1) all three are (c + 1)² / 4 + max(x - 1, 0).
    """
    half = (np.minimum(np.maximum(x, -1), 1) + 1) / 2
    return half * half + np.maximum(x - 1, 0)


@fused
def sparse_plus_backward(dy, x):
    """dx = dy · (c + 1) / 2, c = min(max(x, -1), 1)."""
    return dy * ((np.minimum(np.maximum(x, -1), 1) + 1) / 2)

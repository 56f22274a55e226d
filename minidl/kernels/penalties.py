"""Penalties on weights: the cost of each weight, and the gradient, added to the loss's in dW.

The penalty of a tensor is the sum over the costs of all weights. The values follow Keras: no half
before the L2 sum.
"""

from __future__ import annotations

import numpy as np

from minidl.backend import fused


@fused
def l1_forward(W, l1):
    """P = l1 · |w|, weight by weight."""
    return l1 * np.abs(W)


@fused
def l1_backward(dW, W, l1):
    """dW ← dW + l1 · sign(w), with sign(0) = 0."""
    return dW + l1 * np.sign(W)


@fused
def l2_forward(W, l2):
    """P = l2 · w², weight by weight."""
    return l2 * W * W


@fused
def l2_backward(dW, W, l2):
    """dW ← dW + 2 l2 · w."""
    return dW + 2 * l2 * W

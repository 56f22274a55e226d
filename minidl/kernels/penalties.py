"""Penalties on weights: what each weight costs, and its gradient, added to the loss's in dW.

L1 has a proximal step too, in place of its gradient.

The penalty of a tensor is the sum of its weights' costs. The values follow Keras: no half
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
def soft_threshold(W, step, l1):
    """w ← sign(w) · max(|w| - step · l1, 0), the proximal step of L1.

    It minimises (u - w)² / 2 step + l1 · |u| over u, and is w less its projection on
    ± step · l1; written so, a weight within becomes +0. ``step`` is the step size of the
    gradient step before it, a number or one for each weight, >= 0.

    Parikh & Boyd, "Proximal algorithms", Found. Trends Optim. 1 (2014), section 6.5.2.

    Examples:
        >>> soft_threshold(np.array([0.05, -0.5]), 0.1, 1.0)
        array([ 0. , -0.4])
    """
    limit = step * l1
    return W - np.minimum(np.maximum(W, -limit), limit)


@fused
def l2_forward(W, l2):
    """P = l2 · w², weight by weight."""
    return l2 * W * W


@fused
def l2_backward(dW, W, l2):
    """dW ← dW + 2 l2 · w."""
    return dW + 2 * l2 * W

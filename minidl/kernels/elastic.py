"""Penalties with L1 and L2 as their ends: the elastic net, their sum, and the bridge, Σ |w|^p.

The rules of ``penalties.py`` hold.
"""

from __future__ import annotations

import numpy as np

from minidl.backend import fused


@fused
def l1_l2_forward(W, l1, l2):
    """P = l1 · |w| + l2 · w², weight by weight."""
    return l1 * np.abs(W) + l2 * W * W


@fused
def l1_l2_backward(dW, W, l1, l2):
    """dW ← dW + l1 · sign(w) + 2 l2 · w."""
    return dW + l1 * np.sign(W) + 2 * l2 * W


@fused
def lp_forward(W, lp, exponent):
    """P = lp · |w|^p, weight by weight; ``exponent`` is p >= 1."""
    return lp * np.abs(W) ** exponent


@fused
def lp_backward(dW, W, lp, exponent):
    """dW ← dW + lp · p · |w|^(p - 1) · sign(w), with sign(0) = 0."""
    return dW + lp * exponent * np.abs(W) ** (exponent - 1) * np.sign(W)

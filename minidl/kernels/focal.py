"""Focal cross-entropies: rows that are right already count less. And their gradients.

The rules of ``losses.py`` hold. q is the probability of what is not the target, and q^γ is the
factor of a cross-entropy. Lin, Goyal, Girshick, He & Dollár, "Focal loss for dense object
detection", ICCV 2017, equations 4 and 5.
"""

from __future__ import annotations

import numpy as np

from minidl.backend import fused
from minidl.kernels.activations import sigmoid_forward
from minidl.kernels.losses import sigmoid_crossentropy_backward, sigmoid_crossentropy_forward
from minidl.kernels.probabilities import (
    _inside,
    _kept,
    binary_crossentropy_backward,
    binary_crossentropy_forward,
    crossentropy_backward,
    crossentropy_forward,
)

#: The least base of a power whose exponent may be negative.
LEAST = 1e-30


@fused
def _factor(p, t, gamma, positive, negative):
    """w q^γ, q = t (1 - p) + (1 - t) p, w = positive t + negative (1 - t)."""
    q = t * (1 - p) + (1 - t) * p
    return (positive * t + negative * (1 - t)) * q**gamma


@fused
def _slope(p, t, gamma, positive, negative):
    """The derivative of :func:`_factor` at p, w γ q^(γ - 1) (1 - 2 t)."""
    q = np.maximum(t * (1 - p) + (1 - t) * p, LEAST)
    return (positive * t + negative * (1 - t)) * (gamma * q ** (gamma - 1)) * (1 - 2 * t)


@fused
def binary_focal_forward(p, t, gamma, positive, negative):
    """L = w q^γ C, C the binary cross-entropy of probabilities, element by element."""
    factor = _factor(p, t, gamma, positive, negative)
    return factor * binary_crossentropy_forward(p, t)


@fused
def binary_focal_backward(p, t, gamma, positive, negative, units):
    """dp = (w q^γ)' C / units + w q^γ dC."""
    ends = _slope(p, t, gamma, positive, negative)
    factor = _factor(p, t, gamma, positive, negative)
    change = ends * binary_crossentropy_forward(p, t) / units
    return change + factor * binary_crossentropy_backward(p, t, units)


@fused
def sigmoid_focal_forward(logits, t, gamma, positive, negative):
    """L = w q^γ C with p = sigmoid(logits), C computed from the logits."""
    factor = _factor(sigmoid_forward(logits), t, gamma, positive, negative)
    return factor * sigmoid_crossentropy_forward(logits, t)


@fused
def sigmoid_focal_backward(logits, t, gamma, positive, negative, units):
    """dlogits = (w q^γ)' p (1 - p) C / units + w q^γ dC."""
    p = sigmoid_forward(logits)
    ends = _slope(p, t, gamma, positive, negative) * (p * (1 - p))
    factor = _factor(p, t, gamma, positive, negative)
    change = ends * sigmoid_crossentropy_forward(logits, t) / units
    return change + factor * sigmoid_crossentropy_backward(logits, t, units)


@fused
def categorical_focal_forward(p, t, alpha, gamma):
    """L_k = -α (1 - p_k)^γ t_k log p_k, p kept within [ε, 1 - ε]; a row's loss is the sum."""
    factor = alpha * (1 - _kept(p)) ** gamma
    return factor * crossentropy_forward(p, t)


@fused
def categorical_focal_backward(p, t, alpha, gamma):
    """dp = α ((1 - p)^γ dC - γ (1 - p)^(γ - 1) C), and 0 where p was not within (ε, 1 - ε)."""
    rest = 1 - _kept(p)
    change = gamma * rest ** (gamma - 1) * crossentropy_forward(p, t) * _inside(p)
    return alpha * (rest**gamma * crossentropy_backward(p, t) - change)

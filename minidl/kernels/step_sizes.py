"""Step sizes: the factor of a constant gradient in an update, coordinate by coordinate.

The factor is ``gain`` over the root by which the update divides. A penalty that takes a proximal
step after the update takes a step of this size.
"""

from __future__ import annotations

import numpy as np

from minidl.backend import fused
from minidl.kernels.adaptive import _deviation


@fused
def rmsprop_step_size(v, gain, epsilon):
    """gain / √(v + epsilon): RMSprop's, and Adagrad's with its accumulator for v."""
    return gain / np.sqrt(v + epsilon)


@fused
def rmsprop_centered_step_size(v, m, gain, epsilon):
    """gain / √(max(v - m², 0) + epsilon)."""
    return gain / _deviation(v, m, epsilon)


@fused
def adam_step_size(v, gain, epsilon):
    """gain / (√v + epsilon): Adam's, and AMSGrad's with v_max for v."""
    return gain / (np.sqrt(v) + epsilon)


@fused
def nadam_step_size(v, gain, v_scale, epsilon):
    """gain / (√(v_scale · v) + epsilon)."""
    return gain / (np.sqrt(v_scale * v) + epsilon)


@fused
def adamax_step_size(u, gain, epsilon):
    """gain / (u + epsilon)."""
    return gain / (u + epsilon)

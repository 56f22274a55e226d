"""Gradient clipping, in place and without reading anything back from the device.

Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural networks", ICML
2013, algorithm 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import fused, kernel


@fused
def clip_by_value(grad, limit):
    """grad ← min(max(grad, -limit), limit)."""
    return np.minimum(np.maximum(grad, -limit), limit)


@kernel
def clip_by_norm(grad: Any, limit: float, work: Any, norm: Any) -> Any:
    """grad ← grad · limit / max(‖grad‖₂, limit).

    On one tensor this clips by norm, on the whole gradient vector by global norm. An
    infinite entry becomes NaN, and a NaN makes all entries NaN, so that neither goes unnoticed.
    Finite entries above the root of the largest number (1.8e19 in float32) overflow in the
    square, and the gradient becomes 0.

    Args:
        grad: any shape, overwritten.
        limit: the largest norm that stays as it is, > 0.
        work: of grad's shape, overwritten.
        norm: 0-d, overwritten with limit / max(‖grad‖₂, limit).
    """
    np.square(grad, out=work)
    np.sum(work, out=norm)
    np.sqrt(norm, out=norm)
    np.maximum(norm, limit, out=norm)
    np.divide(limit, norm, out=norm)
    return np.multiply(grad, norm, out=grad)

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

    On one tensor this clips by norm, on the whole gradient vector by global norm. The largest
    entry is divided out first, so that no square overflows: with r = max(max |grad| / limit, 1)
    and q = max(‖grad / (r · limit)‖₂, 1), the result is grad / r / q. Where the norm is at most
    limit, r and q are 1. An entry that is infinite or NaN makes all entries NaN.

    Args:
        grad: any shape, overwritten.
        limit: the largest norm that stays as it is, > 0.
        work: of grad's shape, overwritten.
        norm: 0-d, overwritten with q.
    """
    np.abs(grad, out=work)
    np.max(work, out=norm)
    np.divide(norm, limit, out=norm)
    np.maximum(norm, 1, out=norm)
    np.divide(grad, norm, out=grad)
    np.divide(grad, limit, out=work)
    np.square(work, out=work)
    np.sum(work, out=norm)
    np.sqrt(norm, out=norm)
    np.maximum(norm, 1, out=norm)
    return np.divide(grad, norm, out=grad)

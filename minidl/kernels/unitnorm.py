"""Rows divided by their lengths."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import fused, kernel


@kernel
def unitnorm_forward(x: Any, epsilon: float, norm: Any, out: Any) -> Any:
    """y = x / max(‖x‖, epsilon), along each row.

    Args:
        x: (N, O).
        epsilon: > 0, which keeps a row of zeros.
        norm: (N, 1), overwritten with max(‖x‖, epsilon).
        out: (N, O), overwritten with y; not ``x``.
    """
    np.square(x, out=out)
    np.sum(out, axis=1, keepdims=True, out=norm)
    np.sqrt(norm, out=norm)
    np.maximum(norm, epsilon, out=norm)
    return np.divide(x, norm, out=out)


@fused
def along_row(total, norm, epsilon):
    """Σ_j dy_j y_j where the norm is above epsilon, else 0: there y is a multiple of x."""
    return total * (norm > epsilon)


@kernel
def unitnorm_backward(
    dy: Any, y: Any, epsilon: float, norm: Any, total: Any, work: Any, out: Any
) -> Any:
    """dx_k = (dy_k - y_k · Σ_j dy_j y_j) / ‖x‖, along each row; dy_k / epsilon for shorter rows.

    Args:
        dy, y: (N, O).
        epsilon, norm: of the forward.
        total: (N, 1), work space, overwritten.
        work: (N, O), overwritten.
        out: (N, O), overwritten with dx; neither ``dy`` nor ``y``.
    """
    np.multiply(dy, y, out=work)
    np.sum(work, axis=1, keepdims=True, out=total)
    along_row(total, norm, epsilon, out=total)
    np.multiply(y, total, out=work)
    np.subtract(dy, work, out=out)
    return np.divide(out, norm, out=out)

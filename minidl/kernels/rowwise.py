"""Further activation functions of whole rows, and their derivatives.

The rules of ``activations.py`` hold for these pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import kernel


@kernel
def log_softmax_forward(x: Any, row: Any, total: Any, out: Any) -> Any:
    """y_k = x_k - log Σ_j exp(x_j), along each row.

    The row's maximum is subtracted first, as in
    :func:`~minidl.kernels.activations.softmax_forward`.

    Args:
        x: (N, K).
        row, total: (N, 1), work space, overwritten.
        out: (N, K), overwritten with y; not ``x``.
    """
    np.max(x, axis=1, keepdims=True, out=row)
    np.subtract(x, row, out=out)
    np.exp(out, out=out)
    np.sum(out, axis=1, keepdims=True, out=total)
    np.log(total, out=total)
    np.subtract(x, row, out=out)
    np.subtract(out, total, out=out)
    return out


@kernel
def log_softmax_backward(dy: Any, y: Any, row: Any, out: Any) -> Any:
    """dx_k = dy_k - exp(y_k) · Σ_j dy_j, along each row.

    Args:
        dy: (N, K).
        y: (N, K), the forward's output.
        row: (N, 1), work space, overwritten.
        out: (N, K), overwritten with dx; neither ``dy`` nor ``y``.
    """
    np.sum(dy, axis=1, keepdims=True, out=row)
    np.exp(y, out=out)
    np.multiply(out, row, out=out)
    np.subtract(dy, out, out=out)
    return out

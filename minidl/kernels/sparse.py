"""A fully connected layer of rows that are mostly zeros, a CSR matrix: a network's first layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import kernel
from minidl.backend.sparse import multiply_rows
from minidl.kernels.sums import sum_rows


@kernel
def sparse_dense_forward(x: Any, W: Any, b: Any, out: Any) -> Any:
    """y = x W + b; arguments as for :func:`~minidl.kernels.dense.dense_forward`, but x is CSR."""
    multiply_rows(x, W, out)
    if b is not None:
        np.add(out, b, out=out)
    return out


@kernel
def sparse_dense_backward(dy: Any, x: Any, dW: Any, db: Any) -> None:
    """dW = xᵀ dy,  db = Σ_N dy; nobody needs dx, which would be dense.

    Args:
        dy: (N, O).
        x: (N, I), CSR.
        dW: (I, O), overwritten.
        db: (O,), overwritten; None for no bias.
    """
    multiply_rows(x, dy, dW, transposed=True)
    if db is not None:
        sum_rows(dy, db)

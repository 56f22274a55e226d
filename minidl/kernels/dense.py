"""A fully connected layer: every output is a weighted sum of every input."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.accelerator.record.products import multiply, multiply_transposed
from minidl.backend import kernel
from minidl.kernels.sums import sum_rows


@kernel
def dense_forward(x: Any, W: Any, b: Any, out: Any) -> Any:
    """y = x W + b.

    Args:
        x: (N, I), an array or a CSR matrix.
        W: (I, O).
        b: (O,), or None for no bias.
        out: (N, O), overwritten with y.
    """
    multiply(x, W, out)
    if b is not None:
        np.add(out, b, out=out)
    return out


@kernel
def dense_backward(dy: Any, x: Any, W: Any, dW: Any, db: Any, dx: Any) -> Any:
    """dW = xᵀ dy,  db = Σ_N dy,  dx = dy Wᵀ.

    Args:
        dy: (N, O), the gradient at the output.
        x: (N, I), the forward's input.
        W: (I, O).
        dW: (I, O), overwritten.
        db: (O,), overwritten; None for no bias.
        dx: (N, I), overwritten; None where nobody needs it (a network's first layer).
    """
    multiply_transposed(x, dy, dW)
    if db is not None:
        sum_rows(dy, db)
    if dx is not None:
        multiply(dy, W.T, dx)
    return dx

"""A fully connected layer: every output is a weighted sum of every input."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import kernel
from minidl.kernels.sums import sum_rows


@kernel
def dense_forward(x: Any, W: Any, b: Any, out: Any) -> Any:
    """y = x W + b.

    Args:
        x: (N, I).
        W: (I, O).
        b: (O,), or None for no bias.
        out: (N, O), overwritten with y.

    Examples:
        >>> x, W = np.array([[1.0, 2.0]]), np.array([[1.0, 0.0], [3.0, 1.0]])
        >>> dense_forward(x, W, np.array([0.5, 0.0]), out=np.empty((1, 2)))
        array([[7.5, 2. ]])
    """
    np.matmul(x, W, out=out)
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
        dx: (N, I), overwritten; None where not needed (a network's first layer).

    Examples:
        >>> x, W = np.array([[1.0, 2.0], [3.0, 4.0]]), np.ones((2, 1))
        >>> dW, db, dx = np.empty((2, 1)), np.empty(1), np.empty((2, 2))
        >>> dense_backward(np.array([[1.0], [-1.0]]), x, W, dW, db, dx)
        array([[ 1.,  1.],
               [-1., -1.]])
        >>> dW.ravel(), db
        (array([-2., -2.]), array([0.]))
    """
    np.matmul(x.T, dy, out=dW)
    if db is not None:
        sum_rows(dy, db)
    if dx is not None:
        np.matmul(dy, W.T, out=dx)
    return dx

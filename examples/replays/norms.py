"""Norms of vectors and matrices, and their gradients.

Where a norm has a kink, the backward gives a subgradient, and says which; at 0 it is 0. Large
and small entries are scaled before they are raised to a power, so that nothing overflows or
vanishes but the norm itself. Backward functions take the norm that the forward gave.

Golub & Van Loan, "Matrix computations", 4th ed. 2013, sections 2.2.1 and 2.3.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def p_norm_forward(x: Any, p: float, work: Any, out: Any) -> Any:
    """‖x‖_p = (Σ_i |x_i|^p)^(1/p), computed as m (Σ_i (|x_i| / m)^p)^(1/p) with m = max |x_i|.

    Args:
        x: any shape.
        p: in [1, inf).
        work: of x's shape, overwritten.
        out: 0-d, overwritten with the norm.
    """
    largest = _divisor(np.max(np.abs(x, out=work)))
    np.power(np.divide(work, largest, out=work), p, out=work)
    return np.multiply(largest, np.power(np.sum(work), 1 / p), out=out)


def p_norm_backward(x: Any, norm: Any, p: float, work: Any, out: Any) -> Any:
    """d‖x‖_p / dx_i = sign(x_i) (|x_i| / ‖x‖_p)^(p - 1).

    Where x_i = 0 this is 0: for p = 1, and at x = 0, one of many subgradients.

    Args:
        x: any shape.
        norm: 0-d, the forward's result.
        p: as in the forward.
        work: of x's shape, overwritten.
        out: of x's shape, overwritten with the gradient.
    """
    np.divide(np.abs(x, out=work), _divisor(norm), out=work)
    np.power(work, p - 1, out=work)
    return np.multiply(np.sign(x, out=out), work, out=out)


def max_norm_forward(x: Any, work: Any, out: Any) -> Any:
    """‖x‖_∞ = max_i |x_i|, the limit of ‖x‖_p for large p.

    Args:
        x: any shape.
        work: of x's shape, overwritten.
        out: 0-d, overwritten with the norm.
    """
    return np.max(np.abs(x, out=work), out=out)


def max_norm_backward(x: Any, norm: Any, work: Any, out: Any) -> Any:
    """d‖x‖_∞ / dx_i = sign(x_i) / n where |x_i| is the largest, else 0.

    n is the number of entries that are the largest: of the subgradients where there are
    several, the mean of theirs.

    Args:
        x: any shape.
        norm: 0-d, the forward's result.
        work: of x's shape, overwritten.
        out: of x's shape, overwritten with the gradient.
    """
    np.equal(np.abs(x, out=work), norm, out=work)
    np.divide(work, np.sum(work), out=work)
    return np.multiply(np.sign(x, out=out), work, out=out)


def matrix_norm_forward(A: Any, axis: int, work: Any, sums: Any, out: Any) -> Any:
    """‖A‖₁ = max_j Σ_i |a_ij| along axis 0, ‖A‖_∞ = max_i Σ_j |a_ij| along axis 1.

    The largest column sum and the largest row sum: by how much A can lengthen a vector,
    measured in the same norm.

    Args:
        A: (rows, columns).
        axis: along which magnitudes are added: 0 for the 1-norm, 1 for the infinity norm.
        work: of A's shape, overwritten.
        sums: A's shape with 1 at the axis, overwritten with the sums.
        out: 0-d, overwritten with the norm.
    """
    np.sum(np.abs(A, out=work), axis=axis, keepdims=True, out=sums)
    return np.max(sums, out=out)


def matrix_norm_backward(A: Any, sums: Any, norm: Any, out: Any) -> Any:
    """d‖A‖ / da_ij = sign(a_ij) / n in the column (row) of the largest sum, else 0.

    n is the number of columns (rows) that have it: as in :func:`max_norm_backward`, the mean.

    Args:
        A: (rows, columns).
        sums: the forward's, overwritten.
        norm: 0-d, the forward's result.
        out: of A's shape, overwritten with the gradient.
    """
    np.equal(sums, norm, out=sums)
    np.divide(sums, np.sum(sums), out=sums)
    return np.multiply(np.sign(A, out=out), sums, out=out)


def _divisor(norm: Any) -> Any:
    """``norm`` without 0 and infinity, by which 0 and infinity would divide to NaN."""
    info = np.finfo(norm.dtype)
    return np.minimum(np.maximum(norm, float(info.smallest_subnormal)), float(info.max))

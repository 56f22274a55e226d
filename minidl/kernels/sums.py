"""Sums and means over a batch's rows (N), its units (O) or all numbers; counts of right rows.

Losses, metrics and penalties use these sums when all elements of an array are computed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import kernel

# Up to so many rows are added one after the other.
BLOCK = 128


@kernel
def sum_rows(x: Any, out: Any) -> Any:
    """out_o = Σ_N x_no.

    NumPy adds the rows of a C-contiguous array one by one: with more rows, the running sum loses
    more digits of each row. The sum of a million equal float32 numbers is up to 1 % too large.
    Here :data:`BLOCK` rows at a time are added, then their sums in the same way. The relative
    error is below 2 BLOCK units of rounding for any million rows. More than BLOCK rows take a
    buffer of a BLOCK-th of x.

    Higham, "The accuracy of floating point summation", SIAM J. Sci. Comput. 14 (1993), section 3.

    Args:
        x: (N, ...), C-contiguous.
        out: (...), overwritten.
    """
    rows = len(x)
    if rows <= BLOCK:
        return np.sum(x, axis=0, out=out)
    whole, rest = divmod(rows, BLOCK)
    sums = np.empty_like(out, shape=(whole + (rest > 0), *out.shape))
    blocks = x[: whole * BLOCK].reshape(whole, BLOCK, *out.shape)
    np.sum(blocks, axis=1, out=sums[:whole])
    if rest:
        np.sum(x[whole * BLOCK :], axis=0, out=sums[whole])
    return sum_rows(sums, out)


@kernel
def mean_rows(x: Any, out: Any) -> Any:
    """out_o = (1/N) Σ_N x_no; arguments as in :func:`sum_rows`."""
    return np.divide(sum_rows(x, out), len(x), out=out)


@kernel
def clear(out: Any) -> Any:
    """out = 0."""
    out[...] = 0
    return out


@kernel
def convert(x: Any, out: Any) -> Any:
    """out = x, in the type of out."""
    np.copyto(out, x, casting="unsafe")
    return out


@kernel
def scale(x: Any, factor: float, out: Any) -> Any:
    """out = x · factor."""
    return np.multiply(x, factor, out=out)


@kernel
def weigh(x: Any, weights: Any, out: Any) -> Any:
    """out_no = x_no · weights_n, for (N, O) and (N, 1)."""
    return np.multiply(x, weights, out=out)


@kernel
def add(total: Any, value: Any) -> Any:
    """total ← total + value, both 0-d."""
    return np.add(total, value, out=total)


@kernel
def add_sum(total: Any, x: Any, work: Any) -> Any:
    """total ← total + Σ x.

    Args:
        total: 0-d.
        x: of any shape.
        work: 0-d, overwritten with Σ x.
    """
    np.sum(x, out=work)
    return np.add(total, work, out=total)


@kernel
def sum_units(x: Any, out: Any) -> Any:
    """out_n = Σ_o x_no, for (N, O) and (N, 1)."""
    return np.sum(x, axis=1, keepdims=True, out=out)


@kernel
def mean_units(x: Any, out: Any) -> Any:
    """out_n = (1/O) Σ_o x_no, for (N, O) and (N, 1)."""
    np.sum(x, axis=1, keepdims=True, out=out)
    return np.divide(out, x.shape[1], out=out)


@kernel
def sum_all(x: Any, out: Any) -> Any:
    """out = Σ x, 0-d."""
    return np.sum(x, out=out)


@kernel
def mean_all(x: Any, out: Any) -> Any:
    """out = (1/N) Σ_n x_n, for (N, 1) and 0-d."""
    np.sum(x, out=out)
    return np.divide(out, len(x), out=out)


@kernel
def largest(x: Any, out: Any) -> Any:
    """out_n = argmax_k x_nk, for (N, K) and (N,) integers."""
    return np.argmax(x, axis=1, out=out)


@kernel
def count_equal(a: Any, b: Any, equal: Any, out: Any) -> Any:
    """out = Σ_n [a_n = b_n].

    Args:
        a, b: (N,), integers.
        equal: (N,), booleans, overwritten.
        out: 0-d, overwritten.
    """
    np.equal(a, b, out=equal)
    return np.sum(equal, dtype=out.dtype, out=out)


@kernel
def count_right_units(p: Any, t: Any, threshold: float, right: Any, out: Any) -> Any:
    """out = (1/O) Σ_no [(p_no > threshold) = t_no].

    Args:
        p, t: (N, O).
        threshold: a prediction above this number stands for 1.
        right: (N, O), booleans, overwritten.
        out: 0-d, overwritten.
    """
    np.greater(p, threshold, out=right)
    np.equal(right, t, out=right)
    np.sum(right, dtype=out.dtype, out=out)
    return np.divide(out, p.shape[1], out=out)

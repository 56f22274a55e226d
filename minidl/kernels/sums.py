"""Sums over the rows of a batch, of as many as there may be."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import kernel

# Up to so many rows are added one after the other.
BLOCK = 128


@kernel
def sum_rows(x: Any, out: Any) -> Any:
    """out_o = Σ_N x_no.

    NumPy adds the rows of a C-contiguous array one by one: the more there are, the more digits
    of each the running sum has no place for, and a million equal float32 numbers come to as
    much as 1 % too much. Here :data:`BLOCK` rows at a time are added, then in the same way their
    sums; the relative error is below 2 BLOCK units of rounding for a million rows, whatever
    they are. More than BLOCK rows take a buffer of a BLOCK-th of x.

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

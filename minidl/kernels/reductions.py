"""From the losses of rows to one number, where that is not their mean (see ``measures.py``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import kernel


@kernel
def sum_batch(x: Any, out: Any) -> Any:
    """out = Σ_n x_n, for (N, 1) and 0-d."""
    return np.sum(x, out=out)


@kernel
def one_by_sum(weights: Any, none: Any, out: Any) -> Any:
    """out = 1 / Σ_n w_n, and 0 where the sum is 0.

    Args:
        weights: (N, 1).
        none: 0-d, overwritten.
        out: 0-d, overwritten.
    """
    np.sum(weights, out=out)
    np.equal(out, 0, out=none)
    np.add(out, none, out=out)
    np.divide(1, out, out=out)
    np.subtract(1, none, out=none)
    return np.multiply(out, none, out=out)

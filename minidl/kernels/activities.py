"""Penalties on outputs: the mean over the batch of a row's costs, and the gradient.

The formulas of the costs are in ``penalties.py``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import fused, kernel


@kernel
def add_activity(total: Any, costs: Any, rows: int, work: Any) -> Any:
    """total ← total + Σ costs / N: a penalty on outputs is the batch's mean of a row's sum.

    Args:
        total: 0-d.
        costs: (N, ...), the cost of each output.
        rows: N.
        work: 0-d, overwritten.
    """
    np.sum(costs, out=work)
    np.divide(work, rows, out=work)
    return np.add(total, work, out=total)


@fused
def activity_backward(dy, dP, rows):
    """dy ← dy + dP / N, where dP is the gradient of the costs' sum."""
    return dy + dP / rows

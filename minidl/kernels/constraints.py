"""Constraints on weights: a projection after each update of the optimizer.

A projection is the proximal step of a penalty that is 0 where the constraint holds and infinite
elsewhere. Parikh & Boyd, "Proximal algorithms", Found. Trends Optim. 1 (2014), section 1.2. The
values follow Keras, whose ``epsilon`` keeps a norm of 0 from being divided by.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import fused, kernel
from minidl.kernels.sums import sum_rows


@fused
def non_negative(W):
    """w ← max(w, 0), the nearest weights without negative ones."""
    return np.maximum(W, 0)


@fused
def norm_factor(norm, low, high, rate, epsilon):
    """The factor ‖w‖* / (epsilon + ‖w‖), ‖w‖* = rate · min(max(‖w‖, low), high) + (1 - rate) · ‖w‖.

    With the rate 1 the norm ends between low and high; with a smaller rate the norm goes that
    share of the way.
    """
    wanted = rate * np.minimum(np.maximum(norm, low), high) + (1 - rate) * norm
    return wanted / (epsilon + norm)


@kernel
def scale_to_norm(
    W: Any, axis: int, low: float, high: float, rate: float, epsilon: float, work: Any
) -> Any:
    """w ← w · factor of ‖w‖, for each column w of W (axis 0) or each row (axis 1).

    The factor is that of :func:`norm_factor`. For low = 0 and rate = 1 this is the projection on
    the ball of radius high, but for epsilon. Srivastava, Hinton, Krizhevsky, Sutskever &
    Salakhutdinov, "Dropout: a simple way to prevent neural networks from overfitting", JMLR 15
    (2014), section 5.1.

    Args:
        W: (I, O), overwritten.
        axis: the norm of a column is a sum along axis 0, that of a row along axis 1.
        low, high: >= 0, bounds of the norm.
        rate: share of the way, 0 … 1.
        epsilon: > 0.
        work: (I, O), overwritten.
    """
    norm = np.empty_like(W, shape=(1, W.shape[1]) if axis == 0 else (len(W), 1))
    np.square(W, out=work)
    if axis == 0:
        sum_rows(work, norm[0])
    else:
        np.sum(work, axis=1, keepdims=True, out=norm)
    np.sqrt(norm, out=norm)
    norm_factor(norm, low, high, rate, epsilon, out=norm)
    return np.multiply(W, norm, out=W)

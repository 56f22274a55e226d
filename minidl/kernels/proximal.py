"""The proximal step of L1, which may stand in the place of the gradient (see ``penalties.py``)."""

from __future__ import annotations

import numpy as np

from minidl.backend import fused


@fused
def soft_threshold(W, step, l1):
    """w ← sign(w) · max(|w| - step · l1, 0), the proximal step of L1.

    It minimises (u - w)² / 2 step + l1 · |u| over u, and is w less its projection on
    ± step · l1; written so, a weight within becomes +0. ``step`` is the step size of the
    gradient step before it, a number or one for each weight, >= 0.

    Parikh & Boyd, "Proximal algorithms", Found. Trends Optim. 1 (2014), section 6.5.2.

    Examples:
        >>> soft_threshold(np.array([0.05, -0.5]), 0.1, 1.0)
        array([ 0. , -0.4])
    """
    limit = step * l1
    return W - np.minimum(np.maximum(W, -limit), limit)

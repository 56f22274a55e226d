"""The proximal step of L1, which may replace the gradient (see ``penalties.py``)."""

from __future__ import annotations

import numpy as np

from minidl.backend import fused


@fused
def soft_threshold(W, step, l1):
    """w ← sign(w) · max(|w| - step · l1, 0), the proximal step of L1.

    The new w minimises (u - w)² / 2 step + l1 · |u| over u. It is w minus the projection of w on
    ± step · l1; in this form a weight within the limits becomes +0. ``step`` is the step size of
    the gradient step before, >= 0: one number, or a number for each weight.

    Parikh & Boyd, "Proximal algorithms", Found. Trends Optim. 1 (2014), section 6.5.2.

    Examples:
        >>> soft_threshold(np.array([0.05, -0.5]), 0.1, 1.0)
        array([ 0. , -0.4])
    """
    limit = step * l1
    return W - np.minimum(np.maximum(W, -limit), limit)

"""Features brought to mean 0 and variance 1 by numbers that are known before training."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import kernel


@kernel
def deviation_of(variance: Any, epsilon: float, out: Any) -> Any:
    """deviation = max(√variance, epsilon); of one shape, (O,) or ()."""
    np.sqrt(variance, out=out)
    return np.maximum(out, epsilon, out=out)


@kernel
def normalize(x: Any, mean: Any, deviation: Any, out: Any) -> Any:
    """y = (x - mean) / deviation.

    Args:
        x: (N, ..., O).
        mean, deviation: (O,) or ().
        out: as x, overwritten.
    """
    np.subtract(x, mean, out=out)
    return np.divide(out, deviation, out=out)


@kernel
def normalize_back(dy: Any, deviation: Any, out: Any) -> Any:
    """dx = dy / deviation; arguments as in :func:`normalize`."""
    return np.divide(dy, deviation, out=out)


@kernel
def denormalize(x: Any, mean: Any, deviation: Any, out: Any) -> Any:
    """y = x · deviation + mean, the inverse; arguments as in :func:`normalize`."""
    np.multiply(x, deviation, out=out)
    return np.add(out, mean, out=out)


@kernel
def denormalize_back(dy: Any, deviation: Any, out: Any) -> Any:
    """dx = dy · deviation; arguments as in :func:`normalize`."""
    return np.multiply(dy, deviation, out=out)

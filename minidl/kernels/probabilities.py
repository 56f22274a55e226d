"""Cross-entropies of probabilities, where no logits are at hand, and their gradients.

The rules of ``losses.py`` hold. A row of probabilities that sum to something else is divided by the
sum: before the cross-entropy (``shares``) or in its logarithm (``log_total``).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import fused, kernel

# Probabilities are kept this far from 0 and 1 before a logarithm, as in Keras.
EPSILON = 1e-7


@fused
def _kept(p):
    """p kept within [ε, 1 - ε]."""
    return np.minimum(np.maximum(p, EPSILON), 1 - EPSILON)


@fused
def _inside(p):
    """1 where p is within (ε, 1 - ε)."""
    return (p > EPSILON) * (p < 1 - EPSILON)


@fused
def crossentropy_forward(p, t):
    """L_k = -t_k log p_k on probabilities, p kept within [ε, 1 - ε]; a row's loss is the sum."""
    return -t * np.log(_kept(p))


@fused
def crossentropy_backward(p, t):
    """dp = -t / p, and 0 where p was not within (ε, 1 - ε)."""
    return -t * _inside(p) / np.maximum(p, EPSILON)


@kernel
def shares_forward(p: Any, total: Any, out: Any) -> Any:
    """q_k = p_k / Σ_j p_j: rows of any sum as probabilities; 0 / 0 for rows of zeros.

    Args:
        p: (N, K).
        total: (N, 1), overwritten with Σ_j p_j, which the backward needs.
        out: (N, K), overwritten with q.
    """
    np.sum(p, axis=1, keepdims=True, out=total)
    return np.divide(p, total, out=out)


@kernel
def shares_backward(dq: Any, q: Any, total: Any, work: Any, row: Any) -> Any:
    """dp_k = (dq_k - Σ_j dq_j q_j) / Σ_j p_j, written over dq.

    Args:
        dq: (N, K), overwritten with dp.
        q, total: of the forward.
        work: (N, K), overwritten.
        row: (N, 1), overwritten.
    """
    np.multiply(dq, q, out=work)
    np.sum(work, axis=1, keepdims=True, out=row)
    np.subtract(dq, row, out=dq)
    return np.divide(dq, total, out=dq)


@kernel
def log_total_forward(p: Any, work: Any, total: Any, row: Any, losses: Any) -> Any:
    """L ← L + log Σ_k p_k, p kept within [ε, 1 - ε]: what dividing each p_k by the sum adds.

    Args:
        p: (N, K).
        work: (N, K), overwritten.
        total: (N, 1), overwritten with Σ_k p_k, which the backward needs.
        row: (N, 1), overwritten.
        losses: (N, 1), L, overwritten.
    """
    _kept(p, out=work)
    np.sum(work, axis=1, keepdims=True, out=total)
    np.log(total, out=row)
    return np.add(losses, row, out=losses)


@kernel
def log_total_backward(dp: Any, p: Any, work: Any, total: Any) -> Any:
    """dp ← dp + 1 / Σ_k p_k, but where p was not within (ε, 1 - ε).

    Args:
        dp, p: (N, K); dp is overwritten.
        work: (N, K), overwritten.
        total: (N, 1), of the forward.
    """
    _inside(p, out=work)
    np.divide(work, total, out=work)
    return np.add(dp, work, out=dp)


@fused
def binary_crossentropy_forward(p, t):
    """L = -t log p - (1 - t) log(1 - p), p kept within [ε, 1 - ε], element by element."""
    kept = _kept(p)
    return -t * np.log(kept) - (1 - t) * np.log(1 - kept)


@fused
def binary_crossentropy_backward(p, t, units):
    """dp = (p - t) / (p (1 - p)) / units, and 0 where p was not within (ε, 1 - ε)."""
    kept = _kept(p)
    return (kept - t) * _inside(p) / (kept * (1 - kept)) / units

"""Targets that are no one-hot rows: rows of any sum, and labels that are smoothed."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import fused, kernel


@kernel
def surplus_forward(t: Any, row: Any, surplus: Any, losses: Any) -> Any:
    """L ← L + (Σ_k t_k - 1) log Σ_j exp(z_j): the softmax cross-entropy of targets of any sum.

    Args:
        t: (N, K).
        row: (N, 1), log Σ_j exp(z_j) of the forward; overwritten.
        surplus: (N, 1), overwritten with Σ_k t_k - 1, which the backward needs.
        losses: (N, 1), L, overwritten.
    """
    np.sum(t, axis=1, keepdims=True, out=surplus)
    np.subtract(surplus, 1, out=surplus)
    np.multiply(surplus, row, out=row)
    return np.add(losses, row, out=losses)


@kernel
def surplus_backward(p: Any, surplus: Any, work: Any, dlogits: Any) -> Any:
    """dlogits ← dlogits + (Σ_k t_k - 1) p, which makes p - t to p Σ_k t_k - t.

    Args:
        p: (N, K), the probabilities.
        surplus: (N, 1), of the forward.
        work: (N, K), overwritten.
        dlogits: (N, K), overwritten.
    """
    np.multiply(p, surplus, out=work)
    return np.add(dlogits, work, out=dlogits)


@fused
def smoothed(t, smoothing, classes):
    """t ← t (1 - s) + s / K: targets between their own value and the mean of K classes.

    Szegedy, Vanhoucke, Ioffe, Shlens & Wojna, "Rethinking the Inception architecture for computer
    vision", CVPR 2016, section 7.
    """
    return t * (1 - smoothing) + smoothing / classes

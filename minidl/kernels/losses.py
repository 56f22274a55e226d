"""Losses and their gradients, before any mean over the batch.

Softmax cross-entropy gives one loss a row; the others give one for every element, (N, units),
and the caller takes a row's sum or mean. Backward functions give the gradient of the row's
loss; ``units`` is the number over which a row's mean is taken. The mean over the batch, with
the rows' weights, is the caller's too.
Targets are (N, K) rows: integer labels become one-hot rows first (:func:`one_hot`), so that
each formula stands once. A target of 0 takes nothing of its logit, however large that is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import fused, kernel
from minidl.kernels.activations import sigmoid_forward


@kernel
def one_hot(labels: Any, classes: Any, out: Any) -> Any:
    """t_nk = 1 where labels_n = k, else 0.

    Args:
        labels: (N, 1), integers.
        classes: (K,), the integers 0 … K - 1.
        out: (N, K), overwritten.
    """
    return np.equal(labels, classes, out=out)


@fused
def _target_times(t, z):
    """t · z for z <= 0; 0 where t is 0, also for z = -∞.

    z is kept above a bound, which is 0 where t is 0, and -∞ elsewhere: 0 · ∞ would be NaN.
    """
    return t * np.maximum(z, np.minimum((0.5 - np.abs(np.sign(t))) * np.inf, 0))


@kernel
def softmax_crossentropy_forward(logits: Any, t: Any, p: Any, work: Any, row: Any, out: Any) -> Any:
    """L = -Σ_k t_k log p_k  with  p = softmax(logits), computed from the logits.

    log p_k = z_k - log Σ_j exp(z_j), where z is the logits less their largest: no
    probability is ever rounded to 0 before its logarithm. A logit may be -∞, a probability of 0.

    Args:
        logits, t: (N, K); each row of t sums to 1.
        p: (N, K), overwritten with the probabilities, which the backward needs.
        work: (N, K), overwritten.
        row: (N, 1), overwritten with log Σ_j exp(z_j).
        out: (N, 1), overwritten with the losses.
    """
    np.max(logits, axis=1, keepdims=True, out=row)
    np.subtract(logits, row, out=p)
    _target_times(t, p, out=work)
    np.sum(work, axis=1, keepdims=True, out=out)
    np.exp(p, out=p)
    np.sum(p, axis=1, keepdims=True, out=row)
    np.divide(p, row, out=p)
    np.log(row, out=row)
    return np.subtract(row, out, out=out)


@fused
def softmax_crossentropy_backward(p, t):
    """dlogits = p - t."""
    return p - t


@fused
def sigmoid_crossentropy_forward(logits, t):
    """L = -t log p - (1 - t) log(1 - p)  with  p = sigmoid(logits), element by element.

    Written as log(1 + exp(-|z|)) - t min(z, 0) - (1 - t) min(-z, 0), which never overflows.
    """
    yes = _target_times(t, np.minimum(logits, 0))
    no = _target_times(1 - t, np.minimum(-logits, 0))
    return np.log1p(np.exp(-np.abs(logits))) - (yes + no)


@fused
def sigmoid_crossentropy_backward(logits, t, units):
    """dlogits = (p - t) / units, for the mean over the units of a row."""
    return (sigmoid_forward(logits) - t) / units


@fused
def squared_error_forward(y, t):
    """L = (y - t)², element by element."""
    return (y - t) * (y - t)


@fused
def squared_error_backward(y, t, units):
    """dy = 2 (y - t) / units, for the mean over the units of a row."""
    return 2 * (y - t) / units

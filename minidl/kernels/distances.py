"""Distances of predictions and targets, element by element, and their derivatives.

Each forward takes predictions ``y`` and targets ``t``, (N, units), and gives one number for every
element; a row's loss is their mean over the units, or their sum where the docstring says so.
Backward functions give the gradient of the row's loss; ``units`` is the number over which a row's
mean is taken. Where a distance is kinked, the docstring says which derivative stands there.

Measures that take a whole row at once, and hinges, are in ``margins.py``.
"""

from __future__ import annotations

import numpy as np

from minidl.backend import fused

#: The least that something is divided by, or that a logarithm is taken of, as in Keras.
EPSILON = 1e-7
LOG_2 = 0.6931471805599453


@fused
def absolute_error_forward(y, t):
    """L = |y - t|."""
    return np.abs(y - t)


@fused
def absolute_error_backward(y, t, units):
    """dy = sign(y - t) / units, with sign(0) = 0."""
    return np.sign(y - t) / units


@fused
def percentage_error_forward(y, t):
    """L = 100 |y - t| / max(|t|, ε): a target of 0 counts as ε = 1e-7."""
    return 100 * np.abs((y - t) / np.maximum(np.abs(t), EPSILON))


@fused
def percentage_error_backward(y, t, units):
    """dy = 100 sign(y - t) / max(|t|, ε) / units, with sign(0) = 0."""
    return 100 * np.sign(y - t) / np.maximum(np.abs(t), EPSILON) / units


@fused
def logarithmic_error_forward(y, t):
    """L = (log(1 + y) - log(1 + t))², with ε = 1e-7 in the place of y and t below ε."""
    error = np.log1p(np.maximum(y, EPSILON)) - np.log1p(np.maximum(t, EPSILON))
    return error * error


@fused
def logarithmic_error_backward(y, t, units):
    """dy = 2 (log(1 + y) - log(1 + t)) / (1 + y) / units, and 0 for y <= ε."""
    kept = np.maximum(y, EPSILON)
    error = np.log1p(kept) - np.log1p(np.maximum(t, EPSILON))
    return 2 * error * (y > EPSILON) / (1 + kept) / units


@fused
def huber_forward(y, t, delta):
    """L = e² / 2 for |e| <= δ, else δ (|e| - δ / 2), where e = y - t.

    With k = min(|e|, δ) both are k (|e| - k / 2). Huber, "Robust estimation of a location
    parameter", Ann. Math. Stat. 35 (1964), section 4.
    """
    error = np.abs(y - t)
    kept = np.minimum(error, delta)
    return kept * (error - kept / 2)


@fused
def huber_backward(y, t, delta, units):
    """dy = min(max(y - t, -δ), δ) / units."""
    return np.minimum(np.maximum(y - t, -delta), delta) / units


@fused
def log_cosh_forward(y, t):
    """L = log(cosh(e)) for e = y - t, as |e| + log(1 + exp(-2 |e|)) - log 2, without overflow."""
    error = np.abs(y - t)
    return error + np.log1p(np.exp(-2 * error)) - LOG_2


@fused
def log_cosh_backward(y, t, units):
    """dy = tanh(y - t) / units."""
    return np.tanh(y - t) / units


@fused
def poisson_forward(y, t):
    """L = y - t log(y + ε), the negative log-likelihood of counts t whose mean is y.

    The term log t! is left out, as it does not depend on y. Below -ε there is no logarithm: NaN.
    """
    return y - t * np.log(y + EPSILON)


@fused
def poisson_backward(y, t, units):
    """dy = (1 - t / (y + ε)) / units."""
    return (1 - t / (y + EPSILON)) / units


@fused
def kl_divergence_forward(p, t):
    """L = t log(t / p), p and t kept within [ε, 1]; a row's loss is the sum.

    Kullback & Leibler, "On information and sufficiency", Ann. Math. Stat. 22 (1951), equation 2.4.
    """
    kept = np.minimum(np.maximum(t, EPSILON), 1)
    return kept * np.log(kept / np.minimum(np.maximum(p, EPSILON), 1))


@fused
def kl_divergence_backward(p, t):
    """dp = -t / p, and 0 where p is not within [ε, 1]."""
    inside = (p >= EPSILON) * (p <= 1)
    return -np.minimum(np.maximum(t, EPSILON), 1) * inside / np.maximum(p, EPSILON)

"""Hinges, and the angle between rows: losses of whole rows of predictions and targets.

Backward functions give the gradient of the row's loss. A hinge has its kink where t y = 1. The
derivative there is the one from t y < 1, as in TensorFlow.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import fused, kernel

#: The least norm that a row is divided by, as in Keras.
EPSILON = 1e-7


@kernel
def signs(t: Any, work: Any, others: Any) -> Any:
    """t ← 2 t - 1 if all targets of the batch are 0 or 1, else t as it is.

    Args:
        t: (N, units), overwritten.
        work: (N, units), overwritten.
        others: 0-d, overwritten.
    """
    _neither(t, out=work)
    np.sum(work, out=others)
    np.equal(others, 0, out=others)
    np.equal(t, 0, out=work)
    np.multiply(work, others, out=work)
    return np.subtract(t, work, out=t)


@fused
def _neither(t):
    """1 where t is neither 0 nor 1."""
    return (t != 0) * (t != 1)


@fused
def hinge_forward(y, t):
    """L = max(1 - t y, 0) for targets t of -1 and 1, element by element.

    Rosasco, De Vito, Caponnetto, Piana & Verri, "Are loss functions all the same?", Neural
    Comput. 16 (2004), section 2.
    """
    return np.maximum(1 - t * y, 0)


@fused
def hinge_backward(y, t, units):
    """dy = -t / units where t y <= 1, else 0, for the mean over the units of a row."""
    return -t * (1 - t * y >= 0) / units


@fused
def squared_hinge_forward(y, t):
    """L = max(1 - t y, 0)² for targets t of -1 and 1, element by element."""
    short = np.maximum(1 - t * y, 0)
    return short * short


@fused
def squared_hinge_backward(y, t, units):
    """dy = -2 t max(1 - t y, 0) / units, for the mean over the units of a row."""
    return -2 * t * np.maximum(1 - t * y, 0) / units


@kernel
def categorical_hinge_forward(
    y: Any, t: Any, others: Any, largest: Any, short: Any, out: Any
) -> Any:
    """L = max(1 + max_k (1 - t_k) y_k - Σ_k t_k y_k, 0).

    For a one-hot t: the right class should be ahead of all others, and of 0, by 1. Crammer &
    Singer, "On the algorithmic implementation of multiclass kernel-based vector machines", JMLR 2
    (2001), equation 3, without the comparison with 0.

    Args:
        y, t: (N, K).
        others: (N, K), overwritten with (1 - t) y, which the backward needs.
        largest: (N, 1), overwritten with the largest of each row, which the backward needs.
        short: (N, 1), overwritten with L before the maximum with 0, which the backward needs.
        out: (N, 1), overwritten with the losses.
    """
    np.multiply(t, y, out=others)
    np.sum(others, axis=1, keepdims=True, out=short)
    np.subtract(1, t, out=others)
    np.multiply(others, y, out=others)
    np.max(others, axis=1, keepdims=True, out=largest)
    np.subtract(largest, short, out=short)
    np.add(short, 1, out=short)
    return np.maximum(short, 0, out=out)


@kernel
def categorical_hinge_backward(
    t: Any, others: Any, largest: Any, short: Any, work: Any, row: Any, out: Any
) -> Any:
    """dy_k = (1 - t_k) [k is the largest other] - t_k where the loss is not 0.

    Several that are equally large share the 1.

    Args:
        t: (N, K).
        others, largest, short: of the forward.
        work: (N, K), overwritten.
        row: (N, 1), overwritten.
        out: (N, K), overwritten with dy.
    """
    np.equal(others, largest, out=out)
    np.sum(out, axis=1, keepdims=True, out=row)
    np.divide(out, row, out=out)
    np.subtract(1, t, out=work)
    np.multiply(out, work, out=out)
    np.subtract(out, t, out=out)
    np.greater_equal(short, 0, out=row)
    return np.multiply(out, row, out=out)


@kernel
def unit_rows(x: Any, work: Any, inverse: Any, out: Any) -> Any:
    """out_n = x_n / max(‖x_n‖₂, ε), ε = 1e-7: a row of zeros stays one.

    Squares beyond the type's largest number make the row 0.

    Args:
        x: (N, units).
        work: (N, units), overwritten.
        inverse: (N, 1), overwritten with 1 / max(‖x_n‖₂, ε).
        out: (N, units), overwritten; may be ``x``.
    """
    np.square(x, out=work)
    np.sum(work, axis=1, keepdims=True, out=inverse)
    np.sqrt(inverse, out=inverse)
    np.maximum(inverse, EPSILON, out=inverse)
    np.divide(1, inverse, out=inverse)
    return np.multiply(x, inverse, out=out)


@kernel
def cosine_similarity_forward(y: Any, t: Any, work: Any, cosine: Any, out: Any) -> Any:
    """L = -Σ_k t_k y_k for rows y and t of length 1, made by :func:`unit_rows`.

    Args:
        y, t: (N, units).
        work: (N, units), overwritten.
        cosine: (N, 1), overwritten with Σ_k t_k y_k, which the backward needs.
        out: (N, 1), overwritten with the losses.
    """
    np.multiply(y, t, out=work)
    np.sum(work, axis=1, keepdims=True, out=cosine)
    return np.negative(cosine, out=out)


@kernel
def cosine_similarity_backward(
    y: Any, t: Any, cosine: Any, inverse: Any, row: Any, out: Any
) -> Any:
    """dx = (cos · y - t) / ‖x‖ at the row x that y has been made of; -t / ε where ‖x‖ <= ε.

    Args:
        y, t: (N, units), rows of length 1.
        cosine: (N, 1), of the forward.
        inverse: (N, 1), of :func:`unit_rows` for x.
        row: (N, 1), overwritten.
        out: (N, units), overwritten with dx.
    """
    np.less(inverse, 1 / EPSILON, out=row)
    np.multiply(row, cosine, out=row)
    np.multiply(y, row, out=out)
    np.subtract(out, t, out=out)
    return np.multiply(out, inverse, out=out)

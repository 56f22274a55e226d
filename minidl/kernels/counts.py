"""Counts, and sums with weights: predictions on either side of thresholds, top places.

p are predictions, t targets, w weights, all (N, O); a target other than 0 is a yes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import backend_of, fused, kernel, to_host


@kernel
def count_equal_units(p: Any, t: Any, equal: Any, out: Any) -> Any:
    """out = (1/O) Σ_no [p_no = t_no].

    Args:
        p: (N, O).
        t: (N, O) or (N, 1).
        equal: (N, O), booleans, overwritten.
        out: 0-d, overwritten.
    """
    np.equal(p, t, out=equal)
    np.sum(equal, dtype=out.dtype, out=out)
    return np.divide(out, p.shape[1], out=out)


@kernel
def holds(p: Any, t: Any, equal: Any, out: Any) -> Any:
    """out_n = [one of p_n is t_n].

    Args:
        p: (N, K).
        t: (N, 1).
        equal: (N, K), overwritten.
        out: (N, 1), of p's type.
    """
    np.equal(p, t, out=equal)
    return np.max(equal, axis=1, keepdims=True, out=out)


@kernel
def sum_weighted(x: Any, weights: Any, work: Any, out: Any) -> Any:
    """out = Σ_no w_n x_no, 0-d.

    Args:
        x: (N, O), numbers or booleans.
        weights: (N, 1) or (N, O).
        work: (N, O), overwritten.
        out: 0-d, of the type of work.
    """
    np.multiply(x, weights, out=work)
    return np.sum(work, out=out)


@kernel
def one_by_sum(weights: Any, none: Any, out: Any) -> Any:
    """out = 1 / Σ_n w_n, and 0 where the sum is 0.

    Args:
        weights: (N, 1).
        none: 0-d, overwritten.
        out: 0-d, overwritten.
    """
    np.sum(weights, out=out)
    np.equal(out, 0, out=none)
    np.add(out, none, out=out)
    np.divide(1, out, out=out)
    np.subtract(1, none, out=none)
    return np.multiply(out, none, out=out)


@kernel
def add_columns(total: Any, x: Any, column: Any) -> Any:
    """total_o ← total_o + Σ_n x_no.

    Args:
        total: (O,).
        x: (N, O).
        column: (O,), overwritten with Σ_n x_no.
    """
    np.sum(x, axis=0, out=column)
    return np.add(total, column, out=total)


@fused
def four_cases(p, t, w, threshold):
    """w · [yes] or w · [no], times [p > threshold] or its opposite, which a p of NaN is, too.

    Returns:
        True negatives, false positives, false negatives and true positives, element by element.
    """
    no, yes = w * (np.abs(t) <= 0), w * (np.abs(t) > 0)
    above = p > threshold
    return no - no * above, no * above, yes - yes * above, yes * above


@kernel
def add_buckets(total: Any, p: Any, t: Any, w: Any, thresholds: Any, steps: int, low: int) -> Any:
    """total_cjl ← total_cjl + Σ w over the elements of case c, column l and bucket j.

    Case 1 is yes, case 0 no. The bucket is the number of thresholds below p. Equidistant
    thresholds 0, 1/steps, … 1 are not compared one by one: ⌈p · steps⌉ thresholds are below p.
    Counted on the host, which waits for a device.

    Args:
        total: (2, T + 1, L), float64.
        p, t, w: (N, L), or (N, O) for L = 1.
        thresholds: (T,), of NumPy, ascending; for ``steps`` = 0.
        steps: T - 1 for equidistant thresholds, else 0.
        low: the least bucket of equidistant thresholds.
    """
    _, buckets, labels = total.shape
    p, t, w = map(to_host, (p, t, w))
    p = np.where(np.isnan(p), 0, p)
    if steps:
        bucket = np.maximum(np.ceil(np.clip(p, 0, 1) * steps).astype(np.int64), low)
    else:
        bucket = np.searchsorted(thresholds, p)
    place = ((t != 0) * buckets + bucket) * labels + np.arange(labels)
    found = np.bincount(place.ravel(), weights=w.ravel(), minlength=total.size)
    total += backend_of(total).to_device(found.reshape(total.shape))
    return total


@kernel
def keep_top(p: Any, k: int, out: Any) -> Any:
    """out_no = p_no where p_no is one of the k largest of its row, else -10¹⁰.

    Among equal elements the first come first. Sorted on the host, which waits for a device.
    """
    p = to_host(p)
    kept = np.argsort(-p, axis=1, kind="stable")[:, :k]
    top = np.full_like(p, -1e10)
    np.put_along_axis(top, kept, np.take_along_axis(p, kept, axis=1), axis=1)
    out[...] = backend_of(out).to_device(top)
    return out


@kernel
def in_top(p: Any, t: Any, k: int, work: Any, row: Any, out: Any) -> Any:
    """out_n = [fewer than k of p_n are larger than p_n at the right class], 0 where p is NaN.

    Args:
        p: (N, K).
        t: (N, K), rows with one 1.
        k: at most K.
        work: (N, K), overwritten.
        row: (N, 1), overwritten.
        out: (N, 1), of p's type.
    """
    np.multiply(p, t, out=work)
    np.sum(work, axis=1, keepdims=True, out=row)
    np.less_equal(p, row, out=work)
    np.sum(work, axis=1, keepdims=True, out=row)
    return np.greater(row, p.shape[1] - k, out=out)


@kernel
def say_yes(p: Any, threshold: float | None, row: Any, work: Any, out: Any) -> Any:
    """out_no = [p_no > threshold]; without a threshold [p_no is its row's largest and not 0].

    Args:
        p: (N, O).
        row: (N, 1), overwritten.
        work: (N, O), overwritten.
        out: (N, O), of p's type.
    """
    if threshold is not None:
        return np.greater(p, threshold, out=out)
    np.max(p, axis=1, keepdims=True, out=row)
    np.greater_equal(p, row, out=out)
    np.abs(p, out=work)
    np.greater(work, 1e-9, out=work)
    return np.multiply(out, work, out=out)


@fused
def agreement(yes, t, w):
    """w · yes · t, w · yes (1 - t), w (1 - yes) t and w · t, for ``yes`` of 0 and 1."""
    return w * yes * t, w * yes * (1 - t), w * (1 - yes) * t, w * t


@fused
def moments(p, t, w):
    """w · t, w · t², and w (t - p)²: the sums of R²."""
    return w * t, w * t * t, w * (t - p) * (t - p)

"""Means over a batch and over an epoch, and counts of right predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.backend import kernel


@kernel
def clear(out: Any) -> Any:
    """out = 0."""
    out[...] = 0
    return out


@kernel
def convert(x: Any, out: Any) -> Any:
    """out = x, in the type of out."""
    np.copyto(out, x, casting="unsafe")
    return out


@kernel
def weigh(values: Any, weights: Any, out: Any) -> Any:
    """out = values · weights, for (N, O) or (N, 1) values and (N, 1) weights."""
    return np.multiply(values, weights, out=out)


@kernel
def mean_of_units(values: Any, out: Any) -> Any:
    """out_n = (1/O) Σ_o values_no, for (N, O) and (N, 1)."""
    np.sum(values, axis=1, keepdims=True, out=out)
    return np.divide(out, values.shape[1], out=out)


@kernel
def sum_of_units(values: Any, out: Any) -> Any:
    """out_n = Σ_o values_no, for (N, O) and (N, 1)."""
    return np.sum(values, axis=1, keepdims=True, out=out)


@kernel
def mean_of_all(values: Any, out: Any) -> Any:
    """out = (1/N) Σ_n values_n, for (N, 1) and 0-d."""
    np.sum(values, out=out)
    return np.divide(out, len(values), out=out)


@kernel
def scale(values: Any, factor: float, out: Any) -> Any:
    """out = values · factor."""
    return np.multiply(values, factor, out=out)


@kernel
def add(a: Any, b: Any, out: Any) -> Any:
    """out = a + b."""
    return np.add(a, b, out=out)


@kernel
def add_sum(values: Any, term: Any, out: Any) -> Any:
    """out ← out + Σ values; the sum itself in ``term``, 0-d."""
    np.sum(values, out=term)
    return np.add(out, term, out=out)


@kernel
def right_rows(predictions: Any, true: Any, predicted: Any, right: Any, out: Any) -> Any:
    """How many rows are largest where they should be.

    Args:
        predictions: (N, K).
        true: (N,), integers.
        predicted: (N,), int64, overwritten with the places of the largest.
        right: (N,), booleans, overwritten.
        out: 0-d, overwritten with the number.
    """
    np.argmax(predictions, axis=1, out=predicted)
    np.equal(predicted, true, out=right)
    return np.sum(right, dtype=out.dtype, out=out)


@kernel
def largest_places(y: Any, out: Any) -> Any:
    """out_n = argmax_k y_nk, for (N, K) and (N,)."""
    return np.argmax(y, axis=1, out=out)


@kernel
def right_units(predictions: Any, y: Any, threshold: float, right: Any, out: Any) -> Any:
    """How many units are on the right side of a threshold, over their number in a row.

    Args:
        predictions, y: (N, O).
        threshold: what predictions that mean 1 are above.
        right: (N, O), booleans, overwritten.
        out: 0-d, overwritten.
    """
    np.greater(predictions, threshold, out=right)
    np.equal(right, y, out=right)
    np.sum(right, dtype=out.dtype, out=out)
    return np.divide(out, predictions.shape[1], out=out)

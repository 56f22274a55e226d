"""Metrics as functions of arrays: a value for each row, or for each element."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels import counts

# Keras lists these functions among its metrics too.
from minidl.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)

__all__ = [
    "binary_accuracy",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 for each row whose largest output has the index in y_true, else 0."""
    chosen = np.argmax(y_pred, axis=-1)
    return (chosen == _numbers("sparse_categorical_accuracy", y_true, y_pred)).astype(np.float32)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 for each row whose largest output has the index of the largest y_true, else 0."""
    largest = _largest("categorical_accuracy", y_true, y_pred)
    return (np.argmax(y_pred, axis=-1) == largest).astype(np.float32)


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """Share of each row's units on the right side of a threshold.

    Keras leaves the mean over the units to the reader.
    """
    y_pred = np.asarray(y_pred)
    return np.mean((y_pred > threshold) == np.reshape(y_true, y_pred.shape), axis=-1)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """1 for each row of (N, K) in which fewer than k outputs exceed the right one, else 0."""
    largest = _largest("top_k_categorical_accuracy", y_true, y_pred)
    return sparse_top_k_categorical_accuracy(largest, y_pred, k)


def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Any:
    """1 for each row in which fewer than k outputs exceed that of the class number, else 0.

    Args:
        y_true: class numbers (...).
        y_pred: (..., K); with ``from_sorted_ids`` class numbers, the likeliest first.
        k: default 5.
        from_sorted_ids: default False.
    """
    numbers = _numbers("sparse_top_k_categorical_accuracy", y_true, y_pred)
    p = np.asarray(y_pred)
    p = p.reshape(-1, p.shape[-1])
    p = p if p.dtype.kind == "f" else p.astype(np.float64)
    labels = np.reshape(numbers, (-1, 1))
    work, row, inside = np.empty_like(p), np.empty_like(p[:, :1]), np.empty_like(p[:, :1])
    if from_sorted_ids:
        counts.holds(p[:, :k], labels, work[:, :k], inside)
    else:
        t = (labels == np.arange(p.shape[1])).astype(p.dtype)
        counts.in_top(p, t, min(k, p.shape[1]), work, row, inside)
    return inside.reshape(np.shape(numbers))


def _numbers(name: str, y_true: Any, y_pred: Any) -> Any:
    """Class numbers, one for each row of the predictions."""
    rows, given = np.shape(y_pred)[:-1], np.shape(y_true)
    if given not in (rows, (*rows, 1)):
        raise ValueError(
            f"{name}: expected class numbers of shape {rows}, one for each row of y_pred, "
            f"received {given}"
        )
    return np.reshape(y_true, rows)


def _largest(name: str, y_true: Any, y_pred: Any) -> Any:
    """The index of the largest target of each row."""
    if np.shape(y_true) != np.shape(y_pred) or not np.shape(y_true):
        raise ValueError(
            f"{name}: expected y_true of the shape of y_pred, {np.shape(y_pred)}, received "
            f"{np.shape(y_true)}"
        )
    return np.argmax(y_true, axis=-1)

"""Metrics as functions of arrays: a value for each row."""

from __future__ import annotations

from typing import Any

import numpy as np

# Keras lists these functions among its metrics too.
from minidl.losses import (
    binary_crossentropy,
    categorical_crossentropy,
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
    "categorical_accuracy",
    "categorical_crossentropy",
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
    "squared_hinge",
]


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 for each row whose largest output has the index in y_true, else 0."""
    return (np.argmax(y_pred, axis=-1) == np.reshape(y_true, -1)).astype(np.float32)


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """1 for each row whose largest output has the index of the largest y_true, else 0."""
    return (np.argmax(y_pred, axis=-1) == np.argmax(y_true, axis=-1)).astype(np.float32)


def binary_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Share of each row's units on the right side of 0.5."""
    y_pred = np.asarray(y_pred)
    return np.mean((y_pred > 0.5) == np.reshape(y_true, y_pred.shape), axis=-1)

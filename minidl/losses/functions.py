"""Losses as functions of arrays: a value for each row."""

from __future__ import annotations

from typing import Any

from minidl.losses.arrays import evaluate
from minidl.losses.crossentropies import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from minidl.losses.distances import MeanSquaredError


def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: None = None, axis: int = -1
) -> Any:
    """-log p_y for each row: (N,) class numbers and (N, K) probabilities give (N,)."""
    loss = SparseCategoricalCrossentropy(from_logits, ignore_class, axis)
    return evaluate(loss, y_true, y_pred)


def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """-Σ_k t_k log p_k for each row: (N, K) targets and probabilities give (N,)."""
    return evaluate(CategoricalCrossentropy(from_logits, label_smoothing, axis), y_true, y_pred)


def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Mean over the units of -t log p - (1 - t) log(1 - p): (N, O) give (N,)."""
    return evaluate(BinaryCrossentropy(from_logits, label_smoothing, axis), y_true, y_pred)


def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the units of (y - t)²: (N, O) give (N,), two vectors one number."""
    return evaluate(MeanSquaredError(), y_true, y_pred)

"""Losses as functions of arrays: a value for each row, (N,).

Arrays are (N, units); two vectors give one number.
"""

from __future__ import annotations

from typing import Any

from minidl.losses.arrays import evaluate
from minidl.losses.crossentropies import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)
from minidl.losses.distances import (
    CosineSimilarity,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
)
from minidl.losses.focal import BinaryFocalCrossentropy, CategoricalFocalCrossentropy
from minidl.losses.hinges import CategoricalHinge, Hinge, SquaredHinge


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


def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the units of |y - t|."""
    return evaluate(MeanAbsoluteError(), y_true, y_pred)


def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the units of 100 |y - t| / max(|t|, 1e-7)."""
    return evaluate(MeanAbsolutePercentageError(), y_true, y_pred)


def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """Mean over the units of (log(1 + y) - log(1 + t))²."""
    return evaluate(MeanSquaredLogarithmicError(), y_true, y_pred)


def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Mean over the units of e² / 2, or of delta (|e| - delta / 2) where |e| = |y - t| > delta."""
    return evaluate(Huber(delta), y_true, y_pred)


def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """Mean over the units of log(cosh(y - t))."""
    return evaluate(LogCosh(), y_true, y_pred)


def poisson(y_true: Any, y_pred: Any) -> Any:
    """Mean over the units of y - t log(y + 1e-7)."""
    return evaluate(Poisson(), y_true, y_pred)


def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Σ_k t_k log(t_k / p_k), both kept within [1e-7, 1]."""
    return evaluate(KLDivergence(), y_true, y_pred)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Minus the cosine of the angle between two rows: -1 for one direction."""
    return evaluate(CosineSimilarity(axis), y_true, y_pred)


def hinge(y_true: Any, y_pred: Any) -> Any:
    """Mean over the units of max(1 - t y, 0), for targets -1 and 1, or 0 and 1."""
    return evaluate(Hinge(), y_true, y_pred)


def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Mean over the units of max(1 - t y, 0)², for targets -1 and 1, or 0 and 1."""
    return evaluate(SquaredHinge(), y_true, y_pred)


def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """max(1 + max_k (1 - t_k) y_k - Σ_k t_k y_k, 0)."""
    return evaluate(CategoricalHinge(), y_true, y_pred)


def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Mean over the units of w q^γ (-t log p - (1 - t) log(1 - p)), q = t (1 - p) + (1 - t) p."""
    loss = BinaryFocalCrossentropy(
        apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis
    )
    return evaluate(loss, y_true, y_pred)


def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """-α Σ_k (1 - p_k)^γ t_k log p_k."""
    loss = CategoricalFocalCrossentropy(alpha, gamma, from_logits, label_smoothing, axis)
    return evaluate(loss, y_true, y_pred)

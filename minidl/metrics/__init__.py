"""Metrics: objects that hold running means, and functions of arrays."""

from minidl.metrics.base import Mean, Metric
from minidl.metrics.functions import (
    binary_accuracy,
    binary_crossentropy,
    categorical_accuracy,
    categorical_crossentropy,
    mean_squared_error,
    sparse_categorical_accuracy,
    sparse_categorical_crossentropy,
)
from minidl.metrics.names import get
from minidl.metrics.objects import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    LossMetric,
    SparseCategoricalAccuracy,
)

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "LossMetric",
    "Mean",
    "Metric",
    "SparseCategoricalAccuracy",
    "binary_accuracy",
    "binary_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "get",
    "mean_squared_error",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
]

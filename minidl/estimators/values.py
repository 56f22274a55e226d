"""The common part of regressors: values as targets of a network, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from minidl.estimators.base import DTYPES, SPARSE, NetworkEstimator


class ValueEstimator(RegressorMixin, NetworkEstimator):  # type: ignore[misc]
    """A regressor with one or several values for each row."""

    def predict(self, X: Any) -> np.ndarray:
        """The value of each row, (N,), or the values of each row, (N, outputs).

        Args:
            X: (N, features), an array or a sparse matrix.

        Raises:
            NotFittedError: before ``fit``.
        """
        check_is_fitted(self)
        return self._decoded(self._outputs(X))

    def _decoded(self, outputs: np.ndarray) -> np.ndarray:
        return outputs[:, 0] if outputs.shape[1] == 1 else outputs

    def _score_of(self, y: np.ndarray, outputs: np.ndarray, weight: Any) -> float:
        """R² of outputs for targets ``y``; NaN if an output is NaN or infinite."""
        if not np.isfinite(outputs).all():
            return float("nan")
        return float(r2_score(y, outputs, sample_weight=weight))

    def _targets(self, X: Any, y: Any, first: bool, incremental: bool) -> tuple[Any, np.ndarray]:
        X, y = validate_data(
            self, X, y, accept_sparse=SPARSE, multi_output=True, y_numeric=True, dtype=DTYPES,
            reset=first,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y.reshape(len(y), -1)

    def _held_out(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        return self._targets(X, y, False, False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

"""The common part of classifiers: labels as targets of a network, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from minidl.estimators.base import DTYPES, SPARSE, NetworkEstimator


class LabelEstimator(ClassifierMixin, NetworkEstimator):  # type: ignore[misc]
    """A classifier for classes of any type, or for rows with several labels.

    Targets are one column for two classes, else a column for each class or label.

    Attributes:
        classes_: the classes, sorted; for rows with several labels, the numbers of the labels.
    """

    classes_: np.ndarray
    _label_binarizer: LabelBinarizer

    def predict(self, X: Any) -> np.ndarray:
        """The class of each row, (N,), or the labels of each row, (N, labels).

        Args:
            X: (N, features), an array or a sparse matrix.

        Raises:
            NotFittedError: before ``fit``.
        """
        check_is_fitted(self)
        return self._decoded(self._outputs(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, (N, classes), in the order of ``classes_``.

        If each class has a sigmoid unit, each row is divided by its sum.

        Args:
            X: (N, features), an array or a sparse matrix.

        Raises:
            NotFittedError: before ``fit``.
        """
        check_is_fitted(self)
        outputs = self._outputs(X)
        if outputs.shape[1] == 1:
            return np.hstack([1 - outputs, outputs])
        several = self._label_binarizer.y_type_.startswith("multilabel")
        if self.network_.output_activation == "sigmoid" and not several:
            total = outputs.sum(axis=1, keepdims=True)
            np.divide(outputs, total, out=outputs, where=total > 0)
        return outputs

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """The logarithm of :meth:`predict_proba`."""
        probabilities = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            logarithms: np.ndarray = np.log(probabilities, out=probabilities)
        return logarithms

    def _decoded(self, outputs: np.ndarray) -> np.ndarray:
        """Labels for outputs."""
        labels: np.ndarray
        if self._label_binarizer.y_type_.startswith("multilabel"):
            labels = self._label_binarizer.inverse_transform(outputs, threshold=0.5)
            return labels
        numbers = outputs.argmax(axis=1) if outputs.shape[1] > 1 else (outputs[:, 0] > 0.5) * 1
        # A single class has the outputs of two classes.
        numbers = np.minimum(numbers, len(self.classes_) - 1)
        labels = self.classes_[numbers]
        return labels

    def _score_of(self, y: np.ndarray, outputs: np.ndarray, weight: Any) -> float:
        """The accuracy of outputs for targets ``y``; NaN if an output is NaN or infinite."""
        if not np.isfinite(outputs).all():
            return float("nan")
        return float(accuracy_score(self._decoded(y), self._decoded(outputs), sample_weight=weight))

    def _first_classes(self, y: Any, classes: Any) -> None:
        """Take the classes of all calls of ``partial_fit``, at the first call."""
        if _check_partial_fit_first_call(self, classes):
            several = type_of_target(y).startswith("multilabel")
            self._label_binarizer = LabelBinarizer().fit(y if several else classes)

    def _targets(self, X: Any, y: Any, first: bool, incremental: bool) -> tuple[Any, np.ndarray]:
        X, y = self._checked(X, y, first)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
            if y.ndim == 1 and len(self.classes_) > 1:  # directly, without a sparse matrix
                # For two classes, only the second has a column.
                return X, y[:, None] == self.classes_[len(self.classes_) == 2 :]
        else:
            self._compare(y)
        return X, self._label_binarizer.transform(y).astype(bool)

    def _compare(self, y: Any) -> None:
        """Raise if ``y`` has other classes than the training to continue."""
        if y.ndim == 1 and self._label_binarizer.y_type_.startswith("multilabel"):
            raise ValueError(
                f"y: expected {len(self.classes_)} labels of 0 and 1 for each row, as in the "
                "training that goes on, received one class for each"
            )
        found = unique_labels(y)
        if self.warm_start and set(found) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {found}"
            )
        if len(np.setdiff1d(found, self.classes_, assume_unique=True)):
            raise ValueError(
                f"y: expected classes of `classes_`, {self.classes_}, received {found}"
            )

    def _held_out(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        X, y = self._checked(X, y, False)
        self._compare_subset(y)
        return X, self._label_binarizer.transform(y).astype(bool)

    def _compare_subset(self, y: Any) -> None:
        unknown = np.setdiff1d(unique_labels(y), self.classes_, assume_unique=True)
        if len(unknown):
            raise ValueError(f"eval_set: expected classes that are trained on, received {unknown}")

    def _checked(self, X: Any, y: Any, first: bool) -> tuple[Any, Any]:
        X, y = validate_data(
            self, X, y, accept_sparse=SPARSE, multi_output=True, dtype=DTYPES, reset=first
        )
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _weights(self, X: Any, y: Any, sample_weight: Any) -> np.ndarray | None:
        weight = super()._weights(X, y, sample_weight)
        if self.class_weight is None:
            return weight
        by_class: np.ndarray = compute_sample_weight(self.class_weight, y)
        return by_class if weight is None else weight * by_class

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

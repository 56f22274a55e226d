"""Estimators around any network of your own."""

from __future__ import annotations

import copy
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from minidl import layers, losses, optimizers
from minidl.callbacks import Callback
from minidl.estimators.base import BY_WEIGHT, NetworkEstimator, Rows
from minidl.estimators.labels import LabelEstimator
from minidl.estimators.perceptron import BATCH
from minidl.estimators.values import ValueEstimator
from minidl.losses import Loss
from minidl.model.arguments import listeners
from minidl.model.sequential import Sequential
from minidl.models import clone_model
from minidl.optimizers import Optimizer

_count = Interval(Integral, 1, None, closed="left")


class BuiltEstimator(NetworkEstimator):
    """Base of :class:`NetworkClassifier` and :class:`NetworkRegressor`."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "build": [callable],
        "optimizer": [str, Optimizer],
        "loss": [str, Loss, callable, None],
        "metrics": [list, tuple, str, None],
        "epochs": [_count],
        "batch_size": [StrOptions({"auto"}), _count],
        "shuffle": ["boolean"],
        "callbacks": [list, tuple, Callback, None],
        "random_state": ["random_state"],
        "verbose": [Integral, "boolean"],
        "warm_start": ["boolean"],
        "backend": [StrOptions({"numpy", "cupy"}), None],
    }

    build: Any
    optimizer: Any
    loss: Any
    metrics: Any
    epochs: int
    batch_size: Any
    shuffle: bool
    callbacks: Any
    verbose: int

    def _default_loss(self) -> Any:
        """The loss for ``loss=None``."""
        raise NotImplementedError(f"{type(self).__name__} must define _default_loss")

    def _columns(self) -> int:
        """Number of outputs that a network should have."""
        return self.n_outputs_

    def _fitting(self, y: np.ndarray, loss: Loss) -> np.ndarray:
        """Targets in the form for the network's outputs and the loss."""
        return y

    def _network(self, features: int, dtype: Any, random: Any) -> Sequential:
        wanted, given = self._columns(), self.build
        network = clone_model(given) if isinstance(given, Sequential) else given(features, wanted)
        if not isinstance(network, Sequential):
            raise TypeError(
                "build: expected a function of (features, outputs) that returns a "
                f"minidl.Sequential, received one that returned {type(network).__name__}"
            )
        network.seed = self._seed(random)
        network.build((features,))
        if network.output_row not in ((wanted,), (self.n_outputs_,)):
            raise ValueError(
                f"build: expected a network of {wanted} outputs for each row, received one of the "
                f"shape {network.output_row}"
            )
        return self._ended(network)

    def _ended(self, network: Sequential) -> Sequential:
        """The network with the last activation that the targets need."""
        return network

    def _train(self, rows: Rows, held_out: Rows | None, incremental: bool, random: Any) -> None:
        network = self.network_
        network._looked = network._continued = True  # no notes of fit, which name other interfaces
        if not incremental or network.optimizer is None:
            loss = self._default_loss() if self.loss is None else copy.deepcopy(self.loss)
            chosen = copy.deepcopy(optimizers.get(self.optimizer))
            network.compile(chosen, loss, metrics=copy.deepcopy(self.metrics))
        count = rows.x.shape[0]
        size = min(BATCH, count) if isinstance(self.batch_size, str) else self.batch_size
        self.callbacks_ = copy.deepcopy(listeners(self.callbacks))
        train, shown = self._suited(rows), None if held_out is None else self._suited(held_out)
        history = network.fit(
            train.x, train.y, size, 1 if incremental else self.epochs, int(self.verbose),
            self.callbacks_, 0.0, shown, self.shuffle, None, train.weight,
        )  # fmt: skip
        self.history_.extend(history)
        for callback in self.callbacks_:
            callback.model = None

    def _suited(self, rows: Rows) -> Rows:
        return rows._replace(y=self._fitting(rows.y, self.network_._loss))


class NetworkClassifier(LabelEstimator, BuiltEstimator):
    """A classifier around any network.

    Args:
        build: function of (features, outputs) that returns a :class:`minidl.Sequential`; outputs is
            the number of classes, or of labels for rows with several labels. A network without
            "softmax" or "sigmoid" at the end gets the activation that the targets need. A built
            network keeps its weights. Or a Sequential, of which each training takes a copy with
            new weights.
        optimizer: a name or an object of :mod:`minidl.optimizers`, default "adam"; each training
            takes a copy.
        loss: a name or an object of :mod:`minidl.losses`; default None, the cross-entropy of the
            last activation, with the mean over the sum of the rows' weights.
        metrics: names or objects of :mod:`minidl.metrics`, for ``history_``; default None.
        epochs: number of epochs, default 100.
        batch_size: rows in a step; "auto", the default, is 200, or all rows if there are fewer.
        shuffle: whether rows come in a new order each epoch, default True.
        class_weight: class -> weight, or "balanced"; default None, weight 1 for all.
        callbacks: one or more of :mod:`minidl.callbacks`, of which each training takes copies,
            ``callbacks_``.
        random_state: for weights, order and masks; default None.
        verbose: 0, the default; 1 for a bar for each epoch; 2 for a line.
        warm_start: whether ``fit`` continues from the weights of the last ``fit``, default False.
        backend: "numpy" or "cupy"; default None, the backend in use.

    :class:`LabelEstimator` lists the attributes.

    Raises:
        InvalidParameterError: in ``fit``, an argument has the wrong type or is out of range.
        TypeError, ValueError: in ``fit``, the network does not fit the rows.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BuiltEstimator._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
        build: Any,
        *,
        optimizer: Any = "adam",
        loss: Any = None,
        metrics: Any = None,
        epochs: int = 100,
        batch_size: Any = "auto",
        shuffle: bool = True,
        class_weight: Any = None,
        callbacks: Any = None,
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
        backend: str | None = None,
    ) -> None:
        self._set(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, eval_set: Any = None) -> Any:
        """Train on rows and their classes, from new weights unless ``warm_start``.

        Args:
            X: (N, features), an array, a table or a sparse matrix.
            y: (N,) classes of any type; or (N, labels) of 0 and 1.
            sample_weight: (N,), default None for weight 1 in each row.
            eval_set: (X, y) or (X, y, sample_weight), evaluated after each epoch: the values
                "val_…" of ``history_``, which callbacks may watch.

        Returns:
            The estimator.
        """
        return self._fit(X, y, sample_weight, eval_set)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Any:
        """Train one more epoch.

        Args:
            X, y, sample_weight: as for :meth:`fit`.
            classes: all classes; required in the first call alone.

        Returns:
            The estimator.
        """
        self._first_classes(y, classes)
        return self._fit(X, y, sample_weight, incremental=True)

    def _columns(self) -> int:
        return 2 if self._label_binarizer.y_type_ == "binary" else self.n_outputs_

    def _ended(self, network: Sequential) -> Sequential:
        if network.output_activation == "softmax" and network.output_row == (1,):
            raise ValueError(
                "build: expected a sigmoid, or two outputs, received a softmax over one, always 1"
            )
        if network.output_activation in ("softmax", "sigmoid"):
            return network
        labels = self._label_binarizer.y_type_.startswith("multilabel")
        last = "sigmoid" if labels or network.output_row == (1,) else "softmax"
        row: list[Any] = [network, layers.Activation(last)]
        ended = Sequential(row, dtype=network.dtype)
        ended.seed = network.seed
        ended.build(network.input_row)
        return ended

    def _default_loss(self) -> Any:
        softmax = self.network_.output_activation == "softmax"
        kind = losses.CategoricalCrossentropy if softmax else losses.BinaryCrossentropy
        return kind(reduction=BY_WEIGHT)

    def _fitting(self, y: np.ndarray, loss: Loss) -> np.ndarray:
        if y.shape[1] == 1 and self.network_.output_row == (2,):
            y = np.hstack([~y, y])
        integers = loss.labels == "integers"
        if integers and self._label_binarizer.y_type_.startswith("multilabel"):
            raise ValueError(
                f"loss: expected one that takes several labels of a row, received {loss}"
            )
        return y.argmax(axis=1) if integers else y


class NetworkRegressor(ValueEstimator, BuiltEstimator):
    """A regressor around any network.

    Args:
        build: function of (features, outputs) that returns a :class:`minidl.Sequential`, or a
            Sequential, of which each training takes a copy with new weights.
        loss: a name or an object of :mod:`minidl.losses`; default None, the mean squared error over
            the sum of the rows' weights.
        optimizer, metrics, epochs, batch_size, shuffle, callbacks, random_state, verbose,
            warm_start, backend: as for :class:`NetworkClassifier`.

    :class:`NetworkEstimator` lists the attributes.

    Raises:
        InvalidParameterError: in ``fit``, an argument has the wrong type or is out of range.
        TypeError, ValueError: in ``fit``, the network does not fit the rows.
    """

    def __init__(
        self,
        build: Any,
        *,
        optimizer: Any = "adam",
        loss: Any = None,
        metrics: Any = None,
        epochs: int = 100,
        batch_size: Any = "auto",
        shuffle: bool = True,
        callbacks: Any = None,
        random_state: Any = None,
        verbose: int = 0,
        warm_start: bool = False,
        backend: str | None = None,
    ) -> None:
        self._set(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, eval_set: Any = None) -> Any:
        """Train on rows and their values, from new weights unless ``warm_start``.

        Args:
            X: (N, features), an array, a table or a sparse matrix.
            y: (N,) or (N, outputs).
            sample_weight: (N,), default None for weight 1 in each row.
            eval_set: (X, y) or (X, y, sample_weight), as for :class:`NetworkClassifier`.

        Returns:
            The estimator.
        """
        return self._fit(X, y, sample_weight, eval_set)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train one more epoch, with the arguments of :meth:`fit`."""
        return self._fit(X, y, sample_weight, incremental=True)

    def _default_loss(self) -> Any:
        return losses.MeanSquaredError(reduction=BY_WEIGHT)

"""The two estimators with the arguments of scikit-learn's perceptrons."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from scipy.special import xlogy
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from minidl import losses
from minidl.estimators.base import BY_WEIGHT, Rows
from minidl.estimators.labels import LabelEstimator
from minidl.estimators.perceptron import Perceptron
from minidl.estimators.values import ValueEstimator


class MLPClassifier(LabelEstimator, Perceptron):
    """Multi-layer perceptron for classes, an extended ``sklearn.neural_network.MLPClassifier``.

    The network ends in a softmax; for two classes, and for rows with several labels, in the
    logistic function. Each step minimizes the cross-entropy of a batch,

        (1/Σ w) (Σ_n w_n L_n + alpha/2 Σ W² + l1 Σ |W|)

    with the weights w of the rows.

    Args:
        hidden_layer_sizes: units of each hidden layer; default (100,).
        activation: activation of the hidden layers: "identity", "logistic", "tanh" or "relu", the
            default.
        solver: "adam", the default; "sgd"; "lbfgs", on all rows at each step; or an optimizer of
            :mod:`minidl.optimizers`, of which each training takes a copy.
        alpha: >= 0, strength of the L2 penalty, default 0.0001.
        batch_size: rows in a step; "auto", the default, is 200, or all rows if there are fewer.
        learning_rate: "constant", the default; for "sgd" also "invscaling", learning_rate_init
            / t^power_t after t rows, or "adaptive", a fifth each time training stalls. For "sgd"
            and "adam" also a schedule of :mod:`minidl.optimizers.schedules`.
        learning_rate_init: > 0, default 0.001.
        power_t: >= 0, default 0.5.
        max_iter: the largest number of epochs, or of iterations of "lbfgs"; default 200.
        shuffle: whether rows come in a new order each epoch, default True.
        random_state: for weights, order, masks and the split for early stopping; default None.
        tol: the least improvement that counts, >= 0, default 0.0001.
        verbose: whether each epoch is printed, default False.
        warm_start: whether ``fit`` continues from the weights of the last ``fit``, default False.
        momentum: for "sgd", in [0, 1], default 0.9.
        nesterovs_momentum: whether the momentum is Nesterov's, default True.
        early_stopping: whether the score of held-out rows ends training, default False. Training
            then returns to the weights of the best score.
        validation_fraction: share of rows held out for early stopping, in [0, 1), default 0.1.
        beta_1, beta_2, epsilon: for "adam", default 0.9, 0.999 and 1e-8.
        n_iter_no_change: training ends after more than this number of epochs without an
            improvement of tol; default 10.
        max_fun: the largest number of passes of "lbfgs", default 15000.
        dropout: share of the units of each hidden layer that a step leaves out, in [0, 1),
            default 0. Not for "lbfgs".
        batch_normalization: whether hidden layers are normalized over the batch before the
            activation, default False.
        l1: >= 0, strength of the L1 penalty, default 0.
        class_weight: class -> weight, or "balanced"; default None, weight 1 for all.
        callbacks: one or more of :mod:`minidl.callbacks`, of which each training takes copies,
            ``callbacks_``; not for "lbfgs".
        backend: "numpy" or "cupy"; default None, the backend in use.

    :class:`Perceptron` and :class:`LabelEstimator` list the attributes.

    Raises:
        InvalidParameterError: in ``fit``, an argument has the wrong type or is out of range.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Perceptron._parameter_constraints,
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }
    #: scikit-learn's name; also an attribute in scikit-learn.
    loss = "log_loss"

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: float = 0.0,
        batch_normalization: bool = False,
        l1: float = 0.0,
        class_weight: Any = None,
        callbacks: Any = None,
        backend: str | None = None,
    ) -> None:
        self._set(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, eval_set: Any = None) -> Any:
        """Train on rows and their classes, from new weights unless ``warm_start``.

        Args:
            X: (N, features), an array, a table or a sparse matrix; float32 and float64 are kept.
            y: (N,) classes of any type; or (N, labels) of 0 and 1, the labels of each row.
            sample_weight: (N,), default None for weight 1 in each row.
            eval_set: (X, y) or (X, y, sample_weight) for curves: ``validation_scores_``, and
                "val_loss" in ``history_``. With ``early_stopping`` the rows decide when training
                ends. A list of one such tuple is allowed.

        Returns:
            The estimator.

        Raises:
            ValueError: the arrays do not fit, or the final weights are NaN or infinite.
        """
        return self._fit(X, y, sample_weight, eval_set)

    @available_if(lambda estimator: estimator._has_steps())  # type: ignore[untyped-decorator]
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

    def _output(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _aim(self) -> tuple[Any, float]:
        if self._output() == "softmax":
            loss = losses.CategoricalCrossentropy(reduction=BY_WEIGHT)
            loss.any_sum = False  # each row has one class
            return loss, 1.0
        return losses.BinaryCrossentropy(reduction=BY_WEIGHT), float(self.n_outputs_)


class MLPRegressor(ValueEstimator, Perceptron):
    """Multi-layer perceptron for values, an extended ``sklearn.neural_network.MLPRegressor``.

    Each step minimizes, with the weights w of the rows in a batch,

        (1/Σ w) (Σ_n w_n L_n + alpha/2 Σ W² + l1 Σ |W|).

    L_n is half the squared error, Σ_k (y_k - t_k)² / 2. For "poisson", L_n is half the deviance
    without a constant: Σ_k (y_k - t_k log y_k), with y = exp(logits). ``loss_curve_`` has the mean
    of the squared error over the outputs k, as in scikit-learn, and not the sum.

    Args:
        loss: "squared_error", the default, or "poisson" for targets >= 0.
        hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate,
            learning_rate_init, power_t, max_iter, shuffle, random_state, tol, verbose,
            warm_start: as for :class:`MLPClassifier`.
        momentum, nesterovs_momentum, early_stopping, validation_fraction, beta_1, beta_2, epsilon,
            n_iter_no_change, max_fun, dropout, batch_normalization, l1, callbacks, backend: as for
            :class:`MLPClassifier`; the score is R².

    :class:`Perceptron` lists the attributes.

    Raises:
        InvalidParameterError: in ``fit``, an argument has the wrong type or is out of range.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Perceptron._parameter_constraints,
        "loss": [StrOptions({"squared_error", "poisson"})],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: Any = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: Any = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dropout: float = 0.0,
        batch_normalization: bool = False,
        l1: float = 0.0,
        callbacks: Any = None,
        backend: str | None = None,
    ) -> None:
        self._set(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, eval_set: Any = None) -> Any:
        """Train on rows and their values, from new weights unless ``warm_start``.

        Args:
            X: (N, features), an array, a table or a sparse matrix; float32 and float64 are kept.
            y: (N,) or (N, outputs).
            sample_weight: (N,), default None for weight 1 in each row.
            eval_set: (X, y) or (X, y, sample_weight) for curves, as for :class:`MLPClassifier`.

        Returns:
            The estimator.

        Raises:
            ValueError: the arrays do not fit, or the final weights are NaN or infinite.
        """
        return self._fit(X, y, sample_weight, eval_set)

    @available_if(lambda estimator: estimator._has_steps())  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Train one more epoch, with the arguments of :meth:`fit`."""
        return self._fit(X, y, sample_weight, incremental=True)

    def _output(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _aim(self) -> tuple[Any, float]:
        if self.loss == "poisson":
            return losses.Poisson(reduction=BY_WEIGHT), float(self.n_outputs_)
        return losses.MeanSquaredError(reduction=BY_WEIGHT), self.n_outputs_ / 2

    def _train(self, rows: Rows, held_out: Rows | None, incremental: bool, random: Any) -> None:
        if self.loss == "poisson" and (rows.y < 0).any():
            raise ValueError(f"y: expected values >= 0 for loss='poisson', received {rows.y.min()}")
        super()._train(rows, held_out, incremental, random)

    def _prepare(self, rows: Rows, steps: int) -> None:
        super()._prepare(rows, steps)
        t = rows.y
        self._constant = 0.0  # the constant of the deviance, which no step needs
        if self.loss == "poisson":
            self._constant = float(np.average((xlogy(t, t) - t).sum(axis=1), weights=rows.weight))

    def _reported(self, logs: Any) -> float:
        loss = float(logs["loss"])
        if self.loss == "poisson":
            return loss + self._constant
        data = float(logs.get("data_loss", loss))
        return loss - data + data / self.n_outputs_

"""Multi-layer perceptrons with scikit-learn's interface: the network and the training."""

from __future__ import annotations

import copy
import operator
import warnings
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning

from minidl import layers, optimizers, regularizers
from minidl.estimators.base import NetworkEstimator, Rows
from minidl.estimators.convergence import Convergence, begin
from minidl.estimators.lbfgs import lbfgs
from minidl.estimators.parts import evened, split
from minidl.estimators.ranges import ACTIVATIONS, ARGUMENTS
from minidl.model.arguments import listeners
from minidl.model.sequential import Sequential
from minidl.network.concurrency import Instead
from minidl.optimizers import Optimizer
from minidl.printing import say

#: Largest number of rows in a batch for ``batch_size="auto"``.
BATCH = 200
#: Share of the running statistics that a step keeps, small because few rows make few steps.
KEPT = 0.9


class Perceptron(NetworkEstimator):
    """Base of :class:`MLPClassifier` and :class:`MLPRegressor`.

    Attributes:
        coefs_, intercepts_: W and b of each layer. On the CPU they are the network's own arrays,
            so a changed number takes effect at once. The network copies arrays that replace them.
        loss_: final loss; ``loss_curve_``, the loss after each epoch; ``best_loss_``, the least.
        validation_scores_, best_validation_score_: with ``early_stopping`` or ``eval_set``.
        n_iter_, t_: epochs of the last training; rows seen in total.
        n_layers_, out_activation_: number of layers, including the input; the last activation.
        callbacks_: copies of the callbacks, in the state after training.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = ARGUMENTS
    _all_at_once = False  # True after L-BFGS, which leaves the network's optimizer unused

    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    out_activation_: str
    hidden_layer_sizes: Any
    solver: Any
    callbacks: Any
    alpha: float
    l1: float
    max_iter: int

    def _output(self) -> str:
        """scikit-learn's name for the last activation."""
        raise NotImplementedError(f"{type(self).__name__} must define _output")

    def _aim(self) -> tuple[Any, float]:
        """The loss and a factor that make the gradient at each logit the output's error."""
        raise NotImplementedError(f"{type(self).__name__} must define _aim")

    def _reported(self, logs: Any) -> float:
        """The loss of an epoch by scikit-learn's definition."""
        return float(logs["loss"])

    # The network ---------------------------------------------------------------------------------

    @property
    def _begun(self) -> bool:
        return hasattr(self, "coefs_")

    @property
    def _sizes(self) -> list[int]:
        """Units of the hidden layers."""
        given = self.hidden_layer_sizes
        sizes = list(given) if isinstance(given, Iterable) else [given]
        if any(size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        return [operator.index(size) for size in sizes]

    @property
    def _design(self) -> dict[str, Any]:
        """The arguments that define a network."""
        names = "activation", "dropout", "batch_normalization", "backend", "loss"
        return {"hidden_layer_sizes": self._sizes, **{name: getattr(self, name) for name in names}}

    def _network(self, features: int, dtype: Any, random: Any) -> Sequential:
        self._made_from = self._design
        row: list[Any] = [layers.Input((features,))]
        activation = ACTIVATIONS.get(self.activation, self.activation)
        for units in self._sizes:
            row.append(layers.Dense(units, None if self.batch_normalization else activation))
            if self.batch_normalization:
                row += [layers.BatchNormalization(momentum=KEPT), layers.Activation(activation)]
            if self.dropout:
                row.append(layers.Dropout(self.dropout))
        output = self._output()
        row.append(layers.Dense(self.n_outputs_, ACTIVATIONS.get(output, output)))
        network = Sequential(row, dtype=np.dtype(dtype).name)
        network.build()
        self._draw(network, random)
        network.seed = self._seed(random)
        return network

    def _draw(self, network: Sequential, random: Any) -> None:
        """Draw scikit-learn's initial weights from a generator.

        W and b are uniform with the bound √(6 / (I + O)), Glorot & Bengio (2010), equation 16;
        for the logistic function the bound is √(2 / (I + O)).
        """
        factor = 2.0 if self.activation == "logistic" else 6.0
        for layer in network.leaves:
            if isinstance(layer, layers.Dense):
                bound = np.sqrt(factor / sum(layer.W.shape))
                for view in (layer.W, layer.b):
                    values = random.uniform(-bound, bound, view.shape).astype(network.dtype)
                    view[...] = network.backend.to_device(values)

    def _start(self, X: Any, random: Any) -> None:
        super()._start(X, random)
        self._show()
        self.n_iter_ = self.t_ = 0
        self.n_layers_, self.out_activation_ = len(self.coefs_) + 1, self._output()
        if self.solver != "lbfgs":
            begin(self)

    @property
    def _dense(self) -> list[Any]:
        return [each for each in self.network_.leaves if isinstance(each, layers.Dense)]

    def _show(self) -> None:
        """Let ``coefs_`` and ``intercepts_`` show the network's weights."""
        host = self.network_.backend.to_host
        self.coefs_ = [host(layer.W) for layer in self._dense]
        self.intercepts_ = [host(layer.b) for layer in self._dense]
        self._shown = [*self.coefs_, *self.intercepts_]

    def _ready(self) -> Sequential:
        held = [*self.coefs_, *self.intercepts_]
        if len(held) == len(self._shown) and all(map(operator.is_, held, self._shown)):
            return self.network_
        network, dense = self.network_, self._dense
        views = [*(layer.W for layer in dense), *(layer.b for layer in dense)]
        arrays = [np.asarray(array, network.dtype) for array in held]
        expected, received = [v.shape for v in views], [a.shape for a in arrays]
        if expected != received:
            raise ValueError(
                f"coefs_ and intercepts_: expected arrays of shapes {expected}, received {received}"
            )
        with network.traffic.lock, network.backend.here, Instead(network):
            for view, array in zip(views, arrays, strict=True):
                view[...] = network.backend.to_device(array)
        return network

    # The training --------------------------------------------------------------------------------

    def _optimizer_now(self) -> Optimizer:
        """A new optimizer."""
        if isinstance(self.solver, Optimizer):
            return copy.deepcopy(self.solver)
        rate = self.learning_rate if callable(self.learning_rate) else self.learning_rate_init
        if self.solver == "adam":
            return optimizers.Adam(rate, self.beta_1, self.beta_2, self.epsilon)
        return optimizers.SGD(rate, self.momentum, bool(self.nesterovs_momentum))

    def _prepare(self, rows: Rows, steps: int) -> None:
        """Scale the penalties for an epoch of ``steps`` steps over the rows."""
        count = (rows.x.shape[0] if rows.weight is None else float(rows.weight.sum())) / steps
        l1, l2 = float(self.l1) / count, float(self.alpha) / 2 / count
        for layer in self._dense:
            penalty = regularizers.L1L2(l1, l2) if l1 else regularizers.L2(l2) if l2 else None
            layer.kernel_regularizer = penalty

    def _train(self, rows: Rows, held_out: Rows | None, incremental: bool, random: Any) -> None:
        if not hasattr(self, "network_"):  # the user has set coefs_ by hand
            held = self.coefs_, self.intercepts_
            super()._start(rows.x, random)
            self._show()
            self.coefs_, self.intercepts_ = held
        for name, value in self._design.items():
            if value != self._made_from[name]:
                raise ValueError(
                    f"{name}: expected {self._made_from[name]!r}, as in the training that goes on, "
                    f"received {value!r}; fit with warm_start=False makes a new network"
                )
        network = self._ready()
        network._looked = network._continued = True  # no notes of fit, which name other interfaces
        if not incremental or network.optimizer is None or self._all_at_once:
            loss, factor = self._aim()
            network.compile(self._optimizer_now(), loss, loss_weights=factor)
        self._all_at_once = self.solver == "lbfgs"
        if self.solver == "lbfgs":
            self._train_all(rows, held_out)
        else:
            self._train_batches(rows, held_out, incremental, random)
        self._show()

    def _train_all(self, rows: Rows, held_out: Rows | None) -> None:
        if self.dropout:
            raise ValueError(
                "dropout: expected 0 for solver='lbfgs', whose loss must not be random, received "
                f"{self.dropout}"
            )
        for name, given in (("callbacks", self.callbacks), ("eval_set", held_out and "rows")):
            if given:
                raise ValueError(
                    f"{name}: expected None for solver='lbfgs', which has no epochs, received "
                    f"{given}"
                )
        self._prepare(rows, 1)

        def told(iteration: int, loss: float) -> None:
            if self.verbose:
                say(f"Iteration {iteration}, loss = {loss:.8f}")

        result = lbfgs(self.network_, rows, self.tol, self.max_iter, self.max_fun, told)
        self.n_iter_ = min(int(result.nit), self.max_iter)
        self.loss_ = self._reported({"loss": float(result.fun), "data_loss": 0.0})
        if result.status:
            message = str(result.message).rstrip(": ")
            self._warn(f"lbfgs ended after {result.nit} iterations: {message}", " or max_fun")

    def _train_batches(
        self, rows: Rows, held_out: Rows | None, incremental: bool, random: Any
    ) -> None:
        shown = held_out
        if self.early_stopping:
            if incremental:
                raise ValueError("partial_fit does not support early_stopping=True")
            if held_out is None:
                alike = is_classifier(self) and self.n_outputs_ == 1
                rows, held_out = split(rows, self.validation_fraction, alike, random)
        count = rows.x.shape[0]
        size = min(BATCH, count) if isinstance(self.batch_size, str) else self.batch_size
        if size > count:
            warnings.warn(f"batch_size: expected at most the {count} rows, received {size}; "
                          f"batches have {count}", stacklevel=5)  # fmt: skip
            size = count
        # Batch statistics would count rows without weight.
        filled = evened(rows, size) if self.shuffle and not self.batch_normalization else rows
        self.network_._loss.by_weight, rows = filled is not rows, filled
        self._prepare(rows, -(-rows.x.shape[0] // size))
        self.callbacks_ = copy.deepcopy(listeners(self.callbacks))
        ending = Convergence(self, count, held_out)
        network = self.network_
        self.n_iter_ = 0
        try:
            network.fit(
                rows.x, rows.y, size, 1 if incremental else self.max_iter, 0,
                [*self.callbacks_, ending], 0.0, shown, self.shuffle, None, rows.weight,
            )  # fmt: skip
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=5)
        if network.history is not None:
            self.history_.extend(network.history)
        for callback in self.callbacks_:
            callback.model = None
        if self.early_stopping:
            ending.restore()
        if not incremental and self.n_iter_ == self.max_iter and not network.stop_training:
            self._warn(f"{self.max_iter} epochs were made, and training has not converged")

    def _warn(self, what: str, or_also: str = "") -> None:
        warnings.warn(
            f"{type(self).__name__}: {what}; a larger max_iter{or_also}, a larger tol, or scaled "
            "features help",
            ConvergenceWarning,
            stacklevel=6,
        )

    def _has_steps(self) -> bool:
        """True for a solver that takes steps on batches.

        Raises:
            AttributeError: the solver is "lbfgs".
        """
        if self.solver == "lbfgs":
            raise AttributeError(
                "partial_fit: expected solver 'sgd', 'adam' or an optimizer, received 'lbfgs'"
            )
        return True

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if "network_" in state:
            state = {k: v for k, v in state.items() if k not in ("coefs_", "intercepts_", "_shown")}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "network_" in state:
            self._show()

"""The end of training by the rules of scikit-learn's perceptrons, and the curves."""

from __future__ import annotations

import math
from typing import Any

from minidl.callbacks import Callback
from minidl.callbacks.base import NONE, Logs
from minidl.estimators.base import Rows
from minidl.printing import say

#: Rates for ``learning_rate="adaptive"``: the factor of each fall, and the last rate.
FALL, LAST = 1 / 5, 1e-6


def begin(estimator: Any) -> None:
    """Give an estimator empty curves."""
    early = estimator.early_stopping
    estimator.loss_curve_, estimator._no_improvement_count = [], 0
    estimator.validation_scores_ = [] if early else None
    estimator.best_validation_score_ = -math.inf if early else None
    estimator.best_loss_ = None if early else math.inf


class Convergence(Callback):
    """Keeps an estimator's curves, and ends training when the curves no longer improve.

    An epoch improves the loss if the loss is at least ``tol`` below the least loss so far. An epoch
    improves the score if the score is at least ``tol`` above the best score so far. After more than
    ``n_iter_no_change`` epochs in a row without improvement, training ends. An adaptive learning
    rate falls instead, until the rate is 1e-6 or less.

    Args:
        estimator: a perceptron in training.
        rows: number of rows to train on.
        held_out: rows with a score after each epoch, or None.
    """

    def __init__(self, estimator: Any, rows: int, held_out: Rows | None) -> None:
        self._estimator, self._rows, self._held_out = estimator, rows, held_out
        self._best: Any = None
        curve = getattr(estimator, "loss_curve_", None)
        if curve is None or (estimator.best_loss_ is None) != estimator.early_stopping:
            begin(estimator)  # L-BFGS has no curve, and early_stopping changes the criterion
            estimator.loss_curve_ = curve or []

    def on_train_begin(self, logs: Logs = NONE) -> None:
        self._keep()

    def on_epoch_end(self, epoch: int, logs: Any = NONE) -> None:
        estimator = self._estimator
        estimator.n_iter_ += 1
        estimator.t_ += self._rows
        estimator.loss_ = estimator._reported(logs)
        estimator.loss_curve_.append(estimator.loss_)
        if estimator.verbose:
            say(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
        if self._held_out is not None:
            self._validate(logs)
        stalled = self._score_stalls() if estimator.early_stopping else self._loss_stalls()
        estimator._no_improvement_count = estimator._no_improvement_count + 1 if stalled else 0
        optimizer = self.model.optimizer
        sgd = estimator.solver == "sgd"
        if sgd and estimator.learning_rate == "invscaling":
            slower = (estimator.t_ + 1) ** estimator.power_t
            optimizer.learning_rate = estimator.learning_rate_init / slower
        if estimator._no_improvement_count > estimator.n_iter_no_change:
            self._end(optimizer, sgd and estimator.learning_rate == "adaptive")

    def restore(self) -> None:
        """Restore the weights of the best score, if training has begun."""
        if self._best is None:
            return
        self.model.theta[...], self.model.statistics.theta[...] = self._best

    def _keep(self) -> None:
        if self._estimator.early_stopping:
            self._best = self.model.theta.copy(), self.model.statistics.theta.copy()

    def _validate(self, logs: Any) -> None:
        estimator = self._estimator
        x, y, weight = self._held_out  # type: ignore[misc]
        score = estimator._score_of(y, self.model.predict(x), weight)
        logs["val_score"] = score
        estimator.validation_scores_ = [*(estimator.validation_scores_ or ()), score]
        if estimator.verbose:
            say(f"Validation score: {score:f}")

    def _score_stalls(self) -> bool:
        estimator = self._estimator
        score, best = estimator.validation_scores_[-1], estimator.best_validation_score_
        if score > best:
            estimator.best_validation_score_ = score
            self._keep()
        return bool(score < best + estimator.tol)

    def _loss_stalls(self) -> bool:
        estimator = self._estimator
        loss, best = estimator.loss_, estimator.best_loss_
        estimator.best_loss_ = min(best, loss)  # min gives the first value if the second is NaN
        return bool(loss > best - estimator.tol)

    def _end(self, optimizer: Any, adaptive: bool) -> None:
        estimator = self._estimator
        what = "Validation score" if estimator.early_stopping else "Training loss"
        reason = (
            f"{what} did not improve more than tol={estimator.tol:f} for "
            f"{estimator.n_iter_no_change} consecutive epochs."
        )
        rate = float(optimizer.learning_rate)
        if adaptive and rate > LAST:
            estimator._no_improvement_count = 0
            optimizer.learning_rate = rate * FALL
            reason += f" Setting learning rate to {rate * FALL:f}"
        else:
            self.model.stop_training = True
            reason += " Learning rate too small. Stopping." if adaptive else " Stopping."
        if estimator.verbose:
            say(reason)

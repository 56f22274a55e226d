"""Types and ranges of the perceptrons' arguments, in scikit-learn's form."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import is_regressor
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
)

from minidl.activations import ActivationFunction
from minidl.callbacks import Callback
from minidl.names.lookup import find
from minidl.optimizers import Optimizer

_positive = Interval(Real, 0, None, closed="neither")
_not_negative = Interval(Real, 0, None, closed="left")
_share = Interval(Real, 0, 1, closed="left")
_count = Interval(Integral, 1, None, closed="left")

#: scikit-learn's names of activations -> minidl's, where they differ.
ACTIVATIONS = {"identity": "linear", "logistic": "sigmoid", "exp": "exponential"}
_HIDDEN = {"identity", "logistic", "tanh", "relu"}

#: Name -> allowed types and ranges of an argument; ``fit`` checks.
ARGUMENTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", _count],
    "activation": [StrOptions(_HIDDEN)],
    "solver": [StrOptions({"lbfgs", "sgd", "adam"}), Optimizer],
    "alpha": [_not_negative],
    "batch_size": [StrOptions({"auto"}), _count],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), callable],
    "learning_rate_init": [_positive],
    "power_t": [_not_negative],
    "max_iter": [_count],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [_not_negative],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [_share],
    "beta_1": [_share],
    "beta_2": [_share],
    "epsilon": [_positive],
    "n_iter_no_change": [_count, Options(Real, {np.inf})],
    "max_fun": [_count],
    "dropout": [_share],
    "batch_normalization": ["boolean"],
    "l1": [_not_negative],
    "callbacks": [list, tuple, Callback, None],
    "backend": [StrOptions({"numpy", "cupy"}), None],
}


def validate(estimator: Any) -> None:
    """Check the types and ranges of an estimator's arguments.

    Raises:
        InvalidParameterError: an argument is wrong; the message is scikit-learn's, followed by a
            replacement for a name that minidl knows.
    """
    try:
        estimator._validate_params()
    except InvalidParameterError as error:
        for name, instead in (("solver", _solver), ("activation", _activation)):
            if str(error).startswith(f"The {name!r} parameter"):
                more = instead(estimator, getattr(estimator, name))
                raise type(error)(f"{error}{more}") from None
        raise


def _solver(estimator: Any, given: Any) -> str:
    kind = _found(given, Optimizer)
    if kind is None:
        return ""
    return f" Write solver={'.'.join(kind.__module__.split('.')[:2])}.{kind.__name__}(...)."


def _activation(estimator: Any, given: Any) -> str:
    function = _found(getattr(given, "name", given), ActivationFunction)
    if function is None:
        return ""
    for name in _HIDDEN:
        if ACTIVATIONS.get(name, name) == function.name:
            return f" Write activation={name!r}."
    around = "NetworkRegressor" if is_regressor(estimator) else "NetworkClassifier"
    return f" {around}, around a network of your own, takes layers with {function.name!r}."


def _found(name: Any, base: type) -> Any:
    """The class or the function of a name, or None."""
    try:
        return find(name, base) if isinstance(name, str) else None
    except ValueError:
        return None

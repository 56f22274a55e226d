"""Conversion between models and scikit-learn's MLPClassifier and MLPRegressor."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from minidl import layers, losses, optimizers
from minidl.backend.own import is_own
from minidl.model.sequential import Sequential

#: scikit-learn's names of activations -> minidl's.
_ACTIVATIONS = {
    "identity": "linear",
    "logistic": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "softmax": "softmax",
    "exp": "exponential",
}
_THEIR = {own: their for their, own in _ACTIVATIONS.items()}
_HIDDEN = ("linear", "sigmoid", "tanh", "relu")
# Layers that pass rows on unchanged in inference.
_SILENT = (
    layers.Dropout,
    layers.AlphaDropout,
    layers.GaussianNoise,
    layers.GaussianDropout,
    layers.Identity,
    layers.ActivityRegularization,
)


def from_sklearn(estimator: Any) -> Sequential:
    """Return a compiled model with the weights of a fitted MLPClassifier or MLPRegressor.

    For two classes the model has one sigmoid unit, the probability of ``classes_[1]``; for more
    classes, a softmax over ``classes_``; for several labels, a sigmoid for each. The model is
    compiled with the estimator's loss and solver, "lbfgs" as Adam. The penalty ``alpha`` is not
    converted, because scikit-learn divides ``alpha`` by the number of rows. The solver's state is
    not converted either.

    Args:
        estimator: a fitted estimator.

    Raises:
        TypeError: another estimator; an estimator of minidl has a network already, ``network_``.
        NotFittedError: the estimator is not fitted.
    """
    if not all(hasattr(estimator, name) for name in ("hidden_layer_sizes", "activation", "solver")):
        raise TypeError(
            "from_sklearn: expected a fitted MLPClassifier or MLPRegressor, received "
            f"{type(estimator).__name__}"
        )
    if hasattr(estimator, "network_"):
        raise TypeError(
            "from_sklearn: expected an estimator of scikit-learn, received minidl's "
            f"{type(estimator).__name__}, whose network is estimator.network_"
        )
    check_is_fitted(estimator, ["coefs_", "intercepts_", "out_activation_"])
    last = len(estimator.coefs_) - 1
    model = Sequential([layers.Input((len(estimator.coefs_[0]),))], dtype=_dtype(estimator))
    for index, coefficients in enumerate(estimator.coefs_):
        name = estimator.out_activation_ if index == last else estimator.activation
        model.add(layers.Dense(coefficients.shape[1], _ACTIVATIONS[name]))
    model.compile(_optimizer(estimator), _LOSSES[estimator.out_activation_]())
    pairs = zip(estimator.coefs_, estimator.intercepts_, strict=True)
    model.set_weights(list(chain.from_iterable(pairs)))
    return model


_LOSSES = {
    "identity": losses.MeanSquaredError,
    "exp": losses.Poisson,
    "logistic": losses.BinaryCrossentropy,
    "softmax": losses.SparseCategoricalCrossentropy,
}


def _dtype(estimator: Any) -> str:
    return "float32" if estimator.coefs_[0].dtype == np.float32 else "float64"


def _optimizer(estimator: Any) -> optimizers.Optimizer:
    rate = estimator.learning_rate_init
    if estimator.solver == "sgd":
        return optimizers.SGD(rate, estimator.momentum, estimator.nesterovs_momentum)
    return optimizers.Adam(rate, estimator.beta_1, estimator.beta_2, estimator.epsilon)


def to_sklearn(model: Any, classes: Any = None) -> Any:
    """Return a fitted MLPClassifier or MLPRegressor with the weights of a model.

    Softmax and sigmoid as last activation make a classifier; linear and exponential, a regressor.
    Several sigmoid units are several labels. A softmax over two classes becomes one logistic unit
    with the same probabilities. Dropout and noise, inactive in inference, are left out.
    ``partial_fit`` continues with a new solver; the curve of losses is empty.

    Args:
        model: Dense layers with biases or without, on flat rows; all hidden activations alike and
            linear, sigmoid, tanh or relu.
        classes: labels of a classifier's classes, in the order of the units; default 0, 1, ….

    Returns:
        The estimator, with default arguments except for the layers.

    Raises:
        ValueError: scikit-learn lacks some layers, all named in the message; or the number of
            classes does not fit the model.
    """
    model.build()
    dense, activations = _chain(model)
    hidden, last = activations[:-1], activations[-1]
    weights = [np.array(model.backend.to_host(layer.W)) for layer in dense]
    biases = [
        np.zeros(layer.units, model.dtype) if layer.b is None else _host(model, layer.b)
        for layer in dense
    ]
    if last == "softmax" and dense[-1].units == 2:
        last = "sigmoid"
        weights[-1], biases[-1] = (np.diff(each, axis=-1) for each in (weights[-1], biases[-1]))
    common: dict[str, Any] = {
        "hidden_layer_sizes": tuple(layer.units for layer in dense[:-1]),
        "activation": _THEIR[hidden[0]] if hidden else "relu",
    }
    units = weights[-1].shape[1]
    if last in ("softmax", "sigmoid"):
        made = _classifier(common, weights, units, last, classes)
    elif classes is not None:
        raise ValueError(f"classes: expected None for a regressor, received {classes!r}")
    else:
        made = _regressor(common, weights, units, last)
    made.coefs_, made.intercepts_ = weights, biases
    made.n_iter_ = made.t_ = 0
    made.loss_curve_, made.best_loss_ = [], np.inf
    # Left over from the fit on rows of zeros, by which scikit-learn made all attributes.
    del made._optimizer, made.loss_
    return made


def _host(model: Any, array: Any) -> np.ndarray:
    return np.array(model.backend.to_host(array))


def _classifier(
    common: dict[str, Any], weights: list[np.ndarray], units: int, last: str, classes: Any
) -> MLPClassifier:
    count = 2 if last == "sigmoid" and units == 1 else units
    labels = np.arange(count) if classes is None else np.asarray(classes)
    if labels.shape != (count,) or len(np.unique(labels)) < count:
        raise ValueError(f"classes: expected {count} different labels, received {classes!r}")
    if (np.sort(labels) != labels).any():
        raise ValueError(
            "classes: expected labels in ascending order, as scikit-learn has them, received "
            f"{classes!r}; sort them, and the units of the last layer with them"
        )
    several = last == "sigmoid" and units > 1
    if several and classes is not None:
        raise ValueError(f"classes: expected None for several labels, received {classes!r}")
    targets = np.array([[1] * units, [0] * units]) if several else labels
    rows = np.zeros((len(targets), len(weights[0])), weights[0].dtype)
    return MLPClassifier(**common).partial_fit(rows, targets, classes=np.unique(labels))


def _regressor(
    common: dict[str, Any], weights: list[np.ndarray], units: int, last: str
) -> MLPRegressor:
    if last == "exponential":
        common["loss"] = "poisson"
    targets = np.ones((2, units) if units > 1 else 2)
    rows = np.zeros((2, len(weights[0])), weights[0].dtype)
    return MLPRegressor(**common).partial_fit(rows, targets)


def _chain(model: Any) -> tuple[list[Any], list[str]]:
    """The Dense layers, and the activation after each.

    Raises:
        ValueError: scikit-learn's networks cannot hold some layers.
    """
    dense: list[Any] = []
    activations: list[str] = []
    problems: list[str] = []
    for layer in model.leaves:
        if not (is_own(layer) and is_own(getattr(layer, "activation", None))):
            problems.append(_shown(layer))
        elif isinstance(layer, layers.Dense) and len(layer.input_shape) == 1:
            dense.append(layer)
            activations.append(_function(layer.activation))
        elif isinstance(layer, layers.Activation) and activations and activations[-1] == "linear":
            activations[-1] = _function(layer)
        elif not isinstance(layer, _SILENT) and not _flattens_nothing(layer):
            problems.append(_shown(layer))
    problems += _wrong(dense, activations)
    if problems or not dense:
        raise ValueError(
            "to_sklearn: expected Dense layers of one activation, received "
            f"{'; '.join(problems) or 'none'}"
        )
    return dense, activations


def _wrong(dense: list[Any], activations: list[str]) -> Iterator[str]:
    """Sentences on activations that scikit-learn lacks, or does not mix."""
    for layer, name in zip(dense[:-1], activations, strict=False):
        if name not in _HIDDEN or name != activations[0]:
            yield f"{layer.name!r} with the activation {name}"
    if dense and activations[-1] not in ("softmax", "sigmoid", "linear", "exponential"):
        yield f"{dense[-1].name!r}, the last, with the activation {activations[-1]}"
    if dense and activations[-1] == "softmax" and dense[-1].units == 1:
        yield f"{dense[-1].name!r}, the last, with a softmax over one unit, which is always 1"


def _flattens_nothing(layer: Any) -> bool:
    return isinstance(layer, layers.Flatten) and layer.input_shape == layer.output_shape


def _function(activation: Any) -> str:
    """Name of an activation layer's function; "linear" for None."""
    return "linear" if activation is None else str(activation.function.name)


def _shown(layer: Any) -> str:
    return f"{layer.name!r} ({type(layer).__name__})"

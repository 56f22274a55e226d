"""Check of a loss at predictions, or of a penalty at weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import losses, regularizers
from minidl.backend import backend_of, current
from minidl.gradient_check.conduct import verdict
from minidl.gradient_check.functions import compared
from minidl.gradient_check.passes import LossHead
from minidl.gradient_check.report import Result
from minidl.regularizers.arrays import costs


def check_loss(
    loss: Any,
    predictions: Any = None,
    y: Any = None,
    rows: int = 3,
    units: int = 4,
    sample_weight: Any = None,
    seed: int = 0,
) -> Result:
    """Check a loss's gradient at predictions, with and without weights of the rows.

    Args:
        loss: an object or a name.
        predictions: (N, units), float64; default normal logits or values, or probabilities,
            as the loss requires.
        y: targets; default random, as ``loss.labels`` requires.
        rows, units: size of the default batch.
        sample_weight: (N,); default a check without weights and a check with random weights.
        seed: seed of the point and of the directions.

    Raises:
        GradientError: the gradient is wrong; the message names the entries.
        KinkError: a prediction lies at a kink.
        NonScalarLossError: the loss is not one number.
        GradientDtypeError, GradientShapeError, InPlaceError, NondeterministicError,
            NotFiniteError: there is no gradient to check.
        ValueError, TypeError: no such loss, or targets of another shape.
    """
    loss = losses.get(loss)
    random = np.random.default_rng([seed, 3])
    if predictions is None:
        predictions = _predictions(loss, random, (rows, units))
    shape = np.shape(predictions)
    if y is None:
        y = random_targets(loss, random, shape)
    name = type(loss).__name__ + (" from logits" if loss.from_logits else "")
    weights = [("", sample_weight)]
    if sample_weight is None:
        weights = [("plain", None), ("weighted", random.uniform(0.2, 2, shape[0]))]
    found = []
    for mode, weight in weights:
        head = LossHead(loss, y, weight)

        def forward(predictions: Any, head: LossHead = head) -> np.ndarray:
            return head.terms(predictions)

        def backward(dy: Any, predictions: Any, head: LossHead = head) -> Any:
            head.terms(predictions)
            return head.gradient()

        inputs = {"predictions": predictions}
        found.append(compared(forward, backward, inputs, 1.0, name, mode, seed))
    return verdict(name, found)


def check_penalty(
    regularizer: str | regularizers.Regularizer,
    shape: Any = (3, 4),
    W: Any = None,
    seed: int = 0,
) -> Result:
    """Check the term that a regularizer adds to the gradient of a tensor.

    Args:
        regularizer: an object or a name.
        shape: shape of the default tensor, which has no entries near 0.
        W: the tensor, float64.
        seed: seed of the point and of the directions.

    Raises:
        GradientError: the gradient is wrong; the message names the entries.
        KinkError: a weight lies at a kink.
        ValueError, TypeError: no such regularizer, or the regularizer acts by a proximal step and
            adds no gradient.
    """
    penalty = regularizers.get(regularizer)
    if penalty is None:
        raise TypeError("expected a regularizer or its name, received None")
    name = type(penalty).__name__
    if penalty.proximal:
        raise ValueError(
            f"{name}: expected a penalty with a gradient, received one that acts by a proximal step"
        )
    random = np.random.default_rng([seed, 4])
    if W is None:
        W = random.choice([-1.0, 1.0], shape) * random.uniform(0.3, 1.3, shape)
    W = current().to_device(W)

    def forward(W: Any) -> Any:
        return costs(penalty, W, backend_of(W).xp.empty_like(W))

    def backward(dy: Any, W: Any) -> Any:
        # Added to the existing gradient, here 1.
        dW = backend_of(W).xp.ones_like(W)
        penalty._add_gradient(W, dW)
        return dW - 1.0

    return verdict(name, [compared(forward, backward, {"W": W}, 1.0, name, "", seed)])


def _predictions(
    loss: losses.Loss, random: np.random.Generator, shape: tuple[int, int]
) -> np.ndarray:
    """Logits, values or probabilities."""
    normal = random.normal(size=shape)
    if loss.positive:
        return random.uniform(0.1, 0.9, shape)
    if loss.from_logits or loss.activation is None:
        return normal
    if loss.activation == "softmax":
        shares = random.uniform(0.1, 1.0, shape)
        # A single class would have probability 1, where the logarithm is clipped.
        return np.asarray(0.9 * shares / shares.sum(axis=1, keepdims=True))
    return random.uniform(0.1, 0.9, shape)


def random_targets(
    loss: losses.Loss, random: np.random.Generator, shape: tuple[int, int]
) -> np.ndarray:
    """Targets of the loss's kind, for predictions of a shape."""
    if loss.labels == "integers":
        return random.integers(0, shape[1], shape[0])
    if loss.labels == "rows":
        shares = random.uniform(0.1, 1.0, shape)
        return np.asarray(shares / shares.sum(axis=1, keepdims=True))
    if loss.labels == "binary":
        return random.integers(0, 2, shape)
    return random.normal(size=shape)

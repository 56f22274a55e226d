"""The names that formulas may use: NumPy's functions, and the engine's kernels.

Here a kernel returns new arrays; in the engine a kernel writes into given arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.backend.fused import Fused
from minidl.kernels import (
    activations,
    batchnorm,
    dense,
    dropout,
    gated,
    layernorm,
    losses,
    penalties,
    piecewise,
    probabilities,
    rowwise,
    smooth,
    updates,
)

_MODULES = (
    *(activations, gated, piecewise, smooth, batchnorm, dropout),
    *(losses, probabilities, penalties),
)


def _elementwise(kernel: Fused) -> Callable[..., Any]:
    """An elementwise kernel whose result has the shape of the first argument."""
    return lambda first, *rest: kernel(first, *rest, out=np.empty(first.shape))


def _filled(kernel: Callable[..., Any], arguments: tuple[Any, ...], *shapes: Any) -> Any:
    """New arrays of the given shapes, overwritten by a kernel as the last arguments."""
    outs = tuple(np.empty(shape) for shape in shapes)
    kernel(*arguments, *outs)
    return outs


def _normalized(x: Any, mean: Any, inverse: Any) -> Any:
    outs = np.empty(x.shape), np.empty(x.shape)
    return batchnorm.batchnorm_forward(x, mean, inverse, 1.0, 0.0, out=outs)[0]


def _batch_normalized(dy: Any, x: Any, gamma: Any, epsilon: Any) -> Any:
    """dx and dgamma of batch normalization, for the mistake of taking it for another."""
    mean, variance, _ = _filled(batchnorm.batch_statistics, (x,), x.shape[1], x.shape[1], x.shape)
    inverse = 1 / np.sqrt(variance + epsilon)
    x_hat = (x - mean) * inverse
    sums = np.sum(dy * x_hat, axis=0), np.sum(dy, axis=0)
    dx = batchnorm.batchnorm_training_backward(dy, x_hat, *sums, inverse, gamma, len(x))
    return dx, sums[0]


def _steps(
    gradient: Any, theta: Any, x: Any, t: Any, learning_rate: Any, epochs: Any, rows: Any
) -> Any:
    """theta after steps of gradient descent on the batches of a few epochs."""
    for _ in range(epochs):
        for start in range(0, len(x), rows):
            batch = slice(start, start + rows)
            theta = updates.sgd(theta, gradient(theta, x[batch], t[batch]), learning_rate)
    return theta


def _one_place(
    gradient: Any, theta: Any, x: Any, t: Any, learning_rate: Any, epochs: Any, rows: Any
) -> Any:
    """theta after as many epochs, with all gradients of an epoch taken at the start."""
    for _ in range(epochs):
        moves = [gradient(theta, x[k : k + rows], t[k : k + rows]) for k in range(0, len(x), rows)]
        theta = updates.sgd(theta, sum(moves), learning_rate)
    return theta


def _squared_error_gradient(theta: Any, x: Any, t: Any) -> Any:
    """The gradient of the mean of (x · theta - t)² over the rows."""
    return x.T @ losses.squared_error_backward(x @ theta, t, len(t))


def _wave(x: Any) -> Any:
    """Σ sin(x) + x₀ Σ x³: a number for an array, with a gradient that differs in each entry."""
    return float(np.sum(np.sin(x)) + x.flat[0] * np.sum(x**3))


def _wave_gradient(x: Any) -> Any:
    gradient = np.cos(x) + 3 * x.flat[0] * x**2
    gradient.flat[0] += np.sum(x**3)
    return gradient


FUNCTIONS: dict[str, Any] = {
    **vars(np),
    **{name: vars(updates)[name] for name in ("sgd", "momentum", "nesterov", "rmsprop", "adam")},
    "batch_normalized": _batch_normalized,
    # Where "mean" is a quantity.
    "mean_of": lambda a, axis: np.mean(a, axis=axis, keepdims=True),
    "mean_along": lambda a, axis: np.mean(a, axis=axis),
    "steps": _steps,
    "one_place": _one_place,
    "squared_error_gradient": _squared_error_gradient,
    "wave": _wave,
    "wave_gradient": _wave_gradient,
    **{
        name: _elementwise(kernel)
        for module in _MODULES
        for name, kernel in vars(module).items()
        if isinstance(kernel, Fused)
    },
    "dense_backward": lambda dy, x, W: _filled(
        dense.dense_backward, (dy, x, W), W.shape, W.shape[1], x.shape
    ),
    "softmax_forward": lambda x: _filled(
        activations.softmax_forward, (x,), (len(x), 1), x.shape
    )[1],
    "softmax_backward": lambda dy, y: _filled(
        activations.softmax_backward, (dy, y), (len(y), 1), y.shape
    )[1],
    "log_softmax_forward": lambda x: _filled(
        rowwise.log_softmax_forward, (x,), (len(x), 1), (len(x), 1), x.shape
    )[2],
    "log_softmax_backward": lambda dy, y: _filled(
        rowwise.log_softmax_backward, (dy, y), (len(y), 1), y.shape
    )[1],
    "ALPHA": smooth.ALPHA,
    "SCALE": smooth.SCALE,
    "dropout_threshold": dropout.dropout_threshold,
    "batch_statistics": lambda x: _filled(
        batchnorm.batch_statistics, (x,), x.shape[1], x.shape[1], x.shape
    )[:2],
    "normalized": _normalized,
    "layernorm_backward": lambda dy, x_hat, inverse, gamma: _filled(
        layernorm.layernorm_backward, (dy, x_hat, inverse, gamma),
        (len(dy), 1), (len(dy), 1), dy.shape, dy.shape,
    )[3],
    "parameter_gradients": lambda dy, x_hat: _filled(
        batchnorm.batchnorm_parameter_gradients,
        (dy, x_hat), dy.shape[1], dy.shape[1], dy.shape,
    )[:2],
}  # fmt: skip

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
    losses,
    penalties,
    piecewise,
    smooth,
)

_MODULES = (activations, gated, piecewise, smooth, batchnorm, dropout, losses, penalties)


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


FUNCTIONS: dict[str, Any] = {
    **vars(np),
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
        activations.log_softmax_forward, (x,), (len(x), 1), (len(x), 1), x.shape
    )[2],
    "log_softmax_backward": lambda dy, y: _filled(
        activations.log_softmax_backward, (dy, y), (len(y), 1), y.shape
    )[1],
    "ALPHA": activations.ALPHA,
    "SCALE": activations.SCALE,
    "dropout_threshold": dropout.dropout_threshold,
    "batch_statistics": lambda x: _filled(
        batchnorm.batch_statistics, (x,), x.shape[1], x.shape[1], x.shape
    )[:2],
    "normalized": _normalized,
    "parameter_gradients": lambda dy, x_hat: _filled(
        batchnorm.batchnorm_parameter_gradients,
        (dy, x_hat), dy.shape[1], dy.shape[1], dy.shape,
    )[:2],
}  # fmt: skip

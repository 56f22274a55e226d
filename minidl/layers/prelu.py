"""The parametric ReLU."""

from __future__ import annotations

import math
from typing import Any

from minidl import checks
from minidl.backend import Backend
from minidl.kernels.prelu import prelu_backward, prelu_forward, prelu_parameter_gradient
from minidl.layers.arguments import ask_for, constraint, initial, penalty
from minidl.layers.base import Layer, Shape, first_rows
from minidl.names.register import register


@register
class PReLU(Layer):
    """y = x for x > 0, else alpha · x, with a trained alpha for each feature.

    Args:
        alpha_initializer: of alpha, of a row's shape; default "zeros".
        alpha_regularizer: penalty on alpha; default none.
        alpha_constraint: on alpha after each update; default none.
        shared_axes: None: no features share a slope.
        options: arguments of :class:`Layer`.

    Attributes:
        alpha, dalpha: parameter and gradient, views into the model's vectors.
        x: input of the last forward pass.
    """

    alpha: Any
    dalpha: Any

    fixed_once_built = ("alpha_initializer",)
    alpha_regularizer = penalty("alpha")
    alpha_constraint = constraint("alpha")
    shared_axes: Any = checks.only_none(
        "a slope for each feature", "; one slope for all that is not trained is LeakyReLU"
    )

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.alpha_initializer = initial(alpha_initializer)
        self.alpha_regularizer = alpha_regularizer
        self.alpha_constraint = alpha_constraint
        self.shared_axes = shared_axes
        self.x: Any = None

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        ask_for(self, "alpha", "alpha", input_shape)

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        self._y = backend.xp.empty((rows, *self.output_shape), dtype=dtype)
        self._dx = backend.xp.empty((rows, math.prod(self.output_shape)), dtype=dtype)

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.x, self.y = x, first_rows(self._y, len(x))
        prelu_forward(_flat(x), self.alpha.reshape(-1), out=_flat(self.y))
        return self.y

    def backward(self, dy: Any) -> Any:
        x, alpha, dx = _flat(self.x), self.alpha.reshape(-1), first_rows(self._dx, len(dy))
        prelu_parameter_gradient(_flat(dy), x, self.dalpha.reshape(-1), work=dx)
        if not self.needs_dx:
            return None
        return prelu_backward(_flat(dy), x, alpha, out=dx).reshape(dy.shape)


def _flat(x: Any) -> Any:
    """Rows of features: a view, or x itself."""
    return x if x.ndim == 2 else x.reshape(len(x), -1)

"""The end of every normalization: y = gamma · x̂ + beta."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.backend import Backend
from minidl.layers.arguments import ask_for, constraint, initial, penalty
from minidl.layers.base import Layer, Shape
from minidl.layers.shapes import features, features_axis


class Affine(Layer):
    """The parameters gamma and beta of a normalized row, which a normalization derives from.

    Args:
        axis: -1, the features of a row; no other.
        epsilon: added to the variance, > 0; default 1e-3.
        center: whether there is a beta.
        scale: whether there is a gamma.
        beta_initializer, gamma_initializer: of the first values; default zeros and ones.
        beta_regularizer, gamma_regularizer: penalty on beta, on gamma; default none.
        beta_constraint, gamma_constraint: on beta, on gamma, after each update; default none.
        options: arguments of :class:`Layer`.

    Attributes:
        gamma, beta, dgamma, dbeta: parameters and gradients, views into the model's vectors.
        x_hat: after a forward pass, the normalized input.

    Raises:
        ValueError, TypeError: an argument out of range, or rows that are not flat.
    """

    gamma: Any
    beta: Any
    dgamma: Any
    dbeta: Any

    fixed_once_built: tuple[str, ...] = ("center", "scale", "beta_initializer", "gamma_initializer")
    axis: Any = features_axis()
    epsilon = checks.number(0, ends="()")
    beta_regularizer = penalty("beta")
    gamma_regularizer = penalty("gamma")
    beta_constraint = constraint("beta")
    gamma_constraint = constraint("gamma")

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.axis = axis
        self.epsilon = epsilon
        self.center = checks.truth("center", center)
        self.scale = checks.truth("scale", scale)
        self.beta_initializer = initial(beta_initializer)
        self.gamma_initializer = initial(gamma_initializer)
        self.beta_regularizer = beta_regularizer
        self.gamma_regularizer = gamma_regularizer
        self.beta_constraint = beta_constraint
        self.gamma_constraint = gamma_constraint

    def build(self, input_shape: Shape) -> None:
        features(self, input_shape)
        super().build(input_shape)
        if self.scale:
            ask_for(self, "gamma", "gamma", input_shape)
        if self.center:
            ask_for(self, "beta", "beta", input_shape)

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        xp = backend.xp
        self._y, self._dx, self._x_hat = (
            xp.empty((rows, *self.output_shape), dtype=dtype) for _ in range(3)
        )
        # In place of a missing parameter stands a constant, whose gradient is unused.
        if not self.scale:
            self.gamma, self.dgamma = (xp.ones(self.output_shape, dtype=dtype) for _ in range(2))
        if not self.center:
            self.beta, self.dbeta = (xp.zeros(self.output_shape, dtype=dtype) for _ in range(2))

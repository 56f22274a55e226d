"""The batch normalization layer."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.backend import Backend
from minidl.kernels import batchnorm as kernels
from minidl.layers.affine import Affine
from minidl.layers.arguments import initial
from minidl.layers.base import Shape, first_rows
from minidl.names.register import register
from minidl.parameters import Specification


@register
class BatchNormalization(Affine):
    """y = gamma · (x - mean) / √(variance + epsilon) + beta, unit by unit.

    Training uses the batch's mean and variance and moves the running values towards both;
    inference uses the running values, and so does a layer whose ``trainable`` is False.

    Args:
        axis: -1, the features of a row; no other.
        momentum: share of the running statistics that a step keeps, in [0, 1); default 0.99.
        epsilon: added to the variance, > 0; default 1e-3.
        center: whether there is a beta.
        scale: whether there is a gamma.
        moving_mean_initializer, moving_variance_initializer: of the running statistics; default
            zeros and ones.
        options: initializers, penalties and constraints of gamma and beta, see :class:`Affine`;
            and arguments of :class:`Layer`.

    Attributes:
        moving_mean, moving_variance: running statistics; the rest as of :class:`Affine`.
    """

    moving_mean: Any
    moving_variance: Any

    fixed_once_built = ("moving_mean_initializer", "moving_variance_initializer")
    momentum = checks.number(0, 1)

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        *,
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        **options: Any,
    ) -> None:
        super().__init__(axis, epsilon, center, scale, **options)
        self.momentum = momentum
        self.moving_mean_initializer = initial(moving_mean_initializer)
        self.moving_variance_initializer = initial(moving_variance_initializer)

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        for name in ("moving_mean", "moving_variance"):
            start = getattr(self, f"{name}_initializer")
            self.statistics[name] = Specification(name, input_shape, start)

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        super().bind(rows, backend, dtype)
        self._mean, self._variance, self._inverse = (
            backend.xp.empty(self.output_shape, dtype=dtype) for _ in range(3)
        )

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        rows = len(x)
        y, self.x_hat = first_rows(self._y, rows), first_rows(self._x_hat, rows)
        self.training = training = training and self.trainable
        mean, variance = self.moving_mean, self.moving_variance
        if training:
            mean, variance = self._mean, self._variance
            kernels.batch_statistics(x, mean, variance, work=y)
            for running, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
                kernels.running_average(running, batch, self.momentum, out=running)
        kernels.inverse_deviation(variance, self.epsilon, out=self._inverse)
        kernels.batchnorm_forward(
            x, mean, self._inverse, self.gamma, self.beta, out=(self.x_hat, y)
        )
        self.y = y
        return y

    def backward(self, dy: Any) -> Any:
        dx = first_rows(self._dx, len(dy))
        kernels.batchnorm_parameter_gradients(dy, self.x_hat, self.dgamma, self.dbeta, work=dx)
        if not self.needs_dx:
            return None
        if not self.training:
            return kernels.batchnorm_inference_backward(dy, self._inverse, self.gamma, out=dx)
        return kernels.batchnorm_training_backward(
            dy, self.x_hat, self.dgamma, self.dbeta, self._inverse, self.gamma, len(dy), out=dx
        )

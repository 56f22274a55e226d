"""The batch normalization layer."""

from __future__ import annotations

from typing import Any

from minidl import checks, initializers
from minidl.backend import Backend
from minidl.kernels import batchnorm as kernels
from minidl.layers.base import BUILT, Layer, Shape, first_rows
from minidl.parameters import Specification
from minidl.register import register


@register
class BatchNormalization(Layer):
    """y = gamma · (x - mean) / √(variance + epsilon) + beta, unit by unit.

    Training uses the batch's mean and variance and moves the running values towards both;
    inference uses the running values, and so does a layer whose ``trainable`` is False.

    Args:
        momentum: share of the running statistics that a step keeps, in [0, 1); default 0.99.
        epsilon: added to the variance, > 0; default 1e-3.
        center: whether there is a beta.
        scale: whether there is a gamma.

    Attributes:
        gamma, beta, dgamma, dbeta: parameters and gradients, views into the model's vectors.
        moving_mean, moving_variance: running statistics, starting at 0 and 1.
        x_hat: after a forward pass, the normalized input.
    """

    gamma: Any
    beta: Any
    dgamma: Any
    dbeta: Any
    moving_mean: Any
    moving_variance: Any

    momentum = checks.number(0, 1)
    epsilon = checks.number(0, ends="()")
    center: Any = checks.fixed(BUILT)
    scale: Any = checks.fixed(BUILT)

    def __init__(
        self,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        name: str | None = None,
        input_shape: Any = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.momentum = momentum
        self.epsilon = epsilon
        self.center = bool(center)
        self.scale = bool(scale)

    def build(self, input_shape: Shape) -> None:
        self._flat_input(input_shape)
        super().build(input_shape)
        ones, zeros = initializers.Ones(), initializers.Zeros()
        if self.scale:
            self.add_tensor("gamma", "gamma", input_shape, ones)
        if self.center:
            self.add_tensor("beta", "beta", input_shape, zeros)
        self.statistics = {
            "moving_mean": Specification("moving_mean", input_shape, zeros),
            "moving_variance": Specification("moving_variance", input_shape, ones),
        }

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        xp = backend.xp
        self._y, self._dx, self._x_hat = (
            xp.empty((rows, *self.output_shape), dtype=dtype) for _ in range(3)
        )
        self._mean, self._variance, self._inverse = (
            xp.empty(self.output_shape, dtype=dtype) for _ in range(3)
        )
        # In place of a missing parameter stands a constant, whose gradient is unused.
        if not self.scale:
            self.gamma, self.dgamma = (xp.ones(self.output_shape, dtype=dtype) for _ in range(2))
        if not self.center:
            self.beta, self.dbeta = (xp.zeros(self.output_shape, dtype=dtype) for _ in range(2))

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

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
        }

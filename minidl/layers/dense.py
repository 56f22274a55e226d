"""The fully connected layer."""

from __future__ import annotations

from typing import Any

from minidl import activations, checks, initializers, regularizers
from minidl.backend import Backend, is_sparse
from minidl.custom import name_of
from minidl.kernels.dense import (
    dense_backward,
    dense_forward,
    sparse_dense_backward,
    sparse_dense_forward,
)
from minidl.layers.activation import Activation
from minidl.layers.base import BUILT, Layer, Shape, first_rows, penalty
from minidl.register import register


@register
class Dense(Layer):
    """y = activation(x W + b). The first layer of a network takes x as a CSR matrix, too.

    Args:
        units: number of outputs.
        activation: name or function; None for linear.
        use_bias: whether there is a b.
        kernel_initializer: of W, (inputs, units); default "glorot_uniform".
        bias_initializer: of b, (units,); default "zeros".
        kernel_regularizer, bias_regularizer: penalty on W, on b; default none.

    Attributes:
        W, b, dW, db: parameters and gradients, views into the model's vectors.
        x, z, y: after a forward pass, the input, x W + b, and the output (None where the pass
            stopped at the logits).

    Raises:
        ValueError: units below 1, an unknown name, or rows that are not flat.
    """

    W: Any
    b: Any
    dW: Any
    db: Any

    units: Any = checks.fixed(BUILT)
    activation: Any = checks.fixed(BUILT)
    use_bias: Any = checks.fixed(BUILT)
    kernel_initializer: Any = checks.fixed(BUILT)
    bias_initializer: Any = checks.fixed(BUILT)
    kernel_regularizer = penalty("W")
    bias_regularizer = penalty("b")

    def __init__(
        self,
        units: int,
        activation: str | activations.ActivationFunction | None = None,
        use_bias: bool = True,
        kernel_initializer: str | initializers.Initializer = "glorot_uniform",
        bias_initializer: str | initializers.Initializer = "zeros",
        kernel_regularizer: str | regularizers.Regularizer | None = None,
        bias_regularizer: str | regularizers.Regularizer | None = None,
        name: str | None = None,
        input_shape: Any = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.units = checks.integer("units", units, 1)
        self.use_bias = bool(use_bias)
        function = activations.get(activation)
        self.activation = (
            None
            if function is activations.linear
            else Activation(function, name=f"{self.name}/{function.name}")
        )
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = kernel_regularizer
        self.bias_regularizer = bias_regularizer
        self.b = self.db = None

    def build(self, input_shape: Shape) -> None:
        inputs = self._flat_input(input_shape)
        self.input_shape = input_shape
        self.output_shape = (self.units,)
        self.add_tensor(
            "W", "kernel", (inputs, self.units), self.kernel_initializer, self.kernel_regularizer
        )
        if self.use_bias:
            self.add_tensor(
                "b", "bias", (self.units,), self.bias_initializer, self.bias_regularizer
            )
        if self.activation:
            self.activation.build(self.output_shape)

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        self._z = backend.xp.empty((rows, self.units), dtype=dtype)
        self._dx = (
            backend.xp.empty((rows, *self.input_shape), dtype=dtype) if self.needs_dx else None
        )
        if self.activation:
            self.activation.bind(rows, backend, dtype)

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        z = self.logits(x)
        self.y = self.activation.forward(z, training, step) if self.activation else z
        return self.y

    def backward(self, dy: Any) -> Any:
        return self.logits_backward(self.activation.backward(dy) if self.activation else dy)

    def logits(self, x: Any) -> Any:
        """z = x W + b: the output before the activation."""
        self.x, self.y = x, None
        multiply = sparse_dense_forward if is_sparse(x) else dense_forward
        self.z = multiply(x, self.W, self.b, out=first_rows(self._z, x.shape[0]))
        return self.z

    def logits_backward(self, dz: Any) -> Any:
        """dx for a gradient at z; fills dW and db."""
        if is_sparse(self.x):
            return sparse_dense_backward(dz, self.x, self.dW, self.db)
        dx = first_rows(self._dx, len(dz)) if self.needs_dx else None
        return dense_backward(dz, self.x, self.W, self.dW, self.db, dx)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "units": self.units,
            "activation": name_of(self.activation.function) if self.activation else None,
            "use_bias": self.use_bias,
            "kernel_initializer": self.kernel_initializer,
            "bias_initializer": self.bias_initializer,
            "kernel_regularizer": self.kernel_regularizer,
            "bias_regularizer": self.bias_regularizer,
        }

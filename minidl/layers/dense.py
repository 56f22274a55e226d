"""The fully connected layer."""

from __future__ import annotations

from typing import Any

from minidl import activations, checks, constraints, initializers, regularizers
from minidl.backend import Backend, is_sparse
from minidl.kernels.dense import dense_backward, dense_forward
from minidl.kernels.sparse import sparse_dense_backward, sparse_dense_forward
from minidl.layers.arguments import ask_for, constraint, initial, penalty
from minidl.layers.base import Layer, Shape, first_rows
from minidl.layers.inner_activation import argument_of, inner_activation
from minidl.layers.shapes import features
from minidl.names.register import register


@register
class Dense(Layer):
    """y = activation(x W + b). The first layer of a network takes x as a CSR matrix, too.

    Args:
        units: number of outputs.
        activation: name or function; None for linear; or a layer such as LeakyReLU().
        use_bias: whether there is a b.
        kernel_initializer: of W, (inputs, units); default "glorot_uniform".
        bias_initializer: of b, (units,); default "zeros".
        kernel_regularizer, bias_regularizer: penalty on W, on b; default none.
        activity_regularizer: penalty on y, see :class:`Layer`; default none.
        kernel_constraint, bias_constraint: on W, on b, after each update; default none.
        options: arguments of :class:`Layer`.

    Attributes:
        W, b, dW, db: parameters and gradients, views into the model's vectors.
        x, z, y: after a forward pass, the input, x W + b, and the output (None where the pass
            stopped at the logits).

    Raises:
        ValueError: units below 1, an unknown name, or rows that are not flat.

    Examples:
        >>> model = Sequential([Input((4,)), Dense(3, "relu")])
        >>> model.count_params()  # 4 · 3 weights and 3 biases
        15
        >>> model.predict(np.ones((2, 4))).shape
        (2, 3)
    """

    W: Any
    b: Any
    dW: Any
    db: Any

    fixed_once_built = ("units", "activation", "use_bias", "kernel_initializer", "bias_initializer")
    kernel_regularizer = penalty("W")
    bias_regularizer = penalty("b")
    kernel_constraint = constraint("W")
    bias_constraint = constraint("b")

    def __init__(
        self,
        units: int,
        activation: str | activations.ActivationFunction | None = None,
        use_bias: bool = True,
        kernel_initializer: str | initializers.Initializer | None = "glorot_uniform",
        bias_initializer: str | initializers.Initializer | None = "zeros",
        kernel_regularizer: str | regularizers.Regularizer | None = None,
        bias_regularizer: str | regularizers.Regularizer | None = None,
        activity_regularizer: str | regularizers.Regularizer | None = None,
        kernel_constraint: str | constraints.Constraint | None = None,
        bias_constraint: str | constraints.Constraint | None = None,
        **options: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **options)
        self.units = checks.integer("units", units, 1)
        self.use_bias = checks.truth("use_bias", use_bias)
        self.activation = inner_activation(activation, self.name)
        self.kernel_initializer = initial(kernel_initializer)
        self.bias_initializer = initial(bias_initializer)
        self.kernel_regularizer = kernel_regularizer
        self.bias_regularizer = bias_regularizer
        self.kernel_constraint = kernel_constraint
        self.bias_constraint = bias_constraint
        self.b = self.db = None

    def build(self, input_shape: Shape) -> None:
        inputs = features(self, input_shape)
        self.input_shape = input_shape
        self.output_shape = (self.units,)
        ask_for(self, "W", "kernel", (inputs, self.units))
        if self.use_bias:
            ask_for(self, "b", "bias", (self.units,))
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
        return {**super().get_config(), "activation": argument_of(self.activation)}

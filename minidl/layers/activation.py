"""Activations as layers: one class over the table, and Keras's names for its entries."""

from __future__ import annotations

from typing import Any

from minidl import activations, checks
from minidl.backend import Backend
from minidl.backend.fused import Fused
from minidl.layers.base import Layer, Shape, head

NAME = "the attribute function, of minidl.activations"


class Activation(Layer):
    """y = f(x), element by element or, for softmax, row by row.

    Args:
        activation: a name ("relu") or a function of :mod:`minidl.activations`.

    Raises:
        ValueError: unknown name.
    """

    def __init__(
        self,
        activation: str | activations.ActivationFunction | None,
        name: str | None = None,
        input_shape: Any = None,
    ) -> None:
        super().__init__(name, input_shape)
        self.function = activations.get(activation)
        self.constants = tuple(self.function.constants.values())

    @property
    def activation(self) -> Any:
        """The constructor's argument: what it says is :attr:`function`, which can be set.

        Raises:
            AttributeError: always.
        """
        raise AttributeError(f"{self!r} has no activation, it is one: its function is {NAME}")

    @activation.setter
    def activation(self, value: Any) -> None:
        raise AttributeError(f"{self!r}: activation cannot be set; expected {NAME} to be set")

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        if self.function.rowwise:
            self._flat_input(input_shape)

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        self._y = backend.xp.empty((rows, *self.output_shape), dtype=dtype)
        # A formula may overwrite what it reads, and dy's memory is at hand; other functions may not
        # be able to.
        in_place = isinstance(self.function.backward, Fused)
        self._dx = None if in_place else backend.xp.empty_like(self._y)
        self._row = backend.xp.empty((rows, 1), dtype=dtype)

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        rows = len(x)
        extra = (head(self._row, rows),) if self.function.rowwise else self.constants
        self.y = self.function.forward(x, *extra, out=head(self._y, rows))
        return self.y

    def backward(self, dy: Any) -> Any:
        rows = len(dy)
        extra = (head(self._row, rows),) if self.function.rowwise else self.constants
        out = dy if self._dx is None else head(self._dx, rows)
        return self.function.backward(dy, self.y, *extra, out=out)

    def logits(self, x: Any) -> Any:
        """What the activation is applied to: x itself."""
        return x

    def logits_backward(self, dlogits: Any) -> Any:
        """The gradient at the input for one at the logits: the same."""
        return dlogits

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activation": activations.name_of(self.function)}


class _Named(Activation):
    """An entry of the table as a class of its own, with its constants as arguments."""

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["activation"]
        return {**config, **dict(zip(self.function.constants, self.constants, strict=True))}


class Sigmoid(_Named):
    """y = 1 / (1 + exp(-x))."""

    def __init__(self, name: str | None = None, input_shape: Any = None) -> None:
        super().__init__("sigmoid", name, input_shape)


class Tanh(_Named):
    """y = tanh(x)."""

    def __init__(self, name: str | None = None, input_shape: Any = None) -> None:
        super().__init__("tanh", name, input_shape)


class ReLU(_Named):
    """y = max(x, 0)."""

    def __init__(self, name: str | None = None, input_shape: Any = None) -> None:
        super().__init__("relu", name, input_shape)


class Softmax(_Named):
    """y_k = exp(x_k) / Σ_j exp(x_j), along each row."""

    def __init__(self, name: str | None = None, input_shape: Any = None) -> None:
        super().__init__("softmax", name, input_shape)


class LeakyReLU(_Named):
    """y = x for x > 0, else negative_slope · x.

    Args:
        negative_slope: >= 0, default 0.3 (the *name* "leaky_relu" means 0.2, as in Keras).
    """

    def __init__(
        self, negative_slope: float = 0.3, name: str | None = None, input_shape: Any = None
    ) -> None:
        super().__init__("leaky_relu", name, input_shape)
        self.negative_slope = negative_slope

    @property
    def negative_slope(self) -> float:
        """As given; can be set at any time."""
        return self.constants[0]

    @negative_slope.setter
    def negative_slope(self, value: float) -> None:
        self.constants = (checks.real("negative_slope", value, 0),)


class ELU(_Named):
    """y = x for x > 0, else alpha · (exp(x) - 1).

    Args:
        alpha: >= 0, default 1.
    """

    def __init__(
        self, alpha: float = 1.0, name: str | None = None, input_shape: Any = None
    ) -> None:
        super().__init__("elu", name, input_shape)
        self.alpha = alpha

    @property
    def alpha(self) -> float:
        """As given; can be set at any time."""
        return self.constants[0]

    @alpha.setter
    def alpha(self, value: float) -> None:
        self.constants = (checks.real("alpha", value, 0),)

"""Activations as layers: one class for all functions, and Keras's names for common functions."""

from __future__ import annotations

import warnings
from typing import Any

from minidl import activations, checks
from minidl.backend import Backend
from minidl.backend.fused import Fused
from minidl.custom import name_of
from minidl.layers.arguments import features_axis
from minidl.layers.base import Layer, Shape, first_rows
from minidl.register import register

NAME = "the attribute function, of minidl.activations"


@register
class Activation(Layer):
    """y = f(x), element by element or, for softmax, row by row.

    Args:
        activation: a name ("relu") or a function of :mod:`minidl.activations`.
        options: those of :class:`Layer`, here and in the other layers of this file.

    Attributes:
        function: the function; another function acts from the next pass on.
        constants: numbers for the function, such as a slope.
        x, y: input and output of the last forward pass; x is None where backward needs no x.

    Raises:
        ValueError: unknown name.
    """

    def __init__(
        self,
        activation: str | activations.ActivationFunction | None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._bound: Any = None
        self.x: Any = None
        self.function = activation

    @property
    def function(self) -> Any:
        """The function; can be set at any time, to a name, too."""
        return self._function

    @function.setter
    def function(self, value: Any) -> None:
        self._set(*activations.get(value).chosen())

    def _set(self, function: activations.ActivationFunction, constants: dict[str, Any]) -> None:
        """Take a function with these constants, and memory for the function."""
        if function.rowwise and self.input_shape:
            self._flat_input(self.input_shape)
        self._function, self._constants = function, constants
        if self._bound is not None:
            self.bind(*self._bound)

    @property
    def constants(self) -> tuple[float, ...]:
        """Numbers for the function, in the order of the arguments; cannot be set."""
        return tuple(self._constants.values())

    @property
    def activation(self) -> Any:
        """The constructor's argument; the layer's function is :attr:`function`, which can be set.

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
        self._bound = rows, backend, dtype
        empty = backend.xp.empty
        self._y = empty((rows, *self.output_shape), dtype=dtype)
        # A formula may overwrite its own arguments, and dy's memory is at hand; other functions may
        # lack that ability.
        in_place = isinstance(self.function.backward, Fused)
        self._dx = None if in_place else backend.xp.empty_like(self._y)
        names = activations.COLUMNS if self.function.rowwise else ()
        self._columns = {name: empty((rows, 1), dtype=dtype) for name in names}

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        rows = len(x)
        self.x = x if self.function.keeps_x else None
        self.y = self.function.run({"x": x, **self._extra(rows)}, first_rows(self._y, rows))
        return self.y

    def backward(self, dy: Any) -> Any:
        rows = len(dy)
        out = dy if self._dx is None else first_rows(self._dx, rows)
        given = {"dy": dy, "x": self.x, "y": self.y, **self._extra(rows)}
        return self.function.run_back(given, out)

    def _extra(self, rows: int) -> dict[str, Any]:
        """Constants, and work space for so many rows."""
        columns = {name: first_rows(column, rows) for name, column in self._columns.items()}
        return {**self._constants, **columns}

    def logits(self, x: Any) -> Any:
        """The activation's input: x itself."""
        return x

    def logits_backward(self, dlogits: Any) -> Any:
        """The gradient at the input for one at the logits: the same."""
        return dlogits

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "activation": name_of(self.function)}


class _Named(Activation):
    """A function as a class of its own, with its constants as arguments."""

    @property
    def function(self) -> Any:
        """The function of the class's name; cannot be set."""
        return self._function

    @function.setter
    def function(self, value: Any) -> None:
        if "_function" in vars(self):
            raise AttributeError(
                f"function of {self!r} cannot be set; expected Activation(...) in its place"
            )
        self._set(*activations.get(value).chosen())

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        del config["activation"]
        return config


@register
class Sigmoid(_Named):
    """y = 1 / (1 + exp(-x))."""

    def __init__(self, **options: Any) -> None:
        super().__init__("sigmoid", **options)


@register
class Tanh(_Named):
    """y = tanh(x)."""

    def __init__(self, **options: Any) -> None:
        super().__init__("tanh", **options)


@register
class ReLU(_Named):
    """y = max(x, 0); with arguments, y = max_value for x > max_value, x for x > threshold,
    negative_slope · (x - threshold) below.

    Each argument can be set at any time.

    Args:
        max_value: >= 0, default None for no bound.
        negative_slope: >= 0, default 0.
        threshold: >= 0, default 0.

    Raises:
        ValueError, TypeError: no such number.
    """

    max_value: Any = checks.number(0, none=True, then="_choose")
    negative_slope: Any = checks.number(0, then="_choose")
    threshold: Any = checks.number(0, then="_choose")

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__("relu", **options)
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    def _choose(self) -> None:
        names = ("max_value", "negative_slope", "threshold")
        given = {each: vars(self)[each] for each in names if each in vars(self)}
        self._set(*activations.get("relu").chosen(**given))


@register
class Softmax(_Named):
    """y_k = exp(x_k) / Σ_j exp(x_j), along each row.

    Args:
        axis: -1, the features of a row; no other.
    """

    axis: Any = features_axis()

    def __init__(self, axis: int = -1, **options: Any) -> None:
        super().__init__("softmax", **options)
        self.axis = axis


@register
class LeakyReLU(_Named):
    """y = x for x > 0, else negative_slope · x.

    Args:
        negative_slope: >= 0, default 0.3 (the *name* "leaky_relu" means 0.2, as in Keras).
            The older name ``alpha`` is taken, with a warning, as in Keras.
    """

    def __init__(self, negative_slope: float = 0.3, **options: Any) -> None:
        if "alpha" in options:
            negative_slope = options.pop("alpha")
            warnings.warn(
                f"alpha is called negative_slope: write LeakyReLU(negative_slope={negative_slope})",
                stacklevel=2,
            )
        super().__init__("leaky_relu", **options)
        self.negative_slope = negative_slope

    @property
    def negative_slope(self) -> float:
        """As given; can be set at any time."""
        return self.constants[0]

    @negative_slope.setter
    def negative_slope(self, value: float) -> None:
        self._constants = {"negative_slope": checks.real("negative_slope", value, 0)}


@register
class ELU(_Named):
    """y = x for x > 0, else alpha · (exp(x) - 1).

    Args:
        alpha: >= 0, default 1.
    """

    def __init__(self, alpha: float = 1.0, **options: Any) -> None:
        super().__init__("elu", **options)
        self.alpha = alpha

    @property
    def alpha(self) -> float:
        """As given; can be set at any time."""
        return self.constants[0]

    @alpha.setter
    def alpha(self, value: float) -> None:
        self._constants = {"alpha": checks.real("alpha", value, 0)}

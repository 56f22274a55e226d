"""Activations as layers: one class for all functions."""

from __future__ import annotations

from typing import Any

from minidl import activations
from minidl.activations.pairs import COLUMNS
from minidl.backend import Backend
from minidl.layers.arguments import not_activation
from minidl.layers.base import Layer, Shape, first_rows
from minidl.layers.shapes import features
from minidl.names.in_files import name_of
from minidl.names.register import register


@register
class Activation(Layer):
    """y = f(x), element by element or, for softmax, row by row.

    Args:
        activation: a name ("relu") or a function of :mod:`minidl.activations`.
        options: arguments of :class:`Layer`.

    Attributes:
        function: the function; another function acts from the next pass on.
        constants: numbers for the function, such as a slope.
        x, y: input and output of the last forward pass; x is None where backward needs no x.

    Raises:
        ValueError: unknown name.
    """

    activation: Any = not_activation()

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
        self._set(value)

    def _set(self, value: Any, constants: dict[str, Any] | None = None) -> None:
        """Take a function or a function's name, and constants, and allocate memory if bound."""
        function = activations.get(value)
        if function.rowwise and self.input_shape:
            features(self, self.input_shape)
        self._function = function
        self._constants = function.constants if constants is None else constants
        if self._bound is not None:
            self.bind(*self._bound)

    @property
    def constants(self) -> tuple[float, ...]:
        """Numbers for the function, in the order of the arguments; cannot be set."""
        return tuple(self._constants.values())

    def build(self, input_shape: Shape) -> None:
        super().build(input_shape)
        if self.function.rowwise:
            features(self, input_shape)

    def bind(self, rows: int, backend: Backend, dtype: Any) -> None:
        self._bound = rows, backend, dtype
        empty = backend.xp.empty
        self._y = empty((rows, *self.output_shape), dtype=dtype)
        self._dx = None if self.function.dx_over_dy else backend.xp.empty_like(self._y)
        names = COLUMNS if self.function.rowwise else ()
        self._columns = {name: empty((rows, 1), dtype=dtype) for name in names}

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.x = x if self.function.keeps_x else None
        given = {"x": x, **self._constants_and_columns(len(x))}
        self.y = self.function.run_forward(given, first_rows(self._y, len(x)))
        return self.y

    def backward(self, dy: Any) -> Any:
        given = {"dy": dy, "x": self.x, "y": self.y, **self._constants_and_columns(len(dy))}
        dx = dy if self._dx is None else first_rows(self._dx, len(dy))
        return self.function.run_backward(given, dx)

    def _constants_and_columns(self, rows: int) -> dict[str, Any]:
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

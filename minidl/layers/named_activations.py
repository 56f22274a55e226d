"""Keras's names for activation layers: each is one function, with its constants as arguments."""

from __future__ import annotations

import warnings
from typing import Any

from minidl import checks
from minidl.activations import as_keras
from minidl.layers.activation import Activation
from minidl.layers.shapes import features_axis
from minidl.names.register import register


class _Named(Activation):
    """A layer of one function, with the function's constants as arguments."""

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
        self._set(value)

    def _take(self) -> None:
        """Take the layer's attributes as the function's constants."""
        self._constants = {name: vars(self)[name] for name in self._constants}

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
        self._set(*as_keras.relu(**given))


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
            The older name ``alpha`` is taken, with a warning, as in Keras. Can be set at any time.
    """

    negative_slope: Any = checks.number(0, then="_take")

    def __init__(self, negative_slope: float = 0.3, **options: Any) -> None:
        if "alpha" in options:
            negative_slope = options.pop("alpha")
            warnings.warn(
                f"alpha is called negative_slope: write LeakyReLU(negative_slope={negative_slope})",
                stacklevel=2,
            )
        super().__init__("leaky_relu", **options)
        self.negative_slope = negative_slope


@register
class ELU(_Named):
    """y = x for x > 0, else alpha · (exp(x) - 1).

    Args:
        alpha: >= 0, default 1; can be set at any time.
    """

    alpha: Any = checks.number(0, then="_take")

    def __init__(self, alpha: float = 1.0, **options: Any) -> None:
        super().__init__("elu", **options)
        self.alpha = alpha

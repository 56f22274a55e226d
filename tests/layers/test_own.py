"""Mistakes in a layer of one's own: each message says what to write."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl.layers import Dense, Layer
from tests.layers.alone import alone


class Scaled(Layer):
    """W x, with one trained number a feature, asked for by names."""

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        self.add_tensor("W", "scale", input_shape, "ones", "l2", "non_neg")

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        return x * self.W


def test_a_tensor_is_asked_for_by_names() -> None:
    """As layers of minidl take them."""
    layer = Scaled()
    network = alone(layer, (2,), 3)
    np.testing.assert_array_equal(network.forward(np.ones((3, 2))), np.ones((3, 2)))
    asked = layer.tensors["W"]
    assert isinstance(asked.regularizer, minidl.regularizers.L2)
    assert isinstance(asked.constraint, minidl.constraints.NonNeg)


def test_an_unknown_name_is_refused_in_build() -> None:
    """With the nearest right one."""

    class Misspelt(Layer):
        def build(self, input_shape: Any) -> None:
            self.add_tensor("W", "scale", input_shape, "onse")

    with pytest.raises(ValueError, match="unknown initializer 'onse'"):
        alone(Misspelt(), (2,), 3)


def test_a_build_that_forgets_the_output_shape_is_named() -> None:
    """And not the layer behind it, which received rows of shape ()."""

    class Forgetful(Layer):
        def build(self, input_shape: Any) -> None:
            self.input_shape = input_shape

    model = minidl.Sequential([Forgetful(name="mine"), Dense(3)])
    with pytest.raises(ValueError, match=r"^mine: expected build to set output_shape"):
        model.build((4,))


def test_a_constructor_that_forgets_super_is_named() -> None:
    """When the layer comes into a network, or is called by itself."""

    class Unmade(Layer):
        def __init__(self, factor: float) -> None:
            self.factor = factor

    for use in (lambda layer: minidl.Sequential([layer]), lambda layer: layer(np.ones((2, 3)))):
        with pytest.raises(TypeError, match=r"^Unmade: expected an __init__ that calls super\(\)"):
            use(Unmade(2.0))


def test_a_forward_without_return_is_named() -> None:
    """And not the layer behind it."""

    class Silent(Layer):
        def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
            self.y = x

    network = minidl.models.Network([Silent(name="mine"), Dense(3)])
    with pytest.raises(TypeError, match=r"^mine: expected forward to return the outputs, received"):
        network.forward(np.ones((2, 4)))


def test_a_backward_without_return_is_named() -> None:
    """By the layer that waits for its result."""

    class Silent(Layer):
        def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
            return x

        def backward(self, dy: Any) -> Any:
            self.dy = dy

    network = minidl.models.Network([Dense(3, name="first"), Silent(), Dense(3)])
    network.forward(np.ones((2, 4)))
    with pytest.raises(TypeError, match=r"^first: expected the gradient .* None from backward of"):
        network.backward(np.ones((2, 3)))

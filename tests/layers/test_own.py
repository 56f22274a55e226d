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


def test_a_forward_of_the_rows_alone_is_named() -> None:
    class Narrow(Layer):
        def forward(self, x):  # type: ignore[no-untyped-def, override]
            return x

    class Wide(Layer):
        def forward(self, x: Any, *_: Any) -> Any:
            return x

    message = r"Narrow.forward: expected forward\(self, x, training=False, step=0\), received forwa"
    with pytest.raises(TypeError, match=message):
        minidl.Sequential([Dense(2), Narrow()])
    minidl.Sequential([Dense(2), Wide()])


def test_a_forward_without_return_is_named() -> None:
    """And not the layer behind it."""

    class Silent(Layer):
        def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
            self.y = x

    network = minidl.models.Network([Silent(name="mine"), Dense(3)])
    with pytest.raises(TypeError, match=r"^mine: expected forward to return the outputs, received"):
        network.forward(np.ones((2, 4)))


def test_a_backward_without_return_is_named() -> None:
    class Silent(Layer):
        def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
            return x

        def backward(self, dy: Any) -> Any:
            self.dy = dy

    network = minidl.models.Network([Dense(3), Silent(name="mine"), Dense(3)])
    network.forward(np.ones((2, 4)))
    with pytest.raises(TypeError, match=r"^mine: expected backward to return .*, received None"):
        network.backward(np.ones((2, 3)))


class Turned(Layer):
    """Returns what is no array of the network: in float64, transposed, or of another shape."""

    def __init__(self, change: Any, **options: Any) -> None:
        super().__init__(**options)
        self.change = change

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        return self.change(x)

    def backward(self, dy: Any) -> Any:
        return self.change(dy)


@pytest.mark.parametrize("executor", ["python", "compiled"])
@pytest.mark.parametrize(
    "change", [lambda x: x * np.ones(x.shape[1:]), np.asfortranarray], ids=["float64", "turned"]
)
@pytest.mark.parametrize("after", ["relu", None])
def test_results_become_arrays_of_the_network(change: Any, after: Any, executor: str) -> None:
    """The rest of the step is played with them as with a layer's that returns such arrays."""
    rows = np.random.default_rng(0)
    x, y = rows.normal(size=(64, 5)), rows.normal(size=(64, 2))
    found = []
    with minidl.backend.use("numpy", executor=executor):
        for each in (change, np.copy):
            minidl.utils.set_random_seed(0)
            model = minidl.Sequential(
                [Dense(6, after), Turned(each), minidl.layers.BatchNormalization(), Dense(2)]
            )
            model.compile("adam", "mse")
            model.fit(x, y, batch_size=8, epochs=4, verbose=0)
            assert "dense_forward" not in str(model.recording)
            assert model.predict(x).dtype == np.float32
            found.append(model.theta.copy())
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    ("change", "forward", "backward"),
    [
        (lambda x: x[:, :3], r"of shape \(2, 6\), .*received \(2, 3\)", r"\(2, 6\), .*\(2, 3\)"),
        (lambda x: x[:1], r"of shape \(2, 6\), .*received \(1, 6\)", r"\(2, 6\), .*\(1, 6\)"),
        (lambda x: x.tolist(), "received list", "received list"),
    ],
)
def test_results_of_another_shape_are_refused(change: Any, forward: str, backward: str) -> None:
    layer = Turned(change, name="mine")
    network = minidl.models.Network([Dense(6), layer, Dense(2)])
    with pytest.raises((TypeError, ValueError), match=f"^mine: expected forward .*{forward}"):
        network.forward(np.ones((2, 4)))
    layer.change = np.copy
    network.forward(np.ones((2, 4)))
    layer.change = change
    with pytest.raises((TypeError, ValueError), match=f"^mine: expected backward .*{backward}"):
        network.backward(np.ones((2, 2)))

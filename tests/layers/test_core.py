"""Input, Flatten and Rescaling: against Keras, and their errors."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.layers import Dense, Flatten, Input, Rescaling
from minidl.models import Network
from tests import oracle
from tests.layers.alone import alone, layer_pass
from tests.specs import Spec, spec


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 2), (1, 1)])
def test_flatten_agrees_with_keras(shape: tuple[int, ...]) -> None:
    """Rows of features in C order, and back."""
    random = np.random.default_rng(1)
    x = random.normal(size=(4, *shape))
    dy = random.normal(size=(4, x[0].size))
    flatten = spec("layers.Flatten")
    expected, actual = oracle.layer(flatten, x, dy), layer_pass(flatten, x, dy)
    oracle.assert_agrees(actual.y, expected.y, "y")
    oracle.assert_agrees(actual.dx, expected.dx, "dx")


def test_flatten_copies_nothing() -> None:
    """y is a view of x."""
    x = np.zeros((2, 3, 4))
    layer = Flatten()
    alone(layer, (3, 4), 2)
    assert np.shares_memory(layer.forward(x), x)
    assert layer.output_shape == (12,)


@pytest.mark.parametrize(
    "rescaling",
    [
        spec("layers.Rescaling", scale=1 / 255),
        spec("layers.Rescaling", scale=1 / 127.5, offset=-1.0),
        spec("layers.Rescaling", scale=-2.0, offset=0.1),
    ],
    ids=str,
)
def test_rescaling_agrees_with_keras(rescaling: Spec) -> None:
    """y and dx on images."""
    random = np.random.default_rng(2)
    x, dy = random.uniform(0, 255, size=(2, 5, 3, 4))
    expected, actual = oracle.layer(rescaling, x, dy), layer_pass(rescaling, x, dy)
    oracle.assert_agrees(actual.y, expected.y, "y")
    oracle.assert_agrees(actual.dx, expected.dx, "dx")


@pytest.mark.parametrize("first", [[], [Input((3, 4))], [Flatten()]], ids=["", "Input", "Flatten"])
def test_rescaling_takes_uint8_as_it_is(first: list[minidl.layers.Layer]) -> None:
    """No floating copy of the pixels is made before the layer; all 256 values come out right."""
    x = np.arange(256).astype(np.uint8).repeat(12)[: 256 * 12].reshape(256, 3, 4)
    rescaling = Rescaling(1 / 255)
    layers = [type(layer)(**layer.get_config()) for layer in first]
    y = Network([*layers, rescaling]).forward(x)
    assert y.dtype == np.float32
    # One multiplication of float32 numbers.
    expected = x.reshape(y.shape).astype(np.float32) * np.float32(1 / 255)
    np.testing.assert_array_equal(y, expected)


def test_integers_are_converted_before_a_layer_that_computes_in_floats() -> None:
    """uint8 into Dense works, by a copy in the network's type."""
    x = np.arange(12, dtype=np.uint8).reshape(4, 3)
    dense = Dense(2)
    y = Network([dense]).forward(x)
    np.testing.assert_allclose(y, x.astype(np.float32) @ dense.W + dense.b, rtol=1e-5)
    assert dense.x.dtype == np.float32


def test_rescaling_first_computes_no_input_gradient() -> None:
    """Its buffer for dx does not exist."""
    rescaling = Rescaling(2.0)
    Network([rescaling, Dense(2)]).forward(np.ones((3, 4), np.float32))
    assert rescaling._dx is None
    assert rescaling.backward(np.ones((3, 4), np.float32)) is None


@pytest.mark.parametrize(
    ("shape", "row"), [(5, (5,)), ((5,), (5,)), ([5], (5,)), (np.int64(5), (5,)), ((2, 3), (2, 3))]
)
def test_input_declares_the_shape_of_a_row(shape: object, row: tuple[int, ...]) -> None:
    """A number n means rows of n features."""
    network = Network([Input(shape), Flatten()])
    network.build()
    assert network.input_row == row
    assert [type(layer) for layer in network.layers] == [Flatten]


def test_input_is_passed_on_by_hand_too() -> None:
    """Called as a layer, Input returns what it is given."""
    layer, x = Input((3,)), np.ones((2, 3))
    assert layer.forward(x) is x is layer.y
    assert layer.backward(x) is x


@pytest.mark.parametrize(
    ("layer", "error", "words"),
    [
        (spec("layers.Input"), TypeError, "Input: expected shape="),
        (spec("layers.Input", shape=(0,)), ValueError, "size in a shape: .*, received 0"),
        (spec("layers.Input", shape=(28, -1)), ValueError, "received -1"),
        (spec("layers.Input", shape=(2.5,)), TypeError, r"received 2\.5"),
        (spec("layers.Input", shape=(None, 3)), TypeError, "received None"),
        (spec("layers.Flatten", input_shape=(28, 0)), ValueError, "received 0"),
        (spec("layers.Rescaling", scale="1/255"), TypeError, "scale: .* received '1/255'"),
        (spec("layers.Rescaling", scale=float("nan")), ValueError, "scale: .* received nan"),
        (spec("layers.Rescaling", scale=1.0, offset=float("inf")), ValueError, "offset: .*inf"),
    ],
    ids=str,
)
def test_bad_arguments(layer: Spec, error: type[Exception], words: str) -> None:
    """Each raises in the constructor and says what was expected."""
    with pytest.raises(error, match=words):
        layer.make(minidl)


def test_input_of_nothing() -> None:
    """A row has at least one axis."""
    with pytest.raises(ValueError, match=r"expected the shape of one row, .* received \(\)"):
        minidl.Input(shape=())

"""Activation layers: against Keras, and their errors."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl import activations, layers
from minidl.backend import to_host
from minidl.layers import Activation, Dense, Input, LeakyReLU
from minidl.models import Network
from tests import oracle
from tests.layers.alone import layer_pass
from tests.specs import Spec, spec

LAYERS = [
    *(
        spec("layers.Activation", activation=name)
        for name in ["linear", "sigmoid", "tanh", "relu", "elu", "softmax"]
    ),
    spec("layers.ReLU"),
    spec("layers.ReLU", max_value=5.0),
    spec("layers.ReLU", negative_slope=0.25, threshold=1.0),
    spec("layers.LeakyReLU", negative_slope=0.125),
    spec("layers.LeakyReLU", negative_slope=0.0),
    spec("layers.LeakyReLU", negative_slope=1.5),
    spec("layers.ELU"),
    spec("layers.ELU", alpha=0.4),
    spec("layers.ELU", alpha=2.5),
    spec("layers.Softmax"),
]
# Keras has these two only as Activation("sigmoid") and Activation("tanh").
OWN = {"layers.Sigmoid": "sigmoid", "layers.Tanh": "tanh"}


def values(random: np.random.Generator) -> np.ndarray:
    """Rows with the kink, its neighbourhood on both sides, and saturation."""
    x = random.normal(size=(9, 5)) * 3
    x[0] = 0.0
    x[1] = [1e-9, -1e-9, 1e-3, -1e-3, 0.5]
    x[2] = [-40, 40, -700, 700, 0]
    return x


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_agrees_with_keras(layer: Spec) -> None:
    """y and dx, on both sides of the kink, at it and far from it."""
    random = np.random.default_rng(3)
    x, dy = values(random), random.normal(size=(9, 5))
    expected, actual = oracle.layer(layer, x, dy), layer_pass(layer, x, dy)
    oracle.assert_agrees(actual.y, expected.y, "y")
    oracle.assert_agrees(actual.dx, expected.dx, "dx")


@pytest.mark.parametrize(("path", "name"), OWN.items())
def test_layers_that_keras_has_by_name_only(path: str, name: str) -> None:
    """Sigmoid() and Tanh() are Activation("sigmoid") and Activation("tanh")."""
    random = np.random.default_rng(4)
    x, dy = values(random), random.normal(size=(9, 5))
    expected = oracle.layer(spec("layers.Activation", activation=name), x, dy)
    actual = layer_pass(spec(path), x, dy)
    oracle.assert_agrees(actual.y, expected.y, "y")
    oracle.assert_agrees(actual.dx, expected.dx, "dx")


@pytest.mark.parametrize(
    "layer", [spec("layers.LeakyReLU"), spec("layers.Activation", activation="leaky_relu")], ids=str
)
def test_default_slopes_agree_with_keras(layer: Spec) -> None:
    """0.3 of the layer and 0.2 of the name, to the float32 in which TensorFlow keeps them."""
    random = np.random.default_rng(6)
    x, dy = values(random), random.normal(size=(9, 5))
    expected, actual = oracle.layer(layer, x, dy), layer_pass(layer, x, dy)
    oracle.assert_agrees(actual.y, expected.y, "y", oracle.SLOPE_RTOL)
    oracle.assert_agrees(actual.dx, expected.dx, "dx", oracle.SLOPE_RTOL)


def test_the_slope_of_the_layer_and_of_the_name_differ() -> None:
    """As in Keras: LeakyReLU() has 0.3, "leaky_relu" 0.2."""
    assert LeakyReLU().constants == (0.3,)
    assert Activation("leaky_relu").constants == (0.2,)


def test_elementwise_layers_take_rows_of_any_shape() -> None:
    """ReLU on images gives images; softmax needs flat rows."""
    x = np.random.default_rng(5).normal(size=(2, 3, 4)).astype(np.float32)
    y = Network([Activation("relu")]).forward(x)
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    with pytest.raises(ValueError, match=r"received rows of shape \(3, 4\); put a Flatten"):
        Network([Activation("softmax")]).forward(x)


def test_activation_by_function() -> None:
    """The function object and its name make the same layer."""
    assert Activation(activations.tanh).function is Activation("tanh").function


@pytest.mark.parametrize(
    ("layer", "error", "words"),
    [
        (spec("layers.Activation", activation="rulu"), ValueError, "did you mean 'relu'"),
        (spec("layers.Activation", activation="soft-max"), ValueError, "did you mean 'softmax'"),
        (
            spec("layers.Activation", activation=max),
            TypeError,
            "activation: expected a name",
        ),
        (
            spec("layers.LeakyReLU", negative_slope=-0.1),
            ValueError,
            r"negative_slope: expected a number in \[0, inf\), received -0.1",
        ),
        (spec("layers.LeakyReLU", negative_slope="a"), TypeError, "received 'a'"),
        (spec("layers.LeakyReLU", negative_slope=float("nan")), ValueError, "received nan"),
        (spec("layers.ELU", alpha=-1.0), ValueError, r"alpha: expected a number in \[0, inf\)"),
        (spec("layers.ELU", alpha=float("inf")), ValueError, "received inf"),
        (spec("layers.ELU", alpha=None), TypeError, "received None"),
    ],
    ids=str,
)
def test_bad_arguments(layer: Spec, error: type[Exception], words: str) -> None:
    """Each raises in the constructor and says what was expected."""
    with pytest.raises(error, match=words):
        layer.make(minidl)


def test_a_backward_in_several_steps_finds_what_it_was_given() -> None:
    """A formula writes over dy; a function of one's own, which may need it later, does not."""

    def backward(dy, y, out):
        np.multiply(y, 2, out=out)
        return np.multiply(out, dy, out=out)

    def forward(x, out):
        return np.square(x, out=out)

    own = Activation(activations.ActivationFunction("square", forward, backward))
    for layer, overwritten in [(own, False), (Activation("tanh"), True)]:
        network = Network([layer])
        y = network.forward(np.array([[0.5, -2.0]], np.float32)).copy()
        dy = np.array([[3.0, 4.0]], np.float32)
        dx = layer.backward(dy)
        assert (dx is dy) == overwritten
        expected = (1 - y * y) if overwritten else 2 * y
        np.testing.assert_array_equal(dx, np.array([[3.0, 4.0]], np.float32) * expected)


@pytest.mark.usefixtures("executor")
@pytest.mark.filterwarnings("ignore:fit continues")
@pytest.mark.parametrize("inner", [False, True], ids=["Activation", "Dense"])
def test_another_function_acts_from_the_next_step(inner: bool) -> None:
    """Training goes on as that of a model with this function; saved and loaded as well."""
    random = np.random.default_rng(8)
    x, y = random.normal(size=(12, 4)), random.normal(size=(12, 3))

    def made(name: str) -> minidl.Sequential:
        minidl.utils.set_random_seed(5)
        hidden = [Dense(3, name)] if inner else [Dense(3), Activation(name)]
        model = minidl.Sequential([Input((4,)), *hidden, Dense(3)], dtype="float64")
        model.compile("sgd", "mse")
        model.build()
        return model

    def function_of(model: minidl.Sequential) -> Activation:
        return model.layers[0].activation if inner else model.layers[1]

    # From one that keeps y to one that keeps x, to one of rows, to one with a constant.
    model = made("relu")
    for name in ("silu", "log_softmax", "elu", "gelu", "relu"):
        function_of(model).function = name
        other = made(name)
        other.set_weights(model.get_weights())
        for each in (model, other):
            each.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0)
        np.testing.assert_array_equal(to_host(model.theta), to_host(other.theta))
        assert model.layers[0].get_config().get("activation") == (name if inner else None)


def test_what_a_class_is_named_after_cannot_be_set() -> None:
    """A saved LeakyReLU would be another function than the one that was trained."""
    for layer in (layers.ReLU(), layers.LeakyReLU(), layers.Softmax()):
        with pytest.raises(AttributeError, match=r"function of .* cannot be set; expected Activ"):
            layer.function = "tanh"
        with pytest.raises(AttributeError):
            layer.constants = (3.0,)


def test_softmax_is_not_put_into_a_layer_on_images() -> None:
    """As when the network is built."""
    layer = Activation("relu")
    network = Network([layer])
    network.forward(np.zeros((2, 3, 4), np.float32))
    with pytest.raises(ValueError, match="put a Flatten"):
        layer.function = "softmax"
    assert layer.function is activations.relu


def test_relu_takes_another_bound_at_once() -> None:
    """And gives it up again."""
    layer = layers.ReLU()
    network = Network([layer], dtype="float64")
    x = np.array([[-1.0, 0.5, 3.0]])
    assert network.forward(x).tolist() == [[0, 0.5, 3]]
    layer.max_value, layer.negative_slope, layer.threshold = 2, 0.5, 1
    assert network.forward(x).tolist() == [[-1, -0.25, 2]]
    assert layer.backward(np.ones((1, 3))).tolist() == [[0.5, 0.5, 0]]
    layer.max_value, layer.threshold = None, 0
    assert layer.function is activations.leaky_relu
    assert network.forward(x).tolist() == [[-0.5, 0.5, 3]]
    for name in ("max_value", "negative_slope", "threshold"):
        with pytest.raises(ValueError, match=f"{name}: expected a number"):
            setattr(layer, name, -1)
    assert network.forward(x).tolist() == [[-0.5, 0.5, 3]]

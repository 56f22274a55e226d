"""What all layers share: names, configurations, and what they ask for."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers
from minidl.layers import Dense, Layer
from minidl.layers.base import first_rows
from minidl.layers.names import _counts
from tests import oracle
from tests.layers.alone import alone
from tests.specs import Spec, spec

LAYERS = [
    spec("layers.Dense", units=3),
    spec("layers.Activation", activation="relu"),
    spec("layers.ReLU"),
    spec("layers.LeakyReLU"),
    spec("layers.ELU"),
    spec("layers.Softmax"),
    spec("layers.Dropout", rate=0.5),
    spec("layers.BatchNormalization"),
    spec("layers.Flatten"),
    spec("layers.Rescaling", scale=0.5),
    spec("layers.PReLU"),
    spec("layers.AlphaDropout", rate=0.5),
    spec("layers.GaussianNoise", stddev=0.5),
    spec("layers.GaussianDropout", rate=0.5),
    spec("layers.LayerNormalization"),
    spec("layers.UnitNormalization"),
    spec("layers.Normalization"),
    spec("layers.ActivityRegularization"),
    spec("layers.Identity"),
    spec("layers.Reshape", target_shape=(2, 2)),
]


@pytest.fixture(autouse=True)
def _fresh_names() -> Iterator[None]:
    _counts.clear()
    yield
    _counts.clear()


def test_names_are_kerass() -> None:
    """dense, dense_1, batch_normalization, re_lu, leaky_re_lu, elu …, each kind by itself."""
    made = [*LAYERS, *LAYERS[::-1], LAYERS[0], LAYERS[0]]
    assert [s.make(minidl).name for s in made] == oracle.layer_names(made)


@pytest.mark.parametrize("kind", ["RNNCell", "MyReLU", "Gate", "Conv2D", "Block3DNorm", "Norm1"])
def test_names_of_ones_own_classes_are_kerass(kind: str) -> None:
    """Capitals and digits split where Keras splits them."""
    assert type(kind, (Layer,), {})().name == oracle.class_layer_name(kind)


def test_an_activation_inside_dense_takes_no_number() -> None:
    """As in Keras: Dense(1, "relu") is no Activation layer."""
    made = [
        spec("layers.Dense", units=1, activation="relu"),
        spec("layers.Activation", activation="relu"),
        spec("layers.Dense", units=1, activation="tanh"),
    ]
    assert [s.make(minidl).name for s in made] == oracle.layer_names(made)
    assert made[1].make(minidl).name == "activation_1"


def test_a_given_name_takes_no_number() -> None:
    """The next unnamed layer has the next number of the unnamed."""
    assert [Dense(1, name="first").name, Dense(1).name, Dense(1).name] == [
        "first",
        "dense",
        "dense_1",
    ]


@pytest.mark.parametrize(
    "layer",
    [
        spec("layers.Dense", units=3, activation="elu", use_bias=False, input_shape=(4,)),
        spec(
            "layers.Dense",
            units=3,
            kernel_regularizer=spec("regularizers.L2", l2=0.1),
            kernel_initializer=spec("initializers.HeNormal", seed=3),
        ),
        spec("layers.Activation", activation="tanh"),
        spec("layers.Sigmoid"),
        spec("layers.Tanh"),
        spec("layers.ReLU"),
        spec("layers.LeakyReLU", negative_slope=0.1),
        spec("layers.ELU", alpha=0.5),
        spec("layers.Softmax"),
        spec("layers.Dropout", rate=0.25, seed=4),
        spec("layers.BatchNormalization", momentum=0.9, epsilon=1e-4, center=False, scale=False),
        spec("layers.Flatten", input_shape=(2, 2)),
        spec("layers.Rescaling", scale=0.5, offset=2.0),
        spec("layers.Input", shape=(3, 4)),
    ],
    ids=str,
)
def test_configuration_makes_an_equal_layer(layer: Spec) -> None:
    """``type(layer)(**layer.get_config())`` has the arguments that were given."""
    made = layer.make(minidl)
    config = made.get_config()
    assert type(made)(**config).get_config() == config
    for name, value in layer.options.items():
        if not isinstance(value, Spec):
            given = list(value) if isinstance(value, tuple) else value
            assert config[name] == given, name
    assert config["name"] == made.name


def test_head_is_the_buffer_itself_where_it_is_full() -> None:
    """No view is made for a full batch, and a view, not a copy, for a ragged one."""
    buffer = np.zeros((4, 2))
    assert first_rows(buffer, 4) is buffer
    assert first_rows(buffer, 3).shape == (3, 2)
    assert np.shares_memory(first_rows(buffer, 3), buffer)


def test_a_layer_must_define_its_passes() -> None:
    """The base class says which method is missing, in which class."""

    class Unfinished(Layer):
        pass

    with pytest.raises(NotImplementedError, match="Unfinished must define forward"):
        Unfinished().forward(np.ones((1, 1)))
    with pytest.raises(NotImplementedError, match="Unfinished must define backward"):
        Unfinished().backward(np.ones((1, 1)))


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_repr_names_class_and_name(layer: Spec) -> None:
    """<Dense dense>."""
    made = layer.make(minidl)
    assert repr(made) == f"<{type(made).__name__} {made.name}>"


class Doubled(Layer):
    """y = 2 x, out of place; keeps what it was given."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.given = x
        return 2 * x

    def backward(self, dy: Any) -> Any:
        return 2 * dy


def test_a_layer_of_ones_own_gets_floating_rows() -> None:
    """Integers are converted for it, unless it says that it takes them."""

    class Taking(Doubled):
        accepts_integers = True

    for kind, dtype in ((Doubled, np.float32), (Taking, np.uint8)):
        layer = kind()
        model = minidl.models.Network([layer, Dense(1)], dtype="float32")
        model.forward(np.ones((2, 3), np.uint8))
        assert layer.given.dtype == dtype


def test_a_layer_without_a_network_has_an_input_gradient() -> None:
    """Only a network knows that nobody needs it."""
    layer = minidl.layers.BatchNormalization()
    layer.build((3,))
    shape, backend = (3,), minidl.backend.current()
    for name in ("gamma", "dgamma", "beta", "dbeta", "moving_mean", "moving_variance"):
        layer.bind_view(name, np.ones(shape))
    layer.bind(2, backend, np.dtype(float))
    layer.forward(np.array([[1.0, 2, 3], [3, 2, 1]]), training=True)
    assert layer.backward(np.ones((2, 3))) is not None


@pytest.mark.parametrize("name", minidl.layers.__all__)
def test_a_pass_without_arguments_is_one_of_inference(name: str) -> None:
    """And of step 0."""
    parameters = inspect.signature(getattr(minidl.layers, name).forward).parameters
    assert (parameters["training"].default, parameters["step"].default) == (False, 0)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_y_is_what_a_pass_returns(layer: Spec) -> None:
    """In training and in inference."""
    made = layer.make(minidl)
    alone(made, (4,), 3)
    x = np.random.default_rng(1).normal(size=(3, 4))
    for training in (False, True):
        assert made.forward(x, training) is made.y


@pytest.mark.parametrize("first", [["Flatten", "Rescaling"], ["Rescaling"]])
def test_pixels_are_not_converted_before_they_are_scaled(first: list[str]) -> None:
    """Flatten and Rescaling take uint8 as it comes: a converted copy is four times as large."""
    made = [spec(f"layers.{n}", **({"scale": 0.5} if n == "Rescaling" else {})) for n in first]
    model = minidl.models.Network([*(m.make(minidl) for m in made), Dense(1)], dtype="float32")
    x = np.full((2, 3), 7, np.uint8)
    model.forward(x)
    assert model._x is None
    np.testing.assert_array_equal(model.layers[len(first) - 1].y, np.full((2, 3), 3.5, np.float32))


@pytest.mark.parametrize("shape", [(), (2, 3)])
@pytest.mark.parametrize("name", ["Dense", "BatchNormalization", "Softmax"])
def test_rows_that_are_no_features(name: str, shape: tuple[int, ...]) -> None:
    """Of numbers alone, or of pictures."""
    made = getattr(minidl.layers, name)(**({"units": 1} if name == "Dense" else {}))
    with pytest.raises(ValueError, match=r"expected rows of features, shape \(n,\), received"):
        made.build(shape)


@pytest.mark.parametrize("name", ["", 5, b"x", ()])
def test_a_name_is_a_text(name: Any) -> None:
    """And not an empty one."""
    with pytest.raises(TypeError, match="name: expected a text that is not empty, received"):
        Dense(1, name=name)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_layer_before_it_is_built(layer: Spec) -> None:
    """It can be looked at."""
    made = layer.make(minidl)
    assert (made.input_shape, made.output_shape, made.y) == ((), (), None)
    assert (made.tensors, made.statistics, made.owner, made.needs_dx) == ({}, {}, None, True)


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (layers.Dense(3), ["W", "dW"]),
        (layers.BatchNormalization(), ["gamma", "dbeta", "moving_mean"]),
        (layers.PReLU(), ["alpha", "dalpha"]),
    ],
)
def test_a_tensor_that_is_still_to_come_says_when_it_comes(layer: Any, names: list[str]) -> None:
    """Before build and after it; other names have Python's own message, properties theirs."""
    for _ in range(2):
        for name in names:
            with pytest.raises(AttributeError, match=f"has {name} once the layer is called on row"):
                getattr(layer, name)
        layer.build((4,))
    with pytest.raises(AttributeError, match="has no attribute 'Wz'"):
        layer.Wz  # noqa: B018
    with pytest.raises(AttributeError, match="has neither input nor output"):
        layer.input  # noqa: B018
    layer(np.ones((2, 4)))
    assert all(getattr(layer, name) is not None for name in names)
    with pytest.raises(AttributeError, match="has no attribute 'Wz'"):
        layer.Wz  # noqa: B018


def test_a_tensor_of_a_layer_of_ones_own_that_is_still_to_come() -> None:
    class Own(layers.Layer):
        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            self.add_tensor("scale", "scale", input_shape, "ones")

    layer = Own()
    layer.build((4,))
    with pytest.raises(AttributeError, match="has dscale once the layer is called on rows or is i"):
        layer.dscale  # noqa: B018


def test_weights_within_build_are_refused_and_the_layer_can_be_built_again() -> None:
    class Zeroed(Dense):
        early = True

        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            if self.early:
                self.kernel.assign(0 * self.kernel)

    layer = Zeroed(2)
    network = minidl.Sequential([minidl.Input((3,)), layer])
    with pytest.raises(AttributeError, match=r"has no tensor .kernel.: it is not built yet"):
        network.build()
    layer.early = False
    network.build()
    assert layer.kernel.shape == (3, 2)

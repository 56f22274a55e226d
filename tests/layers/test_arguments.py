"""Arguments that all layers take, the shapes of rows, and what is answered with a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import initializers, layers
from minidl.layers import Dense, Flatten, Identity, Input, InputLayer, LeakyReLU, Reshape
from minidl.models import Network
from tests import oracle
from tests.layers.alone import layer_pass
from tests.specs import spec

FIRST: dict[str, Any] = {
    "Dense": {"units": 3},
    "Activation": {"activation": "tanh"},
    "Rescaling": {"scale": 2},
    "Reshape": {"target_shape": (-1,)},
    "GaussianNoise": {"stddev": 0.1},
    **{name: {"rate": 0.1} for name in ("Dropout", "AlphaDropout", "GaussianDropout")},
}
NAMES = sorted({*layers.__all__} - {"Layer", "Input", "InputLayer"})


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_takes_input_dim_and_input_shape(name: str) -> None:
    kind, first = getattr(layers, name), FIRST.get(name, {})
    for options in ({"input_dim": 4}, {"input_shape": (4,)}, {"input_shape": 4}):
        layer = kind(**first, **options, name="own")
        network = Network([layer])
        network.build()
        assert (network.input_shape, layer.name) == ((None, 4), "own")
        assert layer.get_config()["input_shape"] == [4]
    with pytest.raises(TypeError, match="expected input_dim or input_shape, received both"):
        kind(**first, input_dim=4, input_shape=(4,))
    with pytest.raises(ValueError, match="input_dim: expected"):
        kind(**first, input_dim=0)
    with pytest.raises(TypeError, match=f"^{name}: no argument 'dtype' here; a network has one"):
        kind(**first, dtype="float32")
    with pytest.raises(TypeError, match=f"{name}: unknown argument 'nmae'; did you mean 'name'"):
        kind(**first, nmae="x")


def test_an_unknown_argument_is_compared_with_those_of_the_class() -> None:
    with pytest.raises(TypeError, match="unknown argument 'kernel_constrain'; did you mean 'kern"):
        Dense(3, kernel_constrain="non_neg")
    with pytest.raises(TypeError, match="'batch_input_shape' here; write input_shape"):
        Dense(3, batch_input_shape=(None, 3))
    with pytest.raises(TypeError, match="unknown argument 'gama_constraint'; did you mean 'gamma"):
        layers.BatchNormalization(gama_constraint="non_neg")


def test_no_initializer_is_glorot_uniform_as_in_keras() -> None:
    layer = Dense(3, kernel_initializer=None, bias_initializer=None, input_dim=3)
    assert isinstance(layer.bias_initializer, initializers.GlorotUniform)
    assert isinstance(layer.kernel_initializer, initializers.GlorotUniform)
    Network([layer]).build()
    assert (layer.b != 0).all()


def test_a_layer_as_activation() -> None:
    """Its constants are kept, in configurations, too."""
    layer = Dense(3, activation=LeakyReLU(0.125), input_dim=2)
    network = Network([layer], dtype="float64")
    x = np.random.default_rng(0).normal(size=(5, 2))
    y = network.forward(x).copy()
    np.testing.assert_array_equal(y, np.where(layer.z > 0, layer.z, 0.125 * layer.z))
    assert layer.get_config()["activation"] is layer.activation
    assert network.output_activation == "leaky_relu"


def test_a_layer_that_is_the_activation_of_several() -> None:
    """Each has its own memory; the gradients are those of layers of their own."""
    shared = LeakyReLU(0.125)
    x = np.random.default_rng(0).normal(size=(5, 2))
    grads = []
    for made in ((shared, shared), (LeakyReLU(0.125), LeakyReLU(0.125))):
        network = Network([Dense(3, each) for each in made], dtype="float64")
        network.seed = 4
        network.forward(x, training=True)
        network.backward(np.ones((5, 3)))
        grads.append(network.grad.copy())
    np.testing.assert_array_equal(*grads)
    assert shared.owner is None


def test_keras_2_s_alpha_is_taken_with_a_warning() -> None:
    with pytest.warns(UserWarning, match=r"write LeakyReLU\(negative_slope=0.25\)"):
        layer = LeakyReLU(alpha=0.25)
    assert layer.negative_slope == 0.25


def test_input() -> None:
    """Keras's arguments, in its order."""
    layer = Input((4,), 32, "float32", name="x")
    assert (layer.shape, layer.batch_size, layer.batch_shape) == ((32, 4), 32, (32, 4))
    assert Input(**layer.get_config()).get_config() == layer.get_config()
    assert layer.get_config() == {"name": "x", "shape": [4], "batch_size": 32, "dtype": "float32"}
    for options in ({"shape": (4,)}, {"shape": (4,), "batch_size": 5}, {"batch_shape": (None, 2)}):
        assert Input(**options).shape == oracle.keras.Input(**options).shape
    assert InputLayer(input_shape=(4,)).shape == InputLayer((4,)).shape == (None, 4)
    assert InputLayer(batch_input_shape=(None, 4)).batch_shape == (None, 4)
    network = Network([InputLayer(shape=(4,)), Dense(1)])
    network.build()
    assert [type(each) for each in network.layers] == [Dense]
    for make, error, words in [
        (lambda: Input((4,), batch_shape=(None, 4)), ValueError, "batch_shape or shape"),
        (lambda: Input((4,), batch_size=0), ValueError, "batch_size: expected"),
        (lambda: Input((4,), dtype="U4"), TypeError, "a type of numbers"),
        (lambda: Input((4,), sparse=True), TypeError, "taken as a CSR matrix unasked"),
        (lambda: InputLayer(), TypeError, "expected shape="),
    ]:
        with pytest.raises(error, match=words):
            make()


@pytest.mark.parametrize(
    ("shape", "target", "row"),
    [((6,), (2, 3), (2, 3)), ((2, 3), (-1,), (6,)), ((6,), (3, -1), (3, 2)), ((6,), 6, (6,))],
)
def test_reshape_agrees_with_keras(shape: Any, target: Any, row: Any) -> None:
    random = np.random.default_rng(1)
    x, dy = random.normal(size=(4, *shape)), random.normal(size=(4, *row))
    item = spec("layers.Reshape", target_shape=target if isinstance(target, tuple) else (target,))
    expected, actual = oracle.layer(item, x, dy), layer_pass(item, x, dy)
    oracle.assert_agrees(actual.y, expected.y, "y")
    oracle.assert_agrees(actual.dx, expected.dx, "dx")
    assert Network([Input(shape), Reshape(target)]).forward(x).shape == (4, *row)


def test_layers_that_pass_values_on_copy_nothing_and_keep_pixels() -> None:
    x = np.arange(12, dtype=np.uint8).reshape(2, 6)
    for first in (Identity(), Reshape((2, 3)), layers.ActivityRegularization(l2=0.1)):
        network = Network([first, Flatten(), layers.Rescaling(0.5)])
        network.forward(x)
        assert network._x is None
        assert np.shares_memory(first.y, x)


@pytest.mark.parametrize("target", [(4,), (4, -1), (2, 2)])
def test_reshape_of_another_size(target: Any) -> None:
    with pytest.raises(ValueError, match="expected target_shape of 6 elements"):
        Network([Reshape(target)]).build((6,))
    with pytest.raises(ValueError, match="at most one of them -1"):
        Reshape((-1, -1))


def test_every_layer_of_keras_is_there_or_answers() -> None:
    for name in oracle.layer_classes():
        kind = getattr(layers, name)
        if name in layers.__all__:
            continue
        with pytest.raises(NotImplementedError, match=f"^{name} is none of minidl's layers: ....+"):
            kind(3)
    with pytest.raises(AttributeError, match=r"module 'minidl\.layers' has no attribute 'Conv4D'"):
        _ = minidl.layers.Conv4D

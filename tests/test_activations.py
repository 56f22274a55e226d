"""The table of activations as functions on arrays: against Keras, and its errors."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from minidl import activations, layers, set_floatx
from minidl.backend import to_device, to_host
from tests import oracle, registered
from tests.layers.alone import alone

NAMES = list(registered.ACTIVATIONS)
BOUNDS = {"negative_slope": 0.25, "max_value": 5.0, "threshold": 1.0}
# How Keras calls it, with which options; the others have minidl's name and their defaults.
KERAS: dict[str, tuple[str, dict[str, Any]]] = {
    "bounded_relu": ("relu", BOUNDS),
    "gelu_tanh": ("gelu", {"approximate": True}),
}


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("executor")
def test_functions_agree_with_keras(name: str, shape: tuple[int, ...]) -> None:
    """On arrays of any shape; softmax and log_softmax along the last axis."""
    x = np.random.default_rng(1).normal(size=shape) * 3
    theirs, options = KERAS.get(name, (name, {}))
    own = BOUNDS if name == "bounded_relu" else {}
    y = to_host(getattr(activations, name)(to_device(x), **own))
    rtol = oracle.SLOPE_RTOL if name == "leaky_relu" else oracle.RTOL
    oracle.assert_agrees(y, oracle.activation(theirs, x, x, **options)[0], name, rtol)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("executor")
def test_gradients_agree_with_keras(name: str) -> None:
    """On both sides of 0 and far from it, where results are near 0 or 1."""
    random = np.random.default_rng(4)
    x, dy = random.normal(size=(6, 5)) * 3, random.normal(size=(6, 5))
    x[0] = [-20, 20, 1e-3, -1e-3, -8]
    theirs, options = KERAS.get(name, (name, {}))
    if name == "bounded_relu":
        layer = layers.ReLU(**BOUNDS)
        assert layer.function is activations.bounded_relu
    else:
        layer = layers.Activation(name)
    network = alone(layer, x.shape[1:], len(x))
    y = to_host(network.forward(to_device(x)))
    dx = to_host(layer.backward(to_device(dy.copy())))
    rtol = oracle.SLOPE_RTOL if name == "leaky_relu" else oracle.RTOL
    expected = oracle.activation(theirs, x, dy, **options)
    oracle.assert_agrees(y, expected[0], f"{name}: y", rtol)
    oracle.assert_agrees(dx, expected[1], f"{name}: dx", rtol)


RELU: list[dict[str, Any]] = [
    {},
    {"negative_slope": 0.25},
    {"max_value": 2.0},
    {"max_value": 6},
    {"threshold": 1.0},
    {"max_value": 2.0, "negative_slope": 0.25},
    {"negative_slope": 0.25, "threshold": 1.5},
    {"max_value": 1.0, "threshold": 2.0},
    {"max_value": 0.0},
]


@pytest.mark.parametrize("options", RELU, ids=str)
def test_relu_takes_keras_arguments(options: dict[str, Any]) -> None:
    """As a function and as a layer, with the gradient; at the ends, too, where Keras has limits."""
    random = np.random.default_rng(5)
    x, dy = random.normal(size=(20, 3)) * 3, random.normal(size=(20, 3))
    y, dx = oracle.activation("relu", x, dy, **options)
    oracle.assert_agrees(activations.relu(x, **options), y, "y")
    layer = layers.ReLU(**options)
    network = alone(layer, x.shape[1:], len(x))
    oracle.assert_agrees(network.forward(x), y, "layer's y")
    oracle.assert_agrees(layer.backward(dy.copy()), dx, "layer's dx")
    ends = np.array([[float(options.get("threshold", 0)), -0.0, 0.0]])
    oracle.assert_agrees(
        activations.relu(ends, **options), oracle.activation("relu", ends, ends, **options)[0]
    )


def test_gelu_takes_keras_argument() -> None:
    """approximate=True is the function gelu_tanh."""
    x = np.linspace(-3, 3, 13)
    near = activations.gelu(x, approximate=True)
    np.testing.assert_array_equal(near, activations.gelu_tanh(x))
    assert 1e-4 < np.max(np.abs(near - activations.gelu(x))) < 1e-3
    with pytest.raises(TypeError, match="approx"):
        activations.gelu(x, approx=True)


@pytest.mark.parametrize("name", NAMES)
def test_any_layout_and_type_of_array(name: str) -> None:
    """Columns of a larger array, lists, and integers, which become the default float."""
    function = getattr(activations, name)
    x = np.random.default_rng(2).normal(size=(3, 8))
    np.testing.assert_array_equal(function(x[:, ::2]), function(x[:, ::2].copy()))
    integers = np.array([[-2, 0, 3]])
    assert function(integers).dtype == np.float32
    np.testing.assert_array_equal(function(integers), function(integers.astype(np.float32)))
    np.testing.assert_array_equal(function(integers.tolist()), function(integers))
    set_floatx("float64")
    assert function(integers).dtype == np.float64


@pytest.mark.parametrize("name", [name for name in NAMES if "softmax" not in name])
@pytest.mark.usefixtures("executor")
def test_one_number(name: str) -> None:
    function = activations.get(name)
    for number in (1.5, np.float64(-0.25), np.array(2)):
        found = function(number)
        assert found.shape == ()
        np.testing.assert_array_equal(to_host(found), to_host(function([number]))[0])


@pytest.mark.parametrize("name", [name for name in NAMES if "softmax" in name])
@pytest.mark.parametrize("axis", [{}, {"axis": -1}, {"axis": 0}], ids=str)
@pytest.mark.usefixtures("executor")
def test_one_number_is_no_row(name: str, axis: dict[str, int]) -> None:
    """An error of the same kind as in Keras."""
    with pytest.raises(ValueError, match=f"^{name}: expected at least one axis, received one"):
        activations.get(name)(1.5, **axis)


def test_a_function_of_ones_own_for_whole_rows_takes_no_number() -> None:
    def forward(x: Any, row: Any, out: Any) -> Any:
        return np.subtract(x, np.max(x, axis=1, keepdims=True, out=row), out=out)

    own = activations.ActivationFunction("below", forward, nothing)
    np.testing.assert_array_equal(own([1.0, 3.0]), [-2.0, 0.0])
    with pytest.raises(ValueError, match="below: expected at least one axis"):
        own(np.float32(1.5))


def test_only_keras_s_own_functions_take_keras_s_arguments() -> None:
    """Another function of the name has the constants of its kernels."""
    own = activations.ActivationFunction("relu", square, nothing)
    np.testing.assert_array_equal(own([-3.0]), [9.0])
    with pytest.raises(ValueError, match="unknown argument of relu 'negative_slope'"):
        own([-3.0], negative_slope=0.5)
    assert [*inspect.signature(own).parameters] == ["x"]
    assert [*inspect.signature(activations.softmax).parameters] == ["x", "axis"]


@pytest.mark.parametrize("name", NAMES)
def test_the_argument_is_left_as_it_was(name: str) -> None:
    """The result is a new array."""
    x = np.random.default_rng(3).normal(size=(3, 4))
    before = x.copy()
    y = getattr(activations, name)(x)
    assert not np.shares_memory(x, y)
    np.testing.assert_array_equal(x, before)


def test_constants_can_be_given_by_name() -> None:
    """negative_slope and alpha; defaults are Keras's."""
    x = np.array([-1.0, 2.0])
    np.testing.assert_allclose(activations.leaky_relu(x), [-0.2, 2.0], rtol=1e-15)
    np.testing.assert_allclose(activations.leaky_relu(x, negative_slope=0.1), [-0.1, 2.0])
    np.testing.assert_allclose(activations.elu(x), [np.expm1(-1), 2.0], rtol=1e-15)
    np.testing.assert_allclose(activations.elu(x, alpha=3.0), [3 * np.expm1(-1), 2.0], rtol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_get_finds_a_function_by_its_name_and_keeps_one_that_is_given(name: str) -> None:
    """The table's keys are the functions' own names."""
    function = activations.get(name)
    assert function is getattr(activations, name)
    assert function.name == name
    assert activations.get(function) is function


def test_no_activation_is_linear() -> None:
    """As in Dense(3)."""
    assert activations.get(None) is activations.linear


def relu(x: Any) -> Any:
    """A function of another package."""
    return np.maximum(x, 0)


@pytest.mark.parametrize(
    ("identifier", "error", "words"),
    [
        ("rleu", ValueError, "unknown activation 'rleu'; did you mean 'relu'"),
        ("leakyrelu", ValueError, "did you mean 'leaky_relu'"),
        ("leaky-ReLU", ValueError, "did you mean 'leaky_relu'"),
        ("Relu7", ValueError, "did you mean 'relu"),
        ("soft", ValueError, "did you mean 'soft"),
        (
            "?",
            ValueError,
            r"unknown activation '\?' \(known: bounded_relu, celu, elu, exponential, ge",
        ),
        (1, TypeError, "expected a name or a function of minidl.activations, received int"),
        (np.tanh, TypeError, "received ufunc; write 'tanh' for minidl's$"),
        (np.sin, TypeError, "received ufunc$"),
        (relu, TypeError, "relu without its derivative; write 'relu' for minidl's or write relu_b"),
        (abs, TypeError, r"the function abs without its derivative; .*'abs', abs, abs_backward\)$"),
        ("glu", ValueError, "'glu' is none of minidl's activations: it halves the features"),
    ],
)
def test_unknown(identifier: Any, error: type[Exception], words: str) -> None:
    """The nearest right name, or what may be given."""
    with pytest.raises(error, match=words):
        activations.get(identifier)


def nothing(dy: Any, out: Any) -> Any:
    """Takes neither x nor y."""
    return np.copyto(out, dy)


def square(x: Any, out: Any) -> Any:
    """A forward."""
    return np.square(x, out=out)


@pytest.mark.parametrize(
    ("forward", "backward", "words"),
    [
        (square, lambda dy, output, out: dy, "backward: .* dy, x, y, row, total.* 'output'"),
        (square, lambda y, dy, out: dy, "backward: expected dy first"),
        (lambda z, out: z, nothing, "forward: .* received 'z'"),
        (lambda x, slope, out: x, nothing, "constants with default values; received 'slope'"),
        (square, lambda *arguments, out: out, "arguments have names"),
        (square, 3, "arguments have names, received 3"),
        (lambda x: x, nothing, "write .* into an argument out, .* @minidl.backend.fused above"),
        (square, lambda dy, x: dy, "write .* into an argument out"),
    ],
)
def test_kernels_name_what_they_need(forward: Any, backward: Any, words: str) -> None:
    """Other names are refused when the activation is made."""
    with pytest.raises(TypeError, match=words):
        activations.ActivationFunction("own", forward, backward)


@pytest.mark.parametrize("name", NAMES)
def test_what_backward_does_not_need_is_not_kept(name: str) -> None:
    """A layer holds x only where its function's backward names it."""
    layer = layers.Activation(name)
    network = alone(layer, (3,), 2)
    x = np.ones((2, 3))
    network.forward(x)
    assert (layer.x is not None) == layer.function.keeps_x
    keeping = {"bounded_relu", "gelu", "gelu_tanh", "silu", "mish"}
    keeping |= {"hard_silu", "sparse_plus", "tanh_shrink"}
    assert layer.function.keeps_x == (name in keeping)


def test_an_activation_does_not_change() -> None:
    """What has been recorded, saved or compared stays right."""
    for name in ("name", "forward", "backward", "constants", "other"):
        with pytest.raises(AttributeError, match=f"{name} of <activation relu> cannot be set"):
            setattr(activations.relu, name, None)

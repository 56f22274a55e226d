"""The table of activations as functions on arrays: against Keras, and its errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl import activations, set_floatx
from minidl.backend import to_device, to_host
from tests import oracle
from tests.specs import spec

NAMES = ["linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softmax"]


def by_keras(name: str, x: np.ndarray) -> np.ndarray:
    return oracle.layer(spec("layers.Activation", activation=name), x, np.ones_like(x)).y


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("executor")
def test_functions_agree_with_keras(name: str, shape: tuple[int, ...]) -> None:
    """On arrays of any shape; softmax along the last axis."""
    x = np.random.default_rng(1).normal(size=shape) * 3
    y = to_host(getattr(activations, name)(to_device(x)))
    rtol = oracle.SLOPE_RTOL if name == "leaky_relu" else oracle.RTOL
    oracle.assert_agrees(y, by_keras(name, x), name, rtol)


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


@pytest.mark.parametrize(
    ("identifier", "error", "words"),
    [
        ("rleu", ValueError, "unknown activation 'rleu'; did you mean 'relu'"),
        ("leakyrelu", ValueError, "did you mean 'leaky_relu'"),
        ("leaky-ReLU", ValueError, "did you mean 'leaky_relu'"),
        ("Relu6", ValueError, "did you mean 'relu'"),
        ("soft", ValueError, "did you mean 'soft"),
        ("?", ValueError, r"unknown activation '\?' \(known: bounded_relu, elu, exponential, ge"),
        (1, TypeError, "expected a name or a function of minidl.activations, received int"),
        (np.tanh, TypeError, "received ufunc"),
    ],
)
def test_unknown(identifier: Any, error: type[Exception], words: str) -> None:
    """The nearest right name, or what may be given."""
    with pytest.raises(error, match=words):
        activations.get(identifier)

"""minidl.ops: what NumPy and Keras compute, of arrays of several types; and refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import ops
from tests import oracle

X = np.random.default_rng(1).uniform(0.1, 0.9, (3, 4))
Y = np.random.default_rng(2).uniform(0.1, 0.9, (3, 4))
# Names whose Keras's arguments are not one array, or two.
CALLS: dict[str, tuple[Any, ...]] = {
    "arange": (5,), "linspace": (0.0, 1.0, 5), "eye": (3,), "zeros": ((2, 3),), "ones": ((2, 3),),
    "full": ((2,), 0.5), "full_like": (X, 2.0), "cast": (X, "int32"), "one_hot": (np.arange(3), 4),
    "clip": (X, 0.2, 0.5), "reshape": (X, (2, -1)), "expand_dims": (X, 1), "tile": (X, (2, 1)),
    "squeeze": (X[:, :1], 1), "broadcast_to": (X, (2, 3, 4)), "repeat": (X, 2, 1),
    "split": (X, 2, 1),
    "roll": (X, 1, 0), "stack": ([X, Y], 1), "concatenate": ([X, Y], -1), "hstack": ([X, Y],),
    "vstack": ([X, Y],), "where": (X > 0.5, X, 0.0), "take": (X, np.array([0, 2]), 1),
    "take_along_axis": (X, np.zeros((3, 1), int), 1), "top_k": (X, 2), "unstack": (X,),
    "matmul": (X, Y.T), "dot": (X, Y.T), "outer": (X[0], Y[0]), "inner": (X[0], Y[0]),
    "vdot": (X[0], Y[0]), "arccosh": (X + 1,), "array": (X,), "diag": (X[0],), "flip": (X, 0),
    "bitwise_and": (np.array([6]), np.array([3])), "bitwise_or": (np.array([6]), np.array([3])),
    "bitwise_xor": (np.array([6]), np.array([3])), "categorical_crossentropy": (Y, X),
    "sparse_categorical_crossentropy": (np.array([0, 1, 3]), X),
}  # fmt: skip
PAIRS = {*minidl.ops.elementwise.TWO, "binary_crossentropy"}
# Keras has no such name, or returns a type of its own.
OWN = {"mean": {}, "is_tensor": {}, "convert_to_numpy": {}, "convert_to_tensor": {}, "shape": {}}
NAMES = sorted({*dir(ops)} - {*OWN, "swish", "copy", "fmod"})


@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_keras(name: str) -> None:
    """Values and shapes, in float64."""
    theirs = getattr(oracle.keras.ops, name, None)
    if theirs is None:
        assert name in ("cbrt", "conj", "heaviside", "hypot", "nextafter", "positive"), name
        return
    given = CALLS.get(name, (X, Y) if name in PAIRS else (X,))
    expected, found = theirs(*given), getattr(ops, name)(*given)
    if isinstance(expected, tuple | list):
        assert len(expected) == len(found)
    else:
        expected, found = [expected], [found]
    for one, other in zip(found, expected, strict=True):
        assert one.numpy().shape == tuple(other.shape)
        # Of another library: some tens of roundings; leaky_relu's slope is a float32 there.
        np.testing.assert_allclose(one, np.asarray(other), rtol=oracle.SLOPE_RTOL, atol=1e-12)


@pytest.mark.parametrize("name", ["mean", "sum", "max", "std", "logsumexp", "norm"])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions(name: str, axis: Any, keepdims: bool) -> None:
    theirs = getattr(oracle.keras.ops, name)(X, axis=axis, keepdims=keepdims)
    ours = getattr(ops, name)(X, axis=axis, keepdims=keepdims)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    assert ours.shape == tuple(theirs.shape)


def test_types_are_kerass() -> None:
    """Python's floats and whole numbers come to the default type, arrays keep theirs."""
    assert ops.convert_to_tensor([1.0, 2]).dtype == ops.mean([1, 2]).dtype == np.float32
    assert ops.sqrt(np.array([4])).dtype == ops.multiply(np.array([1]), 0.5).dtype == np.float32
    assert ops.add(X, 1).dtype == ops.mean(X).dtype == np.float64
    assert ops.add(X.astype("float32"), 0.5).dtype == np.float32
    assert ops.arange(3).dtype == ops.argmax(X, axis=1).dtype == np.int32
    assert ops.is_tensor(X)
    assert not ops.is_tensor([1.0])
    assert ops.shape(X) == (3, 4)
    assert ops.size(X) == 12
    assert type(ops.convert_to_numpy(ops.mean(X))) is np.ndarray
    np.testing.assert_array_equal(ops.copy(x=X), X)
    np.testing.assert_allclose(ops.gelu(X, False), minidl.activations.gelu(X))


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "float32"])
def test_the_largest_of_any_type(dtype: str) -> None:
    """What has no negative numbers, or one more than positive ones, has no opposite."""
    x = np.array([[0, 3, 2, 3], [-128, 127, 1, 0]]).astype(dtype)  # wraps around where unsigned
    values, places = ops.top_k(x, 3)
    expected, where = oracle.keras.ops.top_k(x.astype("float32"), 3)
    np.testing.assert_array_equal(values.astype("float32"), expected)
    np.testing.assert_array_equal(places, where)


def test_arguments_by_place_and_empty_axes() -> None:
    np.testing.assert_allclose(ops.leaky_relu(-1.0, 0.5), -0.5)
    np.testing.assert_allclose(ops.softmax(X, (0, 1)).sum(), 1)
    for axis in (-1, 0, (0, 1)):
        assert ops.softmax(np.zeros((3, 0)), axis).shape == (3, 0)
        assert minidl.activations.softmax(np.zeros((3, 0)), axis).shape == (3, 0)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8"])
def test_functions_of_bytes_have_the_digits_of_the_default_type(dtype: str) -> None:
    """NumPy's type would be float16."""
    x = np.array([0, 1], dtype)
    for found, exact in ((ops.exp(x), [1, np.e]), (ops.arctan2(x, 2), [0, np.arctan(0.5)])):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, exact, rtol=1e-7)
    assert ops.exp(x.astype("float16")).dtype == np.float16


def test_refusals() -> None:
    with pytest.raises(AttributeError, match="functions for dense networks, and no 'conv'"):
        _ = ops.conv
    with pytest.raises(AttributeError, match="did you mean 'softmax'"):
        _ = ops.soft_max
    with pytest.raises(TypeError, match=r"received .*Input.*a layer of its own"):
        ops.sqrt(minidl.Input((3,)))
    with pytest.raises(TypeError, match="unexpected keyword argument"):
        ops.mean(X, axes=0)
    with pytest.raises(ValueError, match="expected at least one array"):
        ops.stack([])
    with pytest.raises(ValueError, match=r"k: expected at most 4, .* received 5"):
        ops.top_k(X, 5)
    with pytest.raises(ValueError, match=r"x: expected whole numbers, received 0\.5"):
        ops.one_hot([0.5], 2)
    with pytest.raises(TypeError, match=r"num_classes: expected an integer .* received 2\.5"):
        ops.one_hot([1], 2.5)


@pytest.mark.parametrize("given", [None, "abc", b"x", object(), {}, [None, 1], 10**400])
def test_what_is_no_number_is_refused(given: Any) -> None:
    for name in ("convert_to_tensor", "max", "nan_to_num", "hypot"):
        function = getattr(ops, name)
        with pytest.raises(TypeError, match="expected numbers, received dtype"):
            function(given, given) if name == "hypot" else function(given)

"""The numeric gradient finds wrong gradients, names them, and knows kinks."""

from __future__ import annotations

import numpy as np
import pytest

from tests.gradients import check_gradient

X = np.array([[0.5, -1.5], [2.0, 40.0]])
W = np.array([3.0, -2.0])


def product(x, w):
    return x * w


def test_right_gradients_pass():
    dy = np.array([[1.0, 2.0], [-3.0, 0.5]])
    check_gradient(product, {"x": X, "w": W}, {"x": dy * W, "w": (dy * X).sum(axis=0)}, dy)
    check_gradient(lambda x: np.sum(np.exp(-x)), {"x": X}, {"x": -np.exp(-X)})


@pytest.mark.parametrize("index", list(np.ndindex(2, 2)))
def test_one_wrong_entry_is_named_with_both_values(index):
    wrong = np.tile(W, (2, 1))
    wrong[index] *= 1 + 1e-5
    message = rf"gradient of x\[{index[0]}, {index[1]}\]: analytic .*, numeric .* apart, .* allowed"
    with pytest.raises(AssertionError, match=message):
        check_gradient(product, {"x": X, "w": W}, {"x": wrong})


def test_a_missing_term_of_the_size_of_rounding_alone_is_forgiven():
    check_gradient(lambda x: 1e6 + x, {"x": X}, {"x": np.ones_like(X)})


def test_other_shapes_and_other_types_are_refused():
    with pytest.raises(AssertionError, match=r"of w: expected shape \(2,\), received \(2, 2\)"):
        check_gradient(product, {"x": X, "w": W}, {"w": X})
    with pytest.raises(TypeError, match="expected float64, received float32"):
        check_gradient(np.square, {"x": X.astype("float32")}, {"x": 2 * X})


def relu(x):
    return np.maximum(x, 0)


def test_a_kink_is_found_and_counted():
    x = np.array([1.0, 0.0, -1.0, 2.0])
    for at_the_kink in (0.0, 0.3, 1.0):  # between the slopes of both sides
        gradient = np.array([1.0, at_the_kink, 0.0, 1.0])
        check_gradient(relu, {"x": x}, {"x": gradient}, kinks=0.25)
        with pytest.raises(AssertionError, match=r"1 of 4 entries lie at a kink: \[\(1,\)\]"):
            check_gradient(relu, {"x": x}, {"x": gradient})


@pytest.mark.parametrize("wrong", [-0.1, 1.1])
def test_a_kink_excuses_only_what_lies_between_its_sides(wrong):
    with pytest.raises(AssertionError, match=r"gradient of x\[0\]: analytic"):
        check_gradient(relu, {"x": np.zeros(1)}, {"x": np.array([wrong])}, kinks=1)


def test_a_kink_excuses_no_other_entry():
    with pytest.raises(AssertionError, match=r"gradient of x\[1\]: analytic 0"):
        check_gradient(relu, {"x": np.array([0.0, 1.0])}, {"x": np.zeros(2)}, kinks=1)

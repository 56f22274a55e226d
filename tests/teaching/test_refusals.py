"""What cannot be compared is told in a sentence of its own; what cannot be diagnosed is refused."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from minidl.backend import switch, use
from minidl.teaching.catalogue import KERNELS
from minidl.testing import diagnose


def told(backward, kernel, problem):
    """The sentence of a backward that could not be compared."""
    found = diagnose(backward, kernel)
    assert not found.correct
    assert found.problem == problem
    text = str(found)
    assert text.startswith(f"{kernel}: ")
    return text.removeprefix(f"{kernel}: ")


# Arguments ------------------------------------------------------------------------------------


def one_missing(dy, x):
    return dy, x


def one_more(dy, x, W, b):
    return dy, x, W


def another_name(dy, x, weights, b):
    return dy, x, b


def another_order(dout, W, x):
    return dout, W, x


def keyword(dy, x, *, w):
    return dy, x, w


@pytest.mark.parametrize(
    ("backward", "complaint"),
    [
        (one_missing, "one_missing(dy, x): W is missing."),
        (one_more, "one_more(dy, x, W, b): b is unknown."),
        (another_name,
         "another_name(dy, x, weights, b): W is missing and weights and b are unknown."),
        (another_order, "another_order(dout, W, x): dy is missing and dout is unknown."),
        (keyword, "keyword(dy, x, w): W is missing and w is unknown."),
        (lambda: None, "<lambda>(): dy, x and W are missing."),
        (lambda dy, W, x, /: None, "<lambda>(dy, W, x): in another order."),
    ],
)  # fmt: skip
def test_other_arguments(backward, complaint):
    text = told(backward, "dense", "signature")
    assert text == f"expected the arguments of dense_backward(dy, x, W), received {complaint}"


def test_what_may_be_asked_for_by_name_is_told():
    assert told(lambda dy, x, z: dy, "relu", "signature") == (
        "expected the arguments of relu_backward(dy, y), by name also x, received "
        "<lambda>(dy, x, z): z is unknown."
    )


def test_what_has_no_signature_is_called_in_order():
    with pytest.raises(ValueError, match="no signature found"):
        inspect.signature(max)
    assert "it raised ValueError: The truth value" in told(max, "relu", "exception")


def test_a_ufunc_is_called_in_order():
    assert diagnose(np.multiply, "relu").outputs == {"dx": ("activation for its derivative",)}


def test_a_call_method_is_a_backward():
    class Backward:
        def __call__(self, dy, y):
            return dy * (y > 0)

    assert diagnose(Backward(), "relu").correct


# What comes back ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returned", "complaint"),
    [
        (lambda dy, x, W: None, "None: is the return statement missing?"),
        (lambda dy, x, W: (dy @ W.T, x.T @ dy), "2."),
        (lambda dy, x, W: (dy, dy, dy, dy), "4."),
        (lambda dy, x, W: np.ones((2, 3)), "a ndarray of shape (2, 3)."),
        (lambda dy, x, W: {"dx": dy @ W.T}, "a dict."),
        (lambda dy, x, W: 3.0, "a float."),
    ],
)
def test_another_number_of_outputs(returned, complaint):
    text = told(returned, "dense", "outputs")
    assert text == f"expected 3 outputs, (dx, dW, db), received {complaint}"


def test_no_output_of_one():
    text = told(lambda dy, y: None, "relu", "outputs")
    assert text == "expected dx, received None: is the return statement missing?"


@pytest.mark.parametrize(
    ("order", "returned"),
    [
        ("dW, db, dx", lambda dy, x, W: (x.T @ dy, dy.sum(0), dy @ W.T)),
        ("dW, dx, db", lambda dy, x, W: (x.T @ dy, dy @ W.T, dy.sum(0))),
        # One of them is wrong besides.
        ("dW, db, dx", lambda dy, x, W: (x.T @ dy, dy.mean(0), dy @ W.T)),
    ],
)
def test_another_order_of_the_outputs(order, returned):
    text = told(returned, "dense", "order")
    assert text == f"the outputs come in the order ({order}), expected (dx, dW, db)."


def test_one_output_at_another_place_is_no_order():
    def backward(dy, x, W):
        return x.T @ dy, np.cos(x.T @ dy), np.cos(dy.sum(0))

    assert diagnose(backward, "dense").outputs["dx"] == ("shape",)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("None", lambda dW: None, "None"),
        ("integers", lambda dW: dW.astype(int), "of dtype int64: gradients are real numbers"),
        ("integers", lambda dW: dW > 0, "of dtype bool: gradients are real numbers"),
        ("no array", lambda dW: dW + 0j, "no array of real numbers: its dtype is complex128"),
        ("no array", lambda dW: "dW", "no array of real numbers: its dtype is <U2"),
        ("no array", lambda dW: [[1.0], [1.0, 2.0]], "no array of numbers but a list"),
        ("shape", lambda dW: dW.ravel(), "though its values are right"),
        ("shape", lambda dW: np.zeros((2, 2)), "of shape (2, 2), expected ("),
        ("shape", lambda dW: 0.0, "of shape (), expected ("),
        ("not finite", lambda dW: dW * np.nan, "dW[0, 0] is nan"),
        ("not finite", lambda dW: np.where(dW == dW.max(), np.inf, dW), "not finite in 1 of "),
    ],
)
def test_no_array_of_the_right_kind(name, value, text):
    found = diagnose(lambda dy, x, W: (dy @ W.T, value(x.T @ dy), dy.sum(0)), "dense")
    assert found.outputs == {"dx": (), "dW": (name,), "db": ()}
    assert f"dW is {text}" in str(found) or text in str(found)
    assert str(found).endswith("dx and db are right.")


def test_a_shape_that_is_wrong_for_one_row_only():
    found = diagnose(lambda dy, y: (dy * (1 - y * y)).squeeze(), "tanh")
    assert found.outputs == {"dx": ("shape",)}
    assert "expected (1, " in str(found)
    assert "for N = 1 and O = " in str(found)


# What it does besides -------------------------------------------------------------------------


def test_a_changed_argument():
    def backward(dy, y):
        dy *= y > 0
        return dy

    text = told(backward, "relu", "in place")
    assert text.startswith("the function changes its argument dy in place")


def test_a_changed_shape():
    def backward(dW, W, l2):
        total = dW + 2 * l2 * W
        W.shape = (-1,)
        return total

    assert "changes its argument W in place" in told(backward, "l2", "in place")


def test_an_exception_names_the_line():
    def helper(dy):
        return dy[:, 99]

    def backward(dy, y):
        return helper(dy)

    text = told(backward, "tanh", "exception")
    assert text.startswith("for N = ")
    assert "it raised IndexError: index 99 is out of bounds" in text
    assert text.endswith("of helper (return dy[:, 99]).")


def test_an_argument_that_is_there_for_who_asks():
    def backward(dy, y):
        return dy / np.cosh(x) ** 2  # noqa: F821

    def other(dy, y):
        return dy * (1 - yy * yy)  # noqa: F821

    asks = "; x is there for a function that asks for it, tanh_backward(dy, y, x)"
    assert asks in told(backward, "tanh", "exception")
    assert "asks for it" not in told(other, "tanh", "exception")
    assert diagnose(lambda dy, y, x: dy / np.cosh(x) ** 2, "tanh").correct


def test_an_exception_without_a_line():
    text = told(max, "relu", "exception")
    assert " Use a.any() or a.all(); it ran for N = 1 and O = 1." in text


def test_an_interrupt_passes_through():
    def backward(dy, y):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        diagnose(backward, "relu")


def test_chance():
    def backward(dy, y):
        return dy * np.random.default_rng().random(dy.shape)

    text = told(backward, "tanh", "not deterministic")
    assert text.startswith("two calls on the same input give another dx: ")
    assert diagnose(backward, "tanh").outputs == {"dx": ("not deterministic",)}


def test_chance_in_one_output_of_several():
    rng = np.random.default_rng()
    found = diagnose(
        lambda dy, x, W: (dy @ W.T, x.T @ dy, dy.sum(0) * rng.random(W.shape[1])), "dense"
    )
    assert found.outputs == {"db": ("not deterministic",)}


def test_chance_in_dropout_that_is_no_mask():
    rng = np.random.default_rng()
    text = told(lambda dy, mask, rate: dy * rng.random(dy.shape), "dropout", "not deterministic")
    assert text.startswith("two calls")


def test_an_exception_now_and_then():
    calls = []

    def backward(dy, y):
        calls.append(dy)
        if len(calls) % 2:
            raise RuntimeError("odd")
        return dy * (1 - y * y)

    assert told(backward, "tanh", "not deterministic")


def test_the_last_bits_may_differ():
    rng = np.random.default_rng()
    assert diagnose(lambda dy, y: dy * (1 - y * y) * (1 + 1e-13 * rng.random()), "tanh").correct


def test_accumulation():
    totals = {}

    def backward(dy, x, W):
        totals.setdefault(W.shape, np.zeros(W.shape))
        totals[W.shape] += x.T @ dy
        return dy @ W.T, totals[W.shape], dy.sum(0)

    text = told(backward, "dense", "accumulated")
    assert text.startswith("dW grows by the same with every call")
    assert diagnose(backward, "dense").outputs == {"dW": ("accumulated",)}


def test_accumulation_of_a_wrong_gradient_in_an_array_of_one_size():
    class Layer:
        dW = db = 0.0

        def backward(self, dy, x, W):
            self.dW += 3 * x.T @ dy
            self.db += dy.mean(0)
            return dy @ W.T, self.dW, self.db

    text = told(Layer().backward, "dense", "accumulated")
    assert text.startswith("dW and db grow by the same")


def test_warnings_of_numpy_are_not_raised():
    """Zero divided by zero shows in the result."""
    with np.errstate(all="raise"):
        assert diagnose(lambda dW, W, l1: dW + l1 * W / np.abs(W), "l1").outputs == {
            "total": ("0/0 at zero",)
        }


# What cannot be diagnosed ---------------------------------------------------------------------


def test_no_function():
    with pytest.raises(TypeError, match="expected a backward function, received ndarray"):
        diagnose(np.ones(3), "relu")


def test_an_unknown_kernel():
    message = "unknown kernel 'softmax_cross_entropy'; did you mean 'softmax_crossentropy'"
    with pytest.raises(ValueError, match=message):
        diagnose(one_more, "softmax_cross_entropy")


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range(seed):
    with pytest.raises(ValueError, match="seed: expected an integer"):
        diagnose(one_more, "relu", seed)


def test_a_seed_of_another_type():
    with pytest.raises(TypeError, match="seed: expected an integer"):
        diagnose(one_more, "relu", 0.5)


# Around it ------------------------------------------------------------------------------------


def test_the_engine_is_as_before():
    with use("numpy", executor="compiled"):
        before = dict(switch._state)
        diagnose(lambda dy, y: dy, "relu")
        assert switch._state == before


def test_the_same_seed_gives_the_same_diagnosis():
    def backward(dy, y):
        return np.cos(dy + y)

    assert str(diagnose(backward, "tanh", seed=3)) == str(diagnose(backward, "tanh", seed=3))
    assert str(diagnose(backward, "tanh", seed=3)) != str(diagnose(backward, "tanh", seed=4))


@pytest.mark.parametrize("name", KERNELS)
def test_the_documentation_of_diagnose_names_the_kernel(name):
    assert f'"{name}"' in diagnose.__doc__

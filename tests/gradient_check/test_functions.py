"""Pairs of functions: right ones pass, wrong ones are told entry by entry, unfit ones refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.backend import to_device, to_host
from minidl.gradient_check import (
    GradientDtypeError,
    GradientError,
    GradientShapeError,
    InPlaceError,
    KinkError,
    NondeterministicError,
    NotFiniteError,
    check_function,
    gradcheck,
)
from minidl.gradient_check.directions import random_direction
from minidl.testing import smooth, tensors

random = np.random.default_rng(0)
X, W = random.normal(size=(4, 3)), random.normal(size=(3, 3))


def product(x, w):
    return x @ w


def product_backward(dy, x, w):
    return dy @ w.T, x.T @ dy


def relu(x):
    return np.maximum(x, 0)


def relu_backward(dy, x):
    return dy * (x > 0)


# Right pairs -------------------------------------------------------------------------------


@given(tensors(x=smooth("NI"), w=smooth("IO"), dy=smooth("NO")))
def test_a_right_pair_passes_however_it_is_handed_over(t):
    by_place = check_function(product, product_backward, (t.x, t.w), t.dy)
    by_name = check_function(
        product,
        lambda dy, x, w: dict(zip("xw", product_backward(dy, x, w), strict=True)),
        {"x": t.x, "w": t.w},
        t.dy,
    )
    assert [check.name for check in by_place.checks] == ["input 0", "input 1", "all together"]
    assert [check.name for check in by_name.checks] == ["x", "w", "all together"]
    assert max(by_place.max_error, by_name.max_error) < 1e-9


def test_one_input_needs_no_sequence_and_a_number_will_do_for_y():
    assert check_function(np.sin, lambda dy, x: dy * np.cos(x), X).max_error < 1e-11
    assert check_function(lambda x: float(np.sum(x**3)), lambda dy, x: 3 * x**2 * dy, X)
    assert check_function(lambda x: x**3, lambda dy, x: 3 * x**2 * dy, np.float64(0.7))


def test_what_has_no_gradient_is_not_checked():
    for none in ({"w": X.T @ np.ones((4, 3))}, (None, X.T @ np.ones((4, 3)))):
        result = check_function(product, lambda dy, x, w, g=none: g, {"x": X, "w": W}, 1.0)
        assert [check.name for check in result.checks] == ["w"]


@pytest.mark.parametrize(
    ("point", "gradient"),
    [(X, None), ((X, X), (None, None)), ({"x": X}, {}), (X[:0], X[:0])],
    ids=["no return", "two", "a dictionary", "no rows"],
)
def test_a_check_of_nothing_is_refused(point, gradient):
    message = "backward: expected a gradient with entries for one input at least, received none"
    with pytest.raises(GradientShapeError, match=message):
        check_function(lambda *inputs, **named: np.sum(X), lambda *a, **k: gradient, point)


def test_arguments_that_are_missing_are_named():
    with pytest.raises(TypeError, match=r"expected \(forward, backward, inputs, .*'backward'"):
        gradcheck(np.sin)


def test_dy_has_the_outputs_shape_or_is_spread_over_it():
    dy = np.arange(4.0)[:, None]
    seen = []

    def backward(dy, x, w):
        seen.append(dy.copy())
        return product_backward(dy, x, w)

    check_function(product, backward, (X, W), dy)
    np.testing.assert_array_equal(seen[0], np.broadcast_to(dy, (4, 3)))
    seen.clear()
    check_function(product, backward, (X, W))
    assert np.unique(np.abs(seen[0])).size == 12  # random, and none is near 0
    assert np.abs(seen[0]).min() >= 0.5


def test_a_backward_may_overwrite_dy():
    def backward(dy, x):
        dy *= np.cos(x)
        return dy

    check_function(np.sin, backward, X)


def test_the_result_prints_what_was_checked():
    result = check_function(product, product_backward, (X, W), name="my product")
    lines = str(result).splitlines()
    assert lines[0].startswith("gradients of my product: right, largest relative error ")
    assert [line.split()[:2] for line in lines[1:]] == [["input", "0"], ["input", "1"],
                                                        ["all", "together"]]  # fmt: skip
    assert all("(4, 3)" in lines[1] and "error" in x and "resolution" in x for x in lines[1:])
    assert result.checks[0].resolution < 2e-9


def test_a_term_of_the_size_of_rounding_alone_is_forgiven():
    """Where the function is 1e6, differences of it have ten digits less."""
    result = check_function(lambda x: 1e6 + x, lambda dy, x: dy * (1 + 1e-8), X)
    assert 1e-9 < result.checks[0].resolution < 1e-5
    with pytest.raises(GradientError):
        check_function(lambda x: 1 + x, lambda dy, x: dy * (1 + 1e-8), X)


def test_what_rounding_swallows_whole_is_forgiven_and_nothing_larger():
    """1 + 1e-25 x is 1 wherever one looks."""

    def check(slope: float) -> None:
        check_function(lambda x: 1 + 1e-25 * x, lambda dy, x: slope * dy, np.zeros(3))

    check(1e-25)
    with pytest.raises(GradientError):
        check(1e-9)


def test_what_cancels_to_0_may_leave_its_rounding_behind():
    """A trillionth of the largest gradient of all."""

    def forward(x, w):
        return 0 * x + w

    check_function(forward, lambda dy, x, w: (1e-14 * x, dy), (X, X))
    with pytest.raises(GradientError):
        check_function(forward, lambda dy, x, w: (1e-10 * x, dy), (X, X))
    with pytest.raises(GradientError):
        check_function(forward, lambda dy, x, w: (1e-10 * x, None), (X, X))


def test_steps_grow_with_the_tensor():
    """With steps of 2⁻⁹ the rounding of 1e6 would cost six digits."""
    result = check_function(
        lambda x: 1e6 * np.sin(x / 1e6), lambda dy, x: dy * np.cos(x / 1e6), 1e6 * X
    )
    assert result.checks[0].resolution < 1e-8


def test_a_small_kink_of_one_entry_is_no_wrong_entry():
    """Along the whole tensor its jump does not matter, along the entry it does."""
    x = np.linspace(1, 2, 100)
    x[0] = 0

    def backward(dy, x):
        dx = dy * (1 + 3e-7 * (x > 0))
        dx[7] *= 2
        return dx

    with pytest.raises(GradientError) as caught:
        check_function(lambda x: x + 3e-7 * np.maximum(x, 0), backward, x, 1.0)
    assert [entry.place for entry in caught.value.failures[0].entries] == [(7,)]


@given(st.integers(1, 200), st.integers(0, 99))
def test_directions_are_unit_vectors_without_small_or_equal_entries(size, seed):
    """An entry near 0 would hide its error; equal ones, errors that cancel."""
    vector = np.abs(random_direction(np.random.default_rng(seed), (size,)))
    assert np.linalg.norm(vector) == pytest.approx(1, rel=1e-12)
    assert vector.min() > 0.4 / np.sqrt(size)
    assert np.unique(vector).size == size


@pytest.mark.usefixtures("executor")
def test_inputs_stay_on_their_device():
    def forward(x):
        assert type(x) is type(device)
        return x * x

    device = to_device(X)
    check_function(forward, lambda dy, x: 2 * x * dy, device)
    np.testing.assert_array_equal(to_host(device), X)


# Wrong pairs -------------------------------------------------------------------------------


@pytest.mark.parametrize("index", list(np.ndindex(3, 3)))
def test_one_wrong_entry_is_named_with_both_values(index):
    def backward(dy, x, w):
        dx, dw = product_backward(dy, x, w)
        dw[index] *= 1 + 1e-5
        return {"x": dx, "w": dw}

    right = product_backward(np.ones((4, 3)), X, W)[1][index]
    with pytest.raises(GradientError) as caught:
        check_function(product, backward, {"x": X, "w": W}, 1.0)
    (failure,) = caught.value.failures
    (entry,) = failure.entries
    assert (failure.check.name, entry.place, failure.looked_at) == ("w", index, 9)
    assert entry.analytic == pytest.approx(right * (1 + 1e-5), rel=1e-14)
    assert entry.numeric == pytest.approx(right, rel=1e-9)
    assert entry.error == pytest.approx(1e-5, rel=1e-3)
    message = str(caught.value)
    assert "gradients of product: 1 of 2 are wrong\nw (3, 3): 1 of 9 entries wrong;" in message
    assert f"{list(index)}" in message
    assert f"{entry.analytic:.9g}" in message
    assert f"{entry.numeric:.9g}" in message


@pytest.mark.parametrize("relative", [1e-3, 1e-6])
def test_one_wrong_entry_of_a_large_tensor_is_found(relative):
    """Among 120,000, of which 64 are looked at before it is searched for."""
    x = np.random.default_rng(1).normal(size=(300, 400))

    def backward(dy, x):
        dx = 2 * x * dy
        dx[200, 300] *= 1 + relative
        return dx

    with pytest.raises(GradientError, match=r"1 of 65 entries looked at, of 120,000") as caught:
        check_function(np.square, backward, x)
    assert [entry.place for entry in caught.value.failures[0].entries] == [(200, 300)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda g: -g, "every entry has the opposite sign"),
        (lambda g: 2 * g, "every entry is 2 times the numeric one: a mean over 2 left out?"),
        (lambda g: g / 3, "every entry is 0.333333 times .*: a mean over 3 taken twice?"),
        (lambda g: 1.7 * g, "every entry is 1.7 times the numeric one$"),
        (lambda g: 0 * g, "the analytic gradient is 0 everywhere"),
        (lambda g: g.T.copy(), "the analytic gradient is the transposed numeric one"),
        (lambda g: g + 0.02 * W, "0.02 times the tensor itself: a penalty too much or too few"),
        (lambda g: g - 0.3 * np.sign(W), "-0.3 times the tensor's signs: a penalty"),
        (lambda g: g * [1, 0, 1], "all wrong entries lie in column 1"),
        (lambda g: g * [[1], [1], [5]], "all wrong entries lie in row 2"),
        (lambda g: g**2, "9 of 9 entries wrong"),
    ],
)
def test_what_wrong_entries_have_in_common_is_said(wrong, words):
    with pytest.raises(GradientError, match=f"(?m){words}") as caught:
        check_function(
            product, lambda dy, x, w: (None, wrong(product_backward(dy, x, w)[1])), (X, W)
        )
    failure = caught.value.failures[0]
    assert bool(failure.hint) == ("9 of 9" not in words)


def test_the_worst_eight_entries_are_shown():
    with pytest.raises(GradientError, match=r"\.\.\. and 4 more") as caught:
        check_function(np.sin, lambda dy, x: dy * np.sin(x), X)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2 + 1 + 8 + 1
    apart = [abs(float(line.split()[-3]) - float(line.split()[-2])) for line in lines[3:-1]]
    assert apart == sorted(apart, reverse=True)


# Kinks -------------------------------------------------------------------------------------


def test_a_kink_at_the_point_is_named_by_its_entry():
    x = np.array([[1.0, -2.0], [0.0, 3.0]])
    for slope_at_0 in (0.0, 0.5, 1.0):  # whatever the backward says there
        with pytest.raises(KinkError, match="the point lies at a kink") as caught:
            check_function(relu, lambda dy, x, s=slope_at_0: dy * ((x > 0) + s * (x == 0)), x, 1.0)
        assert caught.value.kinks == ("x[1, 0] = 0, slope 0 to the left, 1 to the right",)


@pytest.mark.parametrize("kink", [
    (np.abs, lambda dy, x: dy * np.sign(x)),
    (lambda x: np.where(x > 0, x, 0.2 * x), lambda dy, x: dy * np.where(x > 0, 1, 0.2)),
    (lambda x: np.where(x > 0, x, 0.7 * np.expm1(x)),
     lambda dy, x: dy * np.where(x > 0, 1, 0.7 * np.exp(x))),
    (lambda x: np.clip(x, 0, 4), lambda dy, x: dy * ((x > 0) & (x < 4))),
    (lambda x: np.maximum(0, -x), lambda dy, x: -dy * (x < 0)),
], ids=["abs", "leaky relu", "elu", "clip", "hinge"])  # fmt: skip
def test_every_kind_of_kink_is_found_at_the_point_and_avoided_beside_it(kink):
    x = random.normal(size=(3, 4)) + 0.1
    x[1, 2] = 0
    with pytest.raises(KinkError) as caught:
        check_function(*kink, x)
    assert len(caught.value.kinks) == 1
    assert caught.value.kinks[0].startswith("x[1, 2] = 0, slope ")
    x[1, 2] = 1e-6
    assert check_function(*kink, x).max_error < 1e-6


def test_a_kink_in_a_large_tensor_is_found():
    x = np.random.default_rng(1).normal(size=(300, 400))
    x[12, 345] = 0
    with pytest.raises(KinkError) as caught:
        check_function(relu, relu_backward, x, 1.0)
    assert caught.value.kinks == ("x[12, 345] = 0, slope 0 to the left, 1 to the right",)


def test_a_wrong_gradient_beside_a_kink_is_wrong():
    with pytest.raises(GradientError, match="opposite sign"):
        check_function(relu, lambda dy, x: -relu_backward(dy, x), np.array([1e-6, 1.0, -1.0]))


def test_a_kink_in_one_tensor_does_not_hide_a_wrong_other():
    def backward(dy, x, w):
        return dy * (x > 0), 2 * dy

    x = np.array([0.0, 1.0])
    with pytest.raises(GradientError, match=r"(?s)input 1 .*  kink: input 0\[0\] = 0, slope 0"):
        check_function(lambda x, w: relu(x) + w, backward, (x, x + 1))


# Unfit functions ---------------------------------------------------------------------------


def changes_x(x):
    x += 1
    return x * 2


def changes_w(dy, x, w):
    w[1, 2] = 5
    return product_backward(dy, x, w)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((product, product_backward, (X.astype(int), W)), GradientDtypeError,
         "product: input 0: expected float64, received int64"),
        ((product, product_backward, (X, W.astype("float32"))), GradientDtypeError,
         "product: input 1: expected float64, received float32"),
        ((lambda x: x.astype("float32"), lambda dy, x: dy, X), GradientDtypeError,
         "function: forward: expected float64, received float32"),
        ((relu, lambda dy, x: (x > 0).astype(int), X), GradientDtypeError,
         "relu: gradient of x: expected float64, received int64"),
        ((relu, relu_backward, X, np.array(["a"])), GradientDtypeError, "relu: dy: .*<U1"),
        ((product, lambda dy, x, w: (x.T @ dy, dy @ w.T), (X, W)), GradientShapeError,
         r"product: gradient of input 0: expected shape \(4, 3\), that of the input, received "
         r"\(3, 3\)"),
        ((product, lambda dy, x, w: dy, (X, W)), GradientShapeError,
         "product: backward: expected 2 gradients, one for each input, received 1"),
        ((relu, lambda dy, x: {"y": dy}, X), GradientShapeError,
         r"relu: backward: expected gradients of \['x'\], received one of 'y'"),
        ((relu, relu_backward, X, np.ones((3, 4))), GradientShapeError,
         r"relu: dy: expected a shape that goes with forward's, \(4, 3\), received \(3, 4\)"),
        ((lambda x: (x, x), relu_backward, X), GradientShapeError,
         "function: forward: expected one array or number, received a tuple of 2"),
        ((changes_x, lambda dy, x: 2 * dy, X), InPlaceError,
         r"changes_x: forward: expected its input x as it was, received it changed in 12 of 12 "
         r"entries, the first at \[0, 0\]"),
        ((product, changes_w, (X, W)), InPlaceError,
         r"product: backward: .* input 1 .* changed in 1 of 9 entries, the first at \[1, 2\]"),
        ((lambda x: x + random.normal(), lambda dy, x: dy, X), NondeterministicError,
         "function: forward: expected the same numbers from two calls .* the result up to .* ap"),
        ((relu, lambda dy, x: dy * random.normal(), X), NondeterministicError,
         "relu: backward: expected the same numbers from two calls .* x up to .* apart"),
        ((relu, relu_backward, np.array([1.0, np.nan])), NotFiniteError,
         r"relu: x: expected finite numbers, received nan at \[1\]"),
        ((lambda x: x * np.inf, lambda dy, x: dy, X), NotFiniteError,
         r"function: forward: expected finite numbers, received -?inf at \[0, 0\]"),
        ((relu, lambda dy, x: dy * np.array([[1], [1], [np.nan], [1]]), X), NotFiniteError,
         r"relu: gradient of x: expected finite numbers, received nan at \[2, 0\]"),
        ((np.sqrt, lambda dy, x: dy, np.array([0.0, 1.0])), NotFiniteError,
         "x: expected finite values of the function around the point, received nan and"),
    ],
)  # fmt: skip
def test_each_unfit_function_has_its_own_error(arguments, error, words):
    before = X.copy(), W.copy()
    with pytest.raises(error, match=words):
        check_function(*arguments)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(W, before[1])

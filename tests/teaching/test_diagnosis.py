"""A wrong backward is told by its mistake; a right one is told to be right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minidl.teaching.catalogue import KERNELS
from minidl.testing import diagnose
from tests.teaching import students_course
from tests.teaching.rights import RIGHT
from tests.teaching.students import STUDENTS, dense
from tests.teaching.students_batchnorm import batchnorm

SEEDS = st.integers(0, 2**64 - 1)


def mistakes(student):
    """What the diagnosis has to say of each output."""
    wrong = student.outputs.split()
    return {o: (student.mistake,) if o in wrong else () for o in KERNELS[student.kernel].outputs}


# Wrong ones -----------------------------------------------------------------------------------


@pytest.mark.parametrize("student", STUDENTS, ids=str)
def test_each_mistake_is_told(student):
    found = diagnose(student.function, student.kernel)
    assert found.outputs == mistakes(student)
    assert not found.correct
    assert found.problem == ""
    assert student.mistake in str(found)


@settings(max_examples=100)
@given(student=st.sampled_from(STUDENTS), seed=SEEDS)
def test_each_mistake_is_told_whatever_the_numbers(student, seed):
    assert diagnose(student.function, student.kernel, seed).outputs == mistakes(student)


# Right ones -----------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["float64", "float32", "Fortran", "lists", "positional"])
@pytest.mark.parametrize("name", KERNELS)
def test_a_right_backward_is_correct_in_every_style(name, style):
    found = diagnose(in_style(RIGHT[name], style), name)
    assert found.correct
    assert found.outputs == dict.fromkeys(KERNELS[name].outputs, ())
    assert str(found).startswith(f"{name}: correct. ")
    assert f"relative error is {found.error:.1e}" in str(found)
    # eps of float64 and of float32, enlarged by a few dozen operations; differences have h = 1e-5,
    # so that curvature is off by some h² = 1e-10, and rounding by eps / h.
    double = 1e-9 if name == "gradient_check" else 1e-14
    assert found.error < (double if style != "float32" else 2e-6)
    assert ("float32" in str(found)) == (style == "float32" and found.error > 1e-9)


def in_style(backward, style):
    """The same computed or returned in another way."""

    def positional(*arguments):
        return backward(*arguments)

    def styled(*arguments):
        if style == "float32":
            arguments = [np.asarray(a, np.float32) if np.ndim(a) else a for a in arguments]
            arguments = [np.float32(a) if isinstance(a, float) else a for a in arguments]
        returned = backward(*arguments)
        if style == "Fortran":
            order = np.asfortranarray
            return tuple(map(order, returned)) if isinstance(returned, tuple) else order(returned)
        if style == "lists":
            listed = isinstance(returned, tuple)
            return [r.tolist() for r in returned] if listed else returned.tolist()
        return returned

    return {"positional": positional, "float64": backward}.get(style, styled)


@settings(max_examples=50)
@given(name=st.sampled_from(list(KERNELS)), seed=SEEDS)
def test_a_right_backward_is_correct_whatever_the_numbers(name, seed):
    assert diagnose(RIGHT[name], name, seed).correct


@pytest.mark.parametrize(
    ("kernel", "backward"),
    [
        ("relu", lambda dy, x: dy * (x > 0)),
        ("relu", lambda x, dy: np.where(x > 0, dy, 0)),
        ("relu", lambda dout, y: dout * (y > 0)),
        ("relu", lambda dy, *rest: dy * (rest[0] > 0)),
        ("sigmoid", lambda dy, x, y, **rest: dy * y * (1 - y)),
        ("batchnorm", lambda dout, x, gamma, mu, var, eps: (
            batchnorm()(dout, x, gamma, mu, var, eps)
        )),
        ("batchnorm", lambda dy, x, gamma, mu=None, var=None, epsilon=None: (
            batchnorm()(dy, x, gamma, mu, var, epsilon)
        )),
        ("batchnorm", lambda dy, x_hat, gamma, variance, epsilon: (
            gamma / np.sqrt(variance + epsilon)
            * (dy - dy.mean(0) - x_hat * (dy * x_hat).mean(0)),
            (dy * x_hat).sum(0),
            dy.sum(0),
        )),
        ("l2", lambda W, dW, l2, beta=0.9: dW + 2 * l2 * W),
        ("softmax_crossentropy", lambda p, t: (p - t) / len(p)),
        ("mean_squared_error", lambda y, t: (2 * (y - t) / y.size,)),
        ("adam", students_course.folded_adam),
    ],
)  # fmt: skip
def test_arguments_are_given_by_name_or_in_order(kernel, backward):
    assert diagnose(backward, kernel).correct


# Two at once ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kernel", "names", "backward"),
    [
        ("mean_squared_error", {"wrong sign", "missing 1/N"},
         lambda y, t: 2 * (t - y) / y.shape[1]),
        ("mean_squared_error", {"factor 2 missing", "1/N twice"},
         lambda y, t: (y - t) / y.size / len(y)),
        ("mean_squared_error", {"factor 2 missing", "sign of the error only"},
         lambda y, t: np.sign(y - t) / 2 / y.size),
        ("softmax_crossentropy", {"wrong sign", "missing 1/N"}, lambda p, t: t - p),
        ("softmax_crossentropy", {"diagonal Jacobian", "missing 1/N"}, lambda p, t: t * (p - 1)),
        ("dropout", {"mask not applied", "scale left out"}, lambda dy, mask, rate: +dy),
        ("dropout", {"fresh mask", "scale left out"},
         lambda dy, mask, rate: dy * (np.random.default_rng(1).random(dy.shape) > rate)),
        ("l2", {"penalty halved", "penalty subtracted"}, lambda dW, W, l2: dW - l2 * W),
        ("tanh", {"square missing", "wrong sign"}, lambda dy, y: dy * (y - 1)),
        ("leaky_relu", {"slope forgotten", "wrong sign"},
         lambda dy, y, negative_slope: -dy * (y > 0)),
    ],
)  # fmt: skip
def test_two_mistakes_at_once(kernel, names, backward):
    found = diagnose(backward, kernel)
    (output,) = KERNELS[kernel].outputs
    (name,) = found.outputs[output]
    assert set(name.split(" and ")) == names
    assert f"{output} is wrong by two mistakes at once" in str(found)


def test_two_mistakes_in_one_output_of_several():
    wrong = batchnorm(
        scale=lambda gamma: 1, mean_path=0, dbeta=lambda dy, gamma: -sum(dy) / len(dy)
    )
    outputs = diagnose(wrong, "batchnorm").outputs
    assert set(outputs["dx"][0].split(" and ")) == {"gamma forgotten", "mean path missing"}
    assert set(outputs["dbeta"][0].split(" and ")) == {"dbeta averaged", "wrong sign"}
    assert outputs["dgamma"] == ()


def test_each_output_is_told():
    wrong = dense(dW=lambda dy, x, W: dy.T @ x, db=lambda dy, x, W: dy.mean(0))
    found = diagnose(wrong, "dense")
    assert found.outputs == {"dx": (), "dW": ("transposed product",), "db": ("db averaged",)}
    text = str(found)
    assert "dW is wrong by a known mistake, transposed product (dW = dy.T @ x)." in text
    assert "db is wrong by a known mistake, db averaged" in text
    assert text.endswith("dx is right.")


def test_a_mistake_that_goes_on_is_named_where_it_was_made():
    """dx computed from a dgamma that has the wrong sign."""

    def backward(dy, x, gamma, mean, variance, epsilon):
        inverse = (variance + epsilon) ** -0.5
        x_hat = (x - mean) * inverse
        dgamma, dbeta = -(dy * x_hat).sum(0), dy.sum(0)
        return gamma * inverse * (dy - (dbeta + x_hat * dgamma) / len(dy)), dgamma, dbeta

    outputs = {"dx": ("wrong sign in dgamma",), "dgamma": ("wrong sign",), "dbeta": ()}
    assert diagnose(backward, "batchnorm").outputs == outputs


def test_mistakes_of_the_same_numbers_are_both_named():
    found = diagnose(lambda dW, W, l2: -2 * l2 * W, "l2")
    assert set(found.outputs["total"]) == {
        "penalty subtracted and loss's gradient overwritten",
        "loss's gradient overwritten and wrong sign",
    }
    assert "either" in str(found)
    assert "give the same numbers on every input" in str(found)


def test_variants_are_one_mistake():
    """The square root can be missing in one of two places; without x̂ the place does not show."""
    found = diagnose(
        batchnorm(deviation=lambda v, epsilon: v + epsilon, variance_path=0), "batchnorm"
    )
    assert found.outputs["dx"] == ("variance path missing and square root missing",)


# Where shapes fit by chance -------------------------------------------------------------------


def test_a_product_that_fits_only_in_squares_is_told_from_those():
    """The backward raises where I is not O; that is what the mistake does."""
    found = diagnose(lambda dy, x, W: (dy @ W, x.T @ dy, dy.sum(0)), "dense")
    assert found.outputs == {"dx": ("transpose left out",), "dW": (), "db": ()}


def test_an_exception_that_no_mistake_explains_is_told():
    """Right where I = O, and an exception elsewhere."""

    def backward(dy, x, W):
        if W.shape[0] != W.shape[1]:
            raise ValueError("not square")
        return dy @ W.T, x.T @ dy, dy.sum(0)

    found = diagnose(backward, "dense")
    assert found.problem == "exception"
    assert "it raised ValueError: not square, in line" in str(found)
    assert "; it ran for I = " in str(found)

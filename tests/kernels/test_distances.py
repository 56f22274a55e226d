"""Distances, hinges and angles: definitions, gradients, kinks and ends of the range."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import assume, given

from minidl.backend import to_host
from minidl.kernels import distances, margins
from tests.gradients import check_gradient
from tests.kernels.running import blank, close, device, run
from tests.strategies import off_zero, positive, share, smooth, tensors

EPSILON = 1e-7
FLOATS = pytest.mark.parametrize("dtype", ["float32", "float64"])
DELTA = 0.75  # between multiples of 1/16 and never one of their differences by chance alone
pytestmark = pytest.mark.usefixtures("executor")
T = tensors(
    y=smooth("NO"), t=smooth("NO"), e=off_zero("NO"), p=positive("NO"), s=share("NO"), weight="NO"
)


def mean(values):
    return values.mean(axis=1, keepdims=True)


def total(values):
    return values.sum(axis=1, keepdims=True)


def apart(a, b):
    """No element so near to its place in ``b`` that a numeric gradient steps over it."""
    return bool((np.abs(a - b) > 1e-3).all())


# name: what is drawn and moved into the range, further arguments, the definition, and the kink:
# the least distance of an element from it.
DEFINITIONS = {
    "absolute_error": (
        lambda t: (t.t + t.e, t.t),
        (),
        lambda y, t: np.maximum(y - t, t - y),
        lambda y, t: np.abs(y - t),
    ),
    "percentage_error": (
        lambda t: (t.t + t.e, t.t),
        (),
        lambda y, t: 100 * np.abs(y - t) / np.where(np.abs(t) < EPSILON, EPSILON, np.abs(t)),
        lambda y, t: np.abs(y - t),
    ),
    "logarithmic_error": (
        lambda t: (t.e, np.abs(t.t)),
        (),
        lambda y, t: np.log((1 + np.maximum(y, EPSILON)) / (1 + np.maximum(t, EPSILON))) ** 2,
        lambda y, t: np.abs(y),
    ),
    "huber": (
        lambda t: (t.y, t.t),
        (DELTA,),
        lambda y, t: np.where(
            np.abs(y - t) <= DELTA, (y - t) ** 2 / 2, DELTA * np.abs(y - t) - DELTA**2 / 2
        ),
        lambda y, t: np.abs(np.abs(y - t) - DELTA),
    ),
    "log_cosh": (lambda t: (t.y, t.t), (), lambda y, t: np.log(np.cosh(y - t)), None),
    "poisson": (
        lambda t: (t.p, np.abs(t.t)),
        (),
        lambda y, t: y - t * np.log(y + EPSILON),
        None,
    ),
    "hinge": (
        lambda t: (t.y, np.sign(t.e)),
        (),
        lambda y, t: np.where(t * y < 1, 1 - t * y, 0),
        lambda y, t: np.abs(1 - t * y),
    ),
    "squared_hinge": (
        lambda t: (t.y, np.sign(t.e)),
        (),
        lambda y, t: np.where(t * y < 1, (1 - t * y) ** 2, 0),
        None,
    ),
}


def kernel(name):
    return getattr(distances, name, None) or getattr(margins, name)


@pytest.mark.parametrize("name", DEFINITIONS)
@given(t=T)
def test_forward_is_the_definition(name, t):
    draw, constants, definition, _ = DEFINITIONS[name]
    y, target = draw(t)
    forward = run(kernel(f"{name}_forward"), y, target, *constants)
    # A percentage of a target of 0 has 1e9 for its unit.
    np.testing.assert_allclose(forward, definition(y, target), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", DEFINITIONS)
@given(t=T)
def test_backward_is_the_gradient_of_the_mean_over_the_units(name, t):
    draw, constants, _, kink = DEFINITIONS[name]
    y, target = draw(t)
    assume(kink is None or (kink(y, target) > 1e-3).all())
    # Of targets of 0 a percentage has a gradient of 1e9: numeric ones lose digits beside others.
    assume(name != "percentage_error" or (target != 0).all())

    def forward(y):
        return mean(run(kernel(f"{name}_forward"), y, target, *constants))

    weight = t.weight[:, :1]
    dy = weight * run(kernel(f"{name}_backward"), y, target, *constants, y.shape[1])
    check_gradient(forward, {"y": y}, {"y": dy}, weight)


@given(T)
def test_kl_divergence(t):
    p, target = t.p / (t.p.max() + 1), t.s

    def forward(p):
        return total(run(distances.kl_divergence_forward, p, target))

    kept = np.clip(target, EPSILON, 1)
    close(forward(p), total(kept * np.log(kept / p)), ulps=64)
    weight = t.weight[:, :1]
    dp = weight * run(distances.kl_divergence_backward, p, target)
    check_gradient(forward, {"p": p}, {"p": dp}, weight)


def test_kl_divergence_is_flat_outside_the_clip_and_not_at_its_ends():
    p = np.array([0, 0.9e-7, 1e-7, 1, 1.1, -3])
    dp = run(distances.kl_divergence_backward, p, np.full(6, 0.25))
    close(dp, [0, 0, -0.25 / 1e-7, -0.25, 0, 0])
    values = run(distances.kl_divergence_forward, p, np.full(6, 0.25))
    close(values, 0.25 * np.log(0.25 / np.clip(p, EPSILON, 1)))


@pytest.mark.parametrize(
    ("name", "y", "t", "constants", "expected"),
    [
        ("absolute_error", [1.0, 2], [1.0, 1], (), [0, 1]),
        ("percentage_error", [1.0, 2], [1.0, 1], (), [0, 100]),
        ("logarithmic_error", [0.0, -1, 1e-7], [1.0, 1, 1], (), [0, 0, 0]),
        ("huber", [1.0, -1, 3], [0.0, 0, 0], (1.0,), [1, -1, 1]),
        ("hinge", [1.0, -1, 1.5], [1.0, -1, 1], (), [-1, 1, 0]),
        ("squared_hinge", [1.0, -1, 1.5], [1.0, -1, 1], (), [0, 0, 0]),
    ],
)
def test_derivatives_at_kinks(name, y, t, constants, expected):
    dy = run(kernel(f"{name}_backward"), np.array(y), np.array(t), *constants, 1)
    np.testing.assert_array_equal(dy, expected)


@FLOATS
@pytest.mark.parametrize("name", [*DEFINITIONS, "kl_divergence"])
def test_zeros_ones_and_large_numbers(name, dtype):
    """Finite where the result is a number of the type, infinite where it is beyond, never NaN."""
    values = np.array([0, 1, -1, 1e-30, 1e-7, 1e5, 1e30], dtype)
    y, t = (np.ascontiguousarray(a.reshape(-1)) for a in np.meshgrid(values, values))
    if name == "poisson":
        y = np.abs(y)
    constants = (1.0,) if name == "huber" else ()
    backward = () if name == "kl_divergence" else (1,)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # squares and percentages beyond 3.4e38
        forward = run(kernel(f"{name}_forward"), y, t, *constants)
        dy = run(kernel(f"{name}_backward"), y, t, *constants, *backward)
    assert not np.isnan(forward).any()
    assert not np.isnan(dy).any()
    small = (np.abs(y) <= 1) & (np.abs(t) <= 1)
    assert np.isfinite(forward[small]).all()
    assert np.isfinite(dy[small]).all()


@FLOATS
def test_log_cosh_of_large_and_of_small_errors(dtype):
    error = np.array([1e30, -1e4, 1e-3, 0], dtype)
    value = run(distances.log_cosh_forward, error, np.zeros_like(error))
    # |e| - log 2; and e² / 2 - e⁴ / 12, to the rounding of log 2.
    close(value, [1e30, 1e4 - np.log(2), 1e-6 / 2 - 1e-12 / 12, 0])
    close(run(distances.log_cosh_backward, error, np.zeros_like(error), 1), np.tanh(error))


@pytest.mark.parametrize("name", [*DEFINITIONS, "kl_divergence"])
def test_nan_comes_through(name):
    y, t = np.array([np.nan, 0.5]), np.array([1.0, 1.0])
    constants = (1.0,) if name == "huber" else ()
    values = run(kernel(f"{name}_forward"), y, t, *constants)
    np.testing.assert_array_equal(np.isnan(values), [True, False])


@pytest.mark.parametrize(
    ("t", "expected"),
    [
        ([[0, 1], [1, 0]], [[-1, 1], [1, -1]]),
        ([[1, 1], [1, 1]], [[1, 1], [1, 1]]),
        ([[-1, 1], [1, -1]], [[-1, 1], [1, -1]]),
        ([[-1, 0], [1, 0]], [[-1, 0], [1, 0]]),
        ([[0, 0.5], [1, 0]], [[0, 0.5], [1, 0]]),
    ],
)
def test_targets_of_0_and_1_become_signs(t, expected):
    t = device(t, "float64")
    margins.signs(t, blank(t.shape), blank(()))
    np.testing.assert_array_equal(to_host(t), expected)


def categorical_hinge(y, t):
    """The losses of rows, and a function that gives their gradient."""
    rows = (len(y), 1)
    others, largest, short, out = blank(y.shape), blank(rows), blank(rows), blank(rows)
    y, t = device(y), device(t)
    assert margins.categorical_hinge_forward(y, t, others, largest, short, out) is out

    def gradient():
        dy, row = blank(y.shape), blank(rows)
        margins.categorical_hinge_backward(t, others, largest, short, row, dy)
        return to_host(dy)

    return to_host(out), gradient


@given(T)
def test_categorical_hinge(t):
    target = np.eye(t.y.shape[1])[np.argmax(t.s, axis=1)]
    y = t.y + np.linspace(0, 0.05, t.y.size).reshape(t.y.shape)  # no two are equal
    losses, gradient = categorical_hinge(y, target)
    right = np.sum(target * y, axis=1)
    other = np.where(target == 1, 0, y).max(axis=1)
    close(losses[:, 0], np.maximum(1 + other - right, 0))
    near = np.sort(np.where(target == 1, 0, y), axis=1)[:, -2:]
    assume(apart(1 + other, right) and (near.shape[1] == 1 or apart(near[:, 0], near[:, 1])))
    weight = t.weight[:, :1]
    dy = weight * gradient()
    check_gradient(lambda y: categorical_hinge(y, target)[0], {"y": y}, {"y": dy}, weight)


def test_equal_classes_share_the_gradient_of_a_categorical_hinge():
    _, gradient = categorical_hinge(np.zeros((1, 4)), np.eye(4)[:1])
    np.testing.assert_array_equal(gradient(), [[-1, 0.25, 0.25, 0.25]])
    losses, gradient = categorical_hinge(np.array([[3.0, 1, 1.5]]), np.eye(3)[:1])
    assert losses[0] == 0
    np.testing.assert_array_equal(gradient(), [[0, 0, 0]])


def cosine_similarity(x, t):
    """The losses of rows, and a function that gives their gradient."""
    rows = (len(x), 1)
    y, work, unit = blank(x.shape), blank(x.shape), blank(x.shape)
    inverse, cosine, row, out = (blank(rows) for _ in range(4))
    margins.unit_rows(device(t), work, row, unit)
    margins.unit_rows(device(x), work, inverse, y)
    assert margins.cosine_similarity_forward(y, unit, work, cosine, out) is out

    def gradient():
        dx = blank(x.shape)
        margins.cosine_similarity_backward(y, unit, cosine, inverse, row, dx)
        return to_host(dx)

    return to_host(out), gradient


@given(T)
def test_cosine_similarity(t):
    losses, gradient = cosine_similarity(t.e, t.t)
    for n, (x, target) in enumerate(zip(t.e, t.t, strict=True)):
        lengths = np.linalg.norm(x) * np.linalg.norm(target)
        close(losses[n], 0 if lengths == 0 else -np.dot(x, target) / lengths)
    weight = t.weight[:, :1]
    dx = weight * gradient()
    check_gradient(lambda x: cosine_similarity(x, t.t)[0], {"x": t.e}, {"x": dx}, weight)


def test_cosine_similarity_of_rows_of_zeros():
    losses, gradient = cosine_similarity(np.array([[0.0, 0], [3, 4]]), np.array([[2.0, 0], [0, 0]]))
    np.testing.assert_array_equal(losses, [[0], [0]])
    close(gradient(), [[-1e7, 0], [0, 0]])

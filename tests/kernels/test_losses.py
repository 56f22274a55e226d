"""Losses: formulas, gradients, and logits and probabilities at their ends."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given

from minidl.backend import to_host
from minidl.kernels import losses as kernels
from minidl.kernels import probabilities
from tests.gradients import check_gradient
from tests.kernels.running import blank, close, device, run
from tests.strategies import classification, off_zero, probability, share, smooth, tensors

EPSILON = 1e-7  # how near to 0 and 1 probabilities come before their logarithm
FLOATS = pytest.mark.parametrize("dtype", ["float32", "float64"])
T = tensors(z=off_zero("NO"), y=smooth("NO"), p=probability("NO"), t=share("NO"), weight="NO")


def one_hot(labels, classes, dtype=np.float64):
    t = blank((len(labels), classes), dtype)
    assert kernels.one_hot(device(labels), device(np.arange(classes)), t) is t
    return to_host(t)


def softmax_crossentropy(logits, t):
    """The rows' losses (N, 1) and the probabilities."""
    dtype = logits.dtype
    p, work = blank(logits.shape, dtype), blank(logits.shape, dtype)
    row, out = blank((len(logits), 1), dtype), blank((len(logits), 1), dtype)
    result = kernels.softmax_crossentropy_forward(device(logits), device(t), p, work, row, out)
    assert result is out
    return to_host(out), to_host(p)


@pytest.mark.usefixtures("executor")
@given(classification())
def test_one_hot(t):
    expected = np.zeros(t.t.shape)
    for n, label in enumerate(t.labels[:, 0]):
        expected[n, label] = 1
    for dtype in ("float32", "float64"):
        np.testing.assert_array_equal(one_hot(t.labels, t.t.shape[1], dtype), expected)


@pytest.mark.usefixtures("executor")
@given(classification())
def test_softmax_crossentropy_of_integer_labels(t):
    losses, p = softmax_crossentropy(t.logits, one_hot(t.labels, t.t.shape[1]))
    for n, (row, label) in enumerate(zip(t.logits, t.labels[:, 0], strict=True)):
        close(p[n], np.exp(row) / sum(np.exp(row)))
        close(losses[n], -np.log(np.exp(row[label]) / sum(np.exp(row))))


@pytest.mark.usefixtures("executor")
@given(classification())
def test_softmax_crossentropy_backward_is_the_gradient(t):
    for target in (t.t, t.soft):
        losses, p = softmax_crossentropy(t.logits, target)
        close(losses[:, 0], -np.sum(target * np.log(p), axis=1))
        dlogits = t.weight * run(kernels.softmax_crossentropy_backward, p, target)

        def forward(logits, target=target):
            return softmax_crossentropy(logits, target)[0]

        check_gradient(forward, {"logits": t.logits}, {"logits": dlogits}, t.weight)


@pytest.mark.usefixtures("executor")
@given(T)
def test_sigmoid_crossentropy(t):
    p = 1 / (1 + np.exp(-t.z))
    expected = -t.t * np.log(p) - (1 - t.t) * np.log(1 - p)
    close(run(kernels.sigmoid_crossentropy_forward, t.z, t.t), expected)


@pytest.mark.usefixtures("executor")
@given(T)
def test_binary_crossentropy(t):
    expected = -t.t * np.log(t.p) - (1 - t.t) * np.log(1 - t.p)
    close(run(probabilities.binary_crossentropy_forward, t.p, t.t), expected)


@pytest.mark.usefixtures("executor")
@given(T)
def test_squared_error(t):
    close(run(kernels.squared_error_forward, t.y, t.t), t.y**2 - 2 * t.y * t.t + t.t**2, ulps=64)


def elementwise(name):
    """A kernel of logits and values, or of probabilities."""
    return {**vars(kernels), **vars(probabilities)}[name]


@pytest.mark.parametrize(
    ("name", "variable"),
    [("sigmoid_crossentropy", "z"), ("binary_crossentropy", "p"), ("squared_error", "y")],
)
@pytest.mark.usefixtures("executor")
@given(t=T)
def test_backward_is_the_gradient_of_the_mean_over_the_units(name, variable, t):
    x = getattr(t, variable)
    units = x.shape[1]

    def forward(x):
        values = run(elementwise(f"{name}_forward"), x, t.t)
        return values.mean(axis=1, keepdims=True)

    weight = t.weight[:, :1]
    dx = weight * run(elementwise(f"{name}_backward"), x, t.t, units)
    check_gradient(forward, {"x": x}, {"x": dx}, weight)


@pytest.mark.usefixtures("executor")
@given(classification())
def test_crossentropy_on_probabilities(t):
    def forward(p):
        return run(probabilities.crossentropy_forward, p, t.soft)

    close(forward(t.p), -t.soft * np.log(np.clip(t.p, EPSILON, 1 - EPSILON)))
    if t.p.shape[1] == 1:
        return  # p = 1 lies in the clip
    dp = run(probabilities.crossentropy_backward, t.p, t.soft)
    check_gradient(forward, {"p": t.p}, {"p": dp})


@pytest.mark.usefixtures("executor")
@given(T)
def test_outside_the_clip_the_loss_is_flat(t):
    # From -4 … 4: the clip at work, further from its ends than a numeric gradient's step.
    outside = np.where(t.z > 0, 1 + t.z, t.z)
    close(run(probabilities.crossentropy_forward, outside, t.t), -t.t * clipped_log(t.z))

    def crossentropy(p):
        return run(probabilities.crossentropy_forward, p, t.t)

    dp = run(probabilities.crossentropy_backward, outside, t.t)
    check_gradient(crossentropy, {"p": outside}, {"p": dp}, t.weight)

    def binary(p):
        return run(probabilities.binary_crossentropy_forward, p, t.t)

    dp = run(probabilities.binary_crossentropy_backward, outside, t.t, 1)
    check_gradient(binary, {"p": outside}, {"p": dp}, t.weight)


@FLOATS
@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("name", ["crossentropy", "binary_crossentropy"])
def test_at_the_ends_of_the_clip_the_gradient_is_that_from_outside(name, dtype):
    low, high = np.dtype(dtype).type(EPSILON), np.dtype(dtype).type(1 - EPSILON)
    p = np.array([low, np.nextafter(low, high), np.nextafter(high, low), high])
    units = (1,) if name == "binary_crossentropy" else ()
    dp = run(getattr(probabilities, f"{name}_backward"), p, np.full(4, 0.5, dtype), *units)
    np.testing.assert_array_equal(dp == 0, [True, False, False, True])


def clipped_log(side):
    return np.log(np.where(side > 0, 1 - EPSILON, EPSILON))


@FLOATS
@pytest.mark.usefixtures("executor")
def test_probabilities_of_exactly_0_and_1(dtype):
    p = np.array([0, 0, 1, 1], dtype)
    t = np.array([0, 1, 0, 1], dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses = run(probabilities.crossentropy_forward, p, t)
        binary = run(probabilities.binary_crossentropy_forward, p, t)
        dp = run(probabilities.crossentropy_backward, p, t)
        dp_binary = run(probabilities.binary_crossentropy_backward, p, t, 1)
    # The largest float32 below 1 - 1e-7 is 1.2e-7 from 1: logarithms near 0 are off by 1e-7,
    # and 1 - p near 1e-7 by a fifth, which moves its logarithm by .18.
    slack = 0.2 if dtype == "float32" else 1e-7
    worst, none = -np.log(EPSILON), EPSILON
    np.testing.assert_allclose(losses, [0, worst, 0, none], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(binary, [none, worst, worst, none], atol=slack)
    assert np.all(losses >= 0)
    assert np.all(binary >= 0)
    np.testing.assert_array_equal(dp, 0)
    np.testing.assert_array_equal(dp_binary, 0)


@pytest.mark.usefixtures("executor")
def test_the_clip_begins_at_1e_7():
    inside = np.array([1.01e-7, 1 - 1.01e-7])
    outside = np.array([0.99e-7, 1 - 0.99e-7])
    t = np.array([0.25, 0.25])
    slope = -t / inside
    binary = (inside - t) / (inside * (1 - inside)) / 2
    # 1 - p has 2⁻⁵³ / 1e-7 = 1e-9 of rounding.
    for p, one, two in ((inside, slope, binary), (outside, 0 * t, 0 * t)):
        np.testing.assert_allclose(run(probabilities.crossentropy_backward, p, t), one, rtol=1e-8)
        dp = run(probabilities.binary_crossentropy_backward, p, t, 2)
        np.testing.assert_allclose(dp, two, rtol=1e-8)
    for p in (inside, outside):
        kept = np.clip(p, EPSILON, 1 - EPSILON)
        losses = run(probabilities.crossentropy_forward, p, t)
        np.testing.assert_allclose(losses, -t * np.log(kept), rtol=1e-8)
        losses = run(probabilities.binary_crossentropy_forward, p, t)
        expected = -t * np.log(kept) - (1 - t) * np.log1p(-kept)
        np.testing.assert_allclose(losses, expected, rtol=1e-8)


@FLOATS
@pytest.mark.usefixtures("executor")
def test_softmax_crossentropy_of_large_logits(dtype):
    logits = np.array([[1e4, -1e4], [1e4, -1e4], [1e4, 1e4], [-1e4, -1e4]], dtype)
    t = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses, p = softmax_crossentropy(logits, t)
        dlogits = run(kernels.softmax_crossentropy_backward, p, t)
    close(losses[:, 0], [0, 2e4, np.log(2), np.log(2)])
    close(p, [[1, 0], [1, 0], [0.5, 0.5], [0.5, 0.5]])
    close(dlogits, [[0, 0], [1, -1], [-0.5, 0.5], [0.5, -0.5]])


@FLOATS
@pytest.mark.usefixtures("executor")
def test_sigmoid_crossentropy_of_large_logits(dtype):
    z = np.array([1e4, 1e4, -1e4, -1e4, 0], dtype)
    t = np.array([1, 0, 1, 0, 1], dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        losses = run(kernels.sigmoid_crossentropy_forward, z, t)
        dz = run(kernels.sigmoid_crossentropy_backward, z, t, 1)
    close(losses, [0, 1e4, 1e4, 0, np.log(2)])
    close(dz, [0, 1, -1, 0, -0.5])


@pytest.mark.usefixtures("executor")
def test_sigmoid_crossentropy_keeps_the_digits_of_a_small_loss():
    # log(1 + e⁻⁴⁰) by its series; a probability rounded to 1 would give 0.
    losses = run(kernels.sigmoid_crossentropy_forward, np.array([40.0]), np.array([1.0]))
    np.testing.assert_allclose(losses, np.exp(-40.0), rtol=1e-15)


@pytest.mark.parametrize(
    "name", ["sigmoid_crossentropy", "crossentropy", "binary_crossentropy", "squared_error"]
)
@pytest.mark.usefixtures("executor")
def test_nan_comes_through(name):
    x, t = np.array([np.nan, 0.5]), np.array([1.0, 1.0])
    losses = run(elementwise(f"{name}_forward"), x, t)
    np.testing.assert_array_equal(np.isnan(losses), [True, False])


@pytest.mark.usefixtures("executor")
def test_nan_in_a_row_of_logits_stays_in_its_row():
    losses, p = softmax_crossentropy(np.array([[np.nan, 1.0], [0.0, 0.0]]), np.eye(2))
    np.testing.assert_array_equal(np.isnan(losses[:, 0]), [True, False])
    np.testing.assert_array_equal(np.isnan(p), [[True, True], [False, False]])

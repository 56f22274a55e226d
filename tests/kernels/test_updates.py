"""Optimizer steps against the papers' algorithms, on whole arrays, over three steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.backend import to_host
from minidl.kernels import adaptive
from minidl.kernels import updates as kernels
from tests.kernels.running import close, device, run
from tests.strategies import rates, smooth, tensors

T = tensors(theta=smooth("IO"), g1=smooth("IO"), g2=smooth("IO"), g3=smooth("IO"))
RATE, MOMENTUM = rates(0, 1), rates(0, 0.99)
# Well away from 1 and 0, so that the corrections 1 - betaᵗ and the centered variance do not
# consist of rounding alone, and an epsilon large enough to show in the result.
BETA, EPSILON = rates(0.5, 0.99), rates(2**-10, 1)
HYPER = st.fixed_dictionaries({
    "learning_rate": RATE, "momentum": MOMENTUM, "rho": BETA,
    "beta_1": BETA, "beta_2": BETA, "epsilon": EPSILON,
})  # fmt: skip

# A root of as little as epsilon = 2⁻¹⁰ under the line, terms of up to 4² · 2¹⁰ above it.
ULPS = 2**16


def train(kernel, t, constants, slots=1, start=0.0):
    """theta after each of three steps in place, and the state after the last.

    ``constants(step)`` gives the kernel's numbers at step 1, 2, 3.
    """
    theta = device(t.theta)
    state = [device(np.full_like(t.theta, start)) for _ in range(slots)]
    path = []
    for step, values in enumerate((t.g1, t.g2, t.g3), start=1):
        grad = device(values)
        outs = (theta, *state)
        kernel(theta, grad, *state, *constants(step), out=outs if slots else theta)
        np.testing.assert_array_equal(to_host(grad), values)
        path.append(np.array(to_host(theta)))
    return path, [to_host(s) for s in state]


def same_path(path, expected):
    for actual, wanted in zip(path, expected, strict=True):
        close(actual, wanted, ULPS)


@pytest.mark.usefixtures("executor")
@given(T, RATE)
def test_sgd(t, rate):
    path, _ = train(kernels.sgd, t, lambda _: (rate,), slots=0)
    total = np.cumsum([t.g1, t.g2, t.g3], axis=0)
    same_path(path, t.theta - rate * total)


@pytest.mark.usefixtures("executor")
@given(T, RATE, MOMENTUM)
def test_momentum_is_polyaks_heavy_ball(t, rate, mu):
    # Without a velocity: x_{k+1} = x_k - rate g_k + mu (x_k - x_{k-1}).
    path, _ = train(kernels.momentum, t, lambda _: (rate, mu))
    points = [t.theta, t.theta]
    for g in (t.g1, t.g2, t.g3):
        points.append(points[-1] - rate * g + mu * (points[-1] - points[-2]))
    same_path(path, points[2:])


@pytest.mark.usefixtures("executor")
@given(T, RATE, MOMENTUM)
def test_nesterov_is_sutskevers_3_and_4_at_the_point_looked_ahead_to(t, rate, mu):
    # v' = mu v - rate ∇f(x + mu v),  x' = x + v'; the kernel's theta is x + mu v.
    path, _ = train(kernels.nesterov, t, lambda _: (rate, mu))
    x, v, expected = t.theta, np.zeros_like(t.theta), []
    for gradient_ahead in (t.g1, t.g2, t.g3):
        v = mu * v - rate * gradient_ahead
        x = x + v
        expected.append(x + mu * v)
    same_path(path, expected)


def graves(t, learning_rate, rho, momentum, epsilon, centered):
    """Graves (2013), equations 38-41; not centered, it is RMSprop with momentum."""
    w, n, g_mean, delta, path = t.theta, 0.0, 0.0, 0.0, []
    for g in (t.g1, t.g2, t.g3):
        n = rho * n + (1 - rho) * g**2
        g_mean = rho * g_mean + (1 - rho) * g
        variance = n - g_mean**2 if centered else n
        delta = momentum * delta - learning_rate * g / np.sqrt(variance + epsilon)
        w = w + delta
        path.append(w)
    return path, n, g_mean, -delta


@pytest.mark.usefixtures("executor")
@given(T, HYPER)
def test_rmsprop(t, h):
    c = h["learning_rate"], h["rho"], h["epsilon"]
    path, (v,) = train(kernels.rmsprop, t, lambda _: c)
    expected, n, _, _ = graves(t, c[0], c[1], 0.0, c[2], centered=False)
    same_path(path, expected)
    close(v, n)


@pytest.mark.usefixtures("executor")
@given(T, HYPER)
def test_rmsprop_momentum(t, h):
    c = h["learning_rate"], h["rho"], h["momentum"], h["epsilon"]
    path, (v, velocity) = train(adaptive.rmsprop_momentum, t, lambda _: c, slots=2)
    expected, n, _, delta = graves(t, *c, centered=False)
    same_path(path, expected)
    close(v, n)
    close(velocity, delta, ULPS)


@pytest.mark.usefixtures("executor")
@given(T, HYPER)
def test_rmsprop_centered(t, h):
    c = h["learning_rate"], h["rho"], h["epsilon"]
    path, (v, m) = train(adaptive.rmsprop_centered, t, lambda _: c, slots=2)
    expected, n, g_mean, _ = graves(t, c[0], c[1], 0.0, c[2], centered=True)
    same_path(path, expected)
    close(v, n)
    close(m, g_mean)


@pytest.mark.usefixtures("executor")
@given(T, HYPER)
def test_rmsprop_centered_momentum(t, h):
    c = h["learning_rate"], h["rho"], h["momentum"], h["epsilon"]
    path, (v, m, velocity) = train(adaptive.rmsprop_centered_momentum, t, lambda _: c, slots=3)
    expected, n, g_mean, delta = graves(t, *c, centered=True)
    same_path(path, expected)
    close(v, n)
    close(m, g_mean)
    close(velocity, delta, ULPS)


def adam_constants(h):
    """The kernel's rate, with the bias corrections folded in, and its other numbers."""
    b1, b2 = h["beta_1"], h["beta_2"]

    def constants(step):
        rate = h["learning_rate"] * np.sqrt(1 - b2**step) / (1 - b1**step)
        return float(rate), b1, b2, h["epsilon"]

    return constants


def adam(t, h, largest=False):
    """Kingma & Ba (2015), algorithm 1, with its epsilon = epsilon-hat / √(1 - beta_2ᵗ)."""
    b1, b2 = h["beta_1"], h["beta_2"]
    theta, m, v, v_max, path = t.theta, 0.0, 0.0, 0.0, []
    for step, g in enumerate((t.g1, t.g2, t.g3), start=1):
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        v_max = np.where(v > v_max, v, v_max)
        m_hat = m / (1 - b1**step)
        v_hat = (v_max if largest else v) / (1 - b2**step)
        epsilon = h["epsilon"] / np.sqrt(1 - b2**step)
        theta = theta - h["learning_rate"] * m_hat / (np.sqrt(v_hat) + epsilon)
        path.append(theta)
    return path, m, v, v_max


@pytest.mark.usefixtures("executor")
@given(T, HYPER)
def test_adam(t, h):
    path, state = train(kernels.adam, t, adam_constants(h), slots=2)
    expected, m, v, _ = adam(t, h)
    same_path(path, expected)
    close(state[0], m)
    close(state[1], v)


@pytest.mark.usefixtures("executor")
@given(T, HYPER)
def test_amsgrad(t, h):
    path, state = train(adaptive.amsgrad, t, adam_constants(h), slots=3)
    expected, m, v, v_max = adam(t, h, largest=True)
    same_path(path, expected)
    for actual, wanted in zip(state, (m, v, v_max), strict=True):
        close(actual, wanted)


@pytest.mark.usefixtures("executor")
@given(T, HYPER)
def test_nadam(t, h):
    # Dozat (2016), algorithm 2, with a momentum mu_t that changes from step to step.
    rate, b1, b2, epsilon = (h[k] for k in ("learning_rate", "beta_1", "beta_2", "epsilon"))
    mu = {step: b1 * (1 - 0.5 * 0.96**step) for step in (1, 2, 3, 4)}
    product = {step: np.prod([mu[i] for i in range(1, step + 1)]) for step in mu}

    def constants(step):
        m_rate = rate * mu[step + 1] / (1 - product[step + 1])
        grad_rate = rate * (1 - mu[step]) / (1 - product[step])
        return float(m_rate), float(grad_rate), 1 / (1 - b2**step), b1, b2, epsilon

    path, _ = train(adaptive.nadam, t, constants, slots=2)
    theta, m, n, expected = t.theta, 0.0, 0.0, []
    for step, g in enumerate((t.g1, t.g2, t.g3), start=1):
        g_hat = g / (1 - product[step])
        m = b1 * m + (1 - b1) * g
        m_hat = m / (1 - product[step + 1])
        n = b2 * n + (1 - b2) * g**2
        n_hat = n / (1 - b2**step)
        m_bar = (1 - mu[step]) * g_hat + mu[step + 1] * m_hat
        theta = theta - rate * m_bar / (np.sqrt(n_hat) + epsilon)
        expected.append(theta)
    same_path(path, expected)


@pytest.mark.usefixtures("executor")
@given(T, RATE, EPSILON)
def test_adagrad(t, rate, epsilon):
    path, (accumulator,) = train(adaptive.adagrad, t, lambda _: (rate, epsilon), start=0.1)
    squares = 0.1 + np.cumsum(np.square([t.g1, t.g2, t.g3]), axis=0)
    steps = rate * np.array([t.g1, t.g2, t.g3]) / np.sqrt(squares + epsilon)
    same_path(path, t.theta - np.cumsum(steps, axis=0))
    close(accumulator, squares[-1])


@pytest.mark.usefixtures("executor")
@given(T, RATE)
def test_decay_shrinks_by_a_factor(t, factor):
    theta = device(t.theta)
    kernels.decay(theta, factor, out=theta)
    close(to_host(theta), t.theta * (1 - factor))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.usefixtures("executor")
def test_flush_clears_what_is_small_and_nothing_else(dtype):
    tiny = float(np.finfo(dtype).tiny)
    kept = [1.0, -1.0, tiny, -tiny, np.inf, -np.inf, np.nan]
    small = [0.0, -0.0, tiny / 2, -tiny / 2, tiny / 1024]
    x = device(kept + small, dtype)
    kernels.flush(x, tiny, out=x)
    np.testing.assert_array_equal(to_host(x), np.array(kept + [0.0] * len(small), dtype))


UPDATES = {  # slots of state and numbers of each kernel
    "sgd": (0, 1), "momentum": (1, 2), "nesterov": (1, 2), "rmsprop": (1, 3),
    "rmsprop_momentum": (2, 4), "rmsprop_centered": (2, 3), "rmsprop_centered_momentum": (3, 4),
    "adam": (2, 4), "amsgrad": (3, 4), "nadam": (2, 6), "adagrad": (1, 2),
}  # fmt: skip


@pytest.mark.parametrize("name", UPDATES)
@pytest.mark.usefixtures("executor")
def test_nan_in_the_gradient_comes_through_in_its_place(name):
    slots, numbers = UPDATES[name]
    ones = np.ones(2)
    arrays = [ones, np.array([np.nan, 1.0])] + [ones] * slots
    kernel = {**vars(adaptive), **vars(kernels)}[name]
    results = run(kernel, *arrays, *[0.5] * numbers, outputs=1 + slots)
    for result in results if slots else [results]:
        np.testing.assert_array_equal(np.isnan(result), [True, False])

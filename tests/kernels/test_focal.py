"""Focal cross-entropies: definitions, gradients, and probabilities at their ends."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given

from minidl.kernels import focal
from tests.gradients import check_gradient
from tests.kernels.running import close, run
from tests.strategies import off_zero, probability, rates, share, tensors

pytestmark = pytest.mark.usefixtures("executor")
T = tensors(z=off_zero("NO"), p=probability("NO"), t=share("NO"), weight="NO")
WEIGHTS = (0.25, 0.75)
GAMMAS = rates(0.5, 3)


def entropy(p, t):
    return -t * np.log(p) - (1 - t) * np.log(1 - p)


def binary(p, t, gamma, positive, negative):
    wrong = 1 - t * p - (1 - t) * (1 - p)
    return (positive * t + negative * (1 - t)) * wrong**gamma * entropy(p, t)


def rows(name, x, t, *constants):
    """The sum of a row's losses, through the executor in use."""
    return run(getattr(focal, f"{name}_forward"), x, t, *constants).sum(axis=1, keepdims=True)


@given(t=T, gamma=GAMMAS)
def test_binary(t, gamma):
    for name, x, p in (("binary", t.p, t.p), ("sigmoid", t.z, 1 / (1 + np.exp(-t.z)))):
        found = run(getattr(focal, f"{name}_focal_forward"), x, t.t, gamma, *WEIGHTS)
        close(found, binary(p, t.t, gamma, *WEIGHTS))
        weight = t.weight[:, :1]
        backward = getattr(focal, f"{name}_focal_backward")
        dx = weight * run(backward, x, t.t, gamma, *WEIGHTS, 1)
        forward = lambda x, name=name: rows(f"{name}_focal", x, t.t, gamma, *WEIGHTS)  # noqa: E731
        check_gradient(forward, {"x": x}, {"x": dx}, weight)
        half = run(backward, x, t.t, gamma, *WEIGHTS, 2)
        close(weight * half * 2, dx)


@given(t=T, gamma=GAMMAS)
def test_categorical(t, gamma):
    found = run(focal.categorical_focal_forward, t.p, t.t, 0.5, gamma)
    close(found, -0.5 * (1 - t.p) ** gamma * t.t * np.log(t.p))
    weight = t.weight[:, :1]
    dp = weight * run(focal.categorical_focal_backward, t.p, t.t, 0.5, gamma)
    forward = lambda p: rows("categorical_focal", p, t.t, 0.5, gamma)  # noqa: E731
    check_gradient(forward, {"p": t.p}, {"p": dp}, weight)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_certain_predictions_are_taken(gamma, dtype):
    """0 and 1, right or wrong, and logits of ±1e4: nothing becomes NaN, nothing warns."""
    p, t = (np.array(each, dtype) for each in ([[0, 0, 1, 1.0]], [[0, 1, 0, 1.0]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, x in (("binary", p), ("sigmoid", 2e4 * p - 1e4)):
            found = run(getattr(focal, f"{name}_focal_forward"), x, t, gamma, 1.0, 1.0)
            dx = run(getattr(focal, f"{name}_focal_backward"), x, t, gamma, 1.0, 1.0, 4)
            assert np.isfinite(found).all()
            assert np.isfinite(dx).all()
            assert (found[0, 1:3] > 10).all()
            # Probabilities are kept 1e-7 from 0 and 1, rounded in the type.
            np.testing.assert_allclose(found[0, [0, 3]], 0, atol=2e-7)
        losses = run(focal.categorical_focal_forward, p, t, 1.0, gamma)
        assert np.isfinite(losses).all()
        assert np.isfinite(run(focal.categorical_focal_backward, p, t, 1.0, gamma)).all()

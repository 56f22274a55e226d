"""A step of somebody else's that moves nothing says so; one that moves says nothing."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers
from minidl.optimizers import SGD, Adam, Optimizer

X = np.random.default_rng(4).normal(size=(60, 4))


class Rebinds(Optimizer):
    """theta = theta - …: a new array, which nobody keeps."""

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        theta = theta - learning_rate * grad


class Moves(Optimizer):
    """theta -= …"""

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        theta -= learning_rate * grad


class Scales(SGD):
    """A class of minidl's that is handed another gradient."""

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        grad *= 0.5
        super().step(theta, grad, learning_rate, t)


def trained(optimizer: Optimizer, x: np.ndarray = X) -> list[str]:
    """The warnings of a training."""
    model = minidl.Sequential([layers.Input((4,)), layers.Dense(3, "tanh"), layers.Dense(1)])
    model.compile(optimizer, "mse")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        model.fit(x, x[:, :1], batch_size=10, epochs=3, verbose=0)
    return [str(each.message) for each in seen if "left theta as it was" in str(each.message)]


@pytest.mark.parametrize("executor", ["python", "blocks", "compiled"])
@pytest.mark.parametrize(
    "options", [{}, {"gradient_accumulation_steps": 4}, {"weight_decay": 0.1}, {"use_ema": True}]
)
def test_a_step_that_rebinds_theta_is_said_once(executor: str, options: dict[str, Any]) -> None:
    with minidl.backend.use("numpy", executor=executor):
        (said,) = trained(Rebinds(0.1, **options))
        assert said.startswith("Rebinds.step left theta as it was, though grad is not 0: expected")
        assert "theta -= learning_rate * grad" in said
        assert trained(Moves(0.1, **options)) == []


def late(t: int) -> float:
    """A rate of 0 at first."""
    return 0.1 if t > 7 else 0.0


@pytest.mark.parametrize("optimizer", [Moves(0.0), Rebinds(0.0), Moves(late), Scales(0.1), Adam()])
def test_what_moves_nothing_by_right_is_not_said(optimizer: Optimizer) -> None:
    assert trained(optimizer) == []


def test_the_look_waits_for_a_gradient_and_a_rate() -> None:
    assert len(trained(Rebinds(late))) == 1
    optimizer, theta = Rebinds(0.1), np.ones(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.update(theta, np.zeros(3))
    with pytest.warns(UserWarning, match="left theta as it was"):
        optimizer.update(theta, np.array([0.0, 1.0, 0.0]))

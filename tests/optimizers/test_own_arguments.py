"""Optimizers of one's own in which an argument is a property: its value changes by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers, optimizers
from minidl.optimizers import SGD, Optimizer

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(100, 5)).astype(np.float32)
Y = (X[:, :1] > 0).astype(np.float32)
#: The batch with which the value changes.
CHANGE = 15

#: Argument -> the values before and after.
CHANGES: list[tuple[str, str, Any, Any]] = [
    ("SGD", "momentum", 0.0, 0.9),
    ("SGD", "momentum", 0.9, 0.0),
    ("SGD", "nesterov", False, True),
    ("RMSprop", "momentum", 0.0, 0.9),
    ("RMSprop", "centered", False, True),
    ("RMSprop", "centered", True, False),
    ("RMSprop", "rho", 0.9, 0.8),
    ("Adam", "amsgrad", False, True),
    ("Adam", "amsgrad", True, False),
    ("Adam", "beta_1", 0.9, 0.8),
    ("Ftrl", "learning_rate_power", -0.5, -0.6),
    *(
        (kind, name, before, after)
        for kind in ("SGD", "Adam")
        for name, before, after in (
            ("weight_decay", None, 0.1),
            ("clipnorm", None, 0.1),
            ("clipvalue", 0.01, None),
            ("global_clipnorm", None, 0.1),
            ("use_ema", False, True),
            ("use_ema", True, False),
            ("gradient_accumulation_steps", None, 3),
            ("gradient_accumulation_steps", 3, None),
        )
    ),
]


def own(kind: str, name: str, value: Callable[[int], Any]) -> Any:
    """A class in which an argument is a function of the batches so far."""
    hidden = property(lambda made: value(vars(made).get("batches", 0)), lambda made, given: None)
    return type("Own", (getattr(optimizers, kind),), {name: hidden})


def model(optimizer: Optimizer, metrics: Any = None) -> minidl.Sequential:
    minidl.utils.set_random_seed(1)
    made = minidl.Sequential([layers.Dense(7, "relu"), layers.Dense(1, "sigmoid")])
    made.compile(optimizer, "binary_crossentropy", metrics=metrics)
    return made


@pytest.mark.parametrize(("kind", "name", "before", "after"), CHANGES)
def test_the_value_of_now_is_used(kind: str, name: str, before: Any, after: Any) -> None:
    """As if it were set between two steps; and equal bits on every executor."""
    thetas = []
    hidden = own(kind, name, lambda batch: before if batch < CHANGE else after)
    for executor in ("python", "blocks", "compiled"):
        with minidl.backend.use("numpy", executor=executor):
            trained = model(hidden(0.01))
            trained.fit(X, Y, batch_size=10, epochs=4, shuffle=False, verbose=0)
            thetas.append(trained.theta.copy())
    made = getattr(optimizers, kind)(0.01, **{name: before})
    plain = model(made)
    for batch in range(40):
        if batch == CHANGE:
            setattr(made, name, after)
        rows = slice(batch % 10 * 10, batch % 10 * 10 + 10)
        plain.train_on_batch(X[rows], Y[rows])
    made.finish(plain.theta)
    for theta in thetas:
        np.testing.assert_array_equal(theta, plain.theta)
    assert trained.optimizer.state.keys() == made.state.keys()


@pytest.mark.parametrize("executor", ["python", "compiled"])
def test_a_step_that_is_put_back_puts_back_its_slots(executor: str) -> None:
    """The step in which momentum begins fails once, after the update."""
    hidden = own("SGD", "momentum", lambda batch: 0.9 if batch >= CHANGE else 0.0)
    calls = []

    def fails(y: Any, p: Any) -> Any:
        calls.append(0)
        if len(calls) == CHANGE + 1:
            raise OSError("once")
        return abs(y - p)

    with minidl.backend.use("numpy", executor=executor):
        made = model(hidden(0.01), [fails])
        for _ in range(CHANGE):
            made.train_on_batch(X, Y)
        assert made.optimizer.state == {}
        with pytest.raises(OSError, match="once"):
            made.train_on_batch(X, Y)
        assert (made.optimizer.batches, made.optimizer.state) == (CHANGE, {})
        other = model(hidden(0.01))
        for batch in range(CHANGE + 5):
            other.train_on_batch(X, Y)
            if batch >= CHANGE:
                made.train_on_batch(X, Y)
        np.testing.assert_array_equal(made.theta, other.theta)


def test_what_a_class_keeps_beside_its_slots_stays() -> None:
    """Also where its slots change."""

    class Notes(SGD):
        @property
        def slots(self) -> Any:
            return {"velocity": 0.0} if self.batches > 1 else {}

        def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
            self.state.setdefault("steps", np.zeros(1))[0] += 1
            theta -= learning_rate * grad

    theta, made = np.ones(2), Notes(0.1)
    for _ in range(3):
        made.update(theta, np.ones(2))
    assert {name: vector.tolist() for name, vector in made.state.items()} == {
        "velocity": [0, 0],
        "steps": [3],
    }

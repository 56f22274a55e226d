"""Schedules: against Keras step by step, as learning rates, and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl.optimizers import SGD, schedules
from tests import oracle, registered
from tests.specs import Spec, spec

STEPS = [*range(27), 39, 40, 41, 1000]
EXPONENTIAL = "optimizers.schedules.ExponentialDecay"
PIECEWISE = "optimizers.schedules.PiecewiseConstantDecay"
POLYNOMIAL = "optimizers.schedules.PolynomialDecay"
INVERSE = "optimizers.schedules.InverseTimeDecay"
COSINE = "optimizers.schedules.CosineDecay"
RESTARTS = "optimizers.schedules.CosineDecayRestarts"

SCHEDULES = [
    spec(EXPONENTIAL, initial_learning_rate=0.1, decay_steps=7, decay_rate=0.6),
    spec(EXPONENTIAL, initial_learning_rate=0.1, decay_steps=7, decay_rate=0.6, staircase=True),
    spec(EXPONENTIAL, initial_learning_rate=0.3, decay_steps=1, decay_rate=1.01),
    spec(PIECEWISE, boundaries=[4, 9, 20], values=[0.3, 0.1, 0.03, 0.01]),
    spec(PIECEWISE, boundaries=[0], values=[0.3, 0.1]),
    spec(POLYNOMIAL, initial_learning_rate=0.1, decay_steps=10),
    spec(POLYNOMIAL, initial_learning_rate=0.1, decay_steps=10, end_learning_rate=0.2, power=0.5),
    spec(POLYNOMIAL, initial_learning_rate=0.1, decay_steps=10, power=2.0, cycle=True),
    spec(POLYNOMIAL, initial_learning_rate=0.1, decay_steps=8, end_learning_rate=0.0, cycle=True),
    spec(INVERSE, initial_learning_rate=0.1, decay_steps=5, decay_rate=0.5),
    spec(INVERSE, initial_learning_rate=0.1, decay_steps=5, decay_rate=0.5, staircase=True),
    spec(INVERSE, initial_learning_rate=0.1, decay_steps=5, decay_rate=0.0),
    spec(COSINE, initial_learning_rate=0.1, decay_steps=20),
    spec(COSINE, initial_learning_rate=0.1, decay_steps=20, alpha=0.25),
    spec(COSINE, initial_learning_rate=0.01, decay_steps=20, warmup_target=0.1, warmup_steps=6),
    spec(
        COSINE,
        initial_learning_rate=0.0,
        decay_steps=11,
        alpha=0.1,
        warmup_target=0.1,
        warmup_steps=13,
    ),
    spec(COSINE, initial_learning_rate=0.1, decay_steps=20, warmup_steps=6),
    spec(COSINE, initial_learning_rate=0.01, decay_steps=20, warmup_target=0.1),
    spec(RESTARTS, initial_learning_rate=0.1, first_decay_steps=4),
    spec(RESTARTS, initial_learning_rate=0.1, first_decay_steps=5, t_mul=1.0, m_mul=0.5),
    spec(
        RESTARTS,
        initial_learning_rate=0.1,
        first_decay_steps=3.5,
        t_mul=1.5,
        m_mul=0.9,
        alpha=0.25,
    ),
]


def test_a_restart_is_a_steps_first() -> None:
    """Whatever logarithms round to: at each restart the rate is the initial one."""
    for t_mul in (1, 2, 3, 10):
        made = schedules.CosineDecayRestarts(0.1, 7, t_mul=t_mul)
        for period in range(1, 6):
            start = 7 * sum(t_mul**i for i in range(period))
            assert made(start) == 0.1
            assert made(start - 1) < 0.1


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_agrees_with_keras(schedule: Spec) -> None:
    """At every step, at the boundaries and on both sides of them, and long after the end."""
    made = schedule.make(minidl)
    actual = [made(step) for step in STEPS]
    assert all(isinstance(rate, float) for rate in actual)
    oracle.assert_agrees(actual, oracle.schedule(schedule, STEPS), "rates")


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_configuration_makes_an_equal_schedule(schedule: Spec) -> None:
    """What get_config gives are the constructor's arguments."""
    made = schedule.make(minidl)
    config = made.get_config()
    for name, value in schedule.options.items():
        assert config[name] == value, name
    again = type(made)(**config)
    assert [again(step) for step in STEPS] == [made(step) for step in STEPS]


def test_no_boundaries_mean_one_value() -> None:
    """Keras cannot do that."""
    assert schedules.PiecewiseConstantDecay([], [0.3])(1000) == 0.3


def test_the_table_has_every_schedule() -> None:
    """By its class name, which is how a saved optimizer finds it."""
    kinds = {s.path.rpartition(".")[2] for s in SCHEDULES}
    assert set(registered.SCHEDULES) == kinds
    assert all(registered.SCHEDULES[name].__name__ == name for name in kinds)


def test_an_optimizer_asks_for_the_rate_of_each_update() -> None:
    """The first update is step 0."""
    schedule = schedules.PiecewiseConstantDecay([0, 1], [1.0, 0.25, 0.0625])
    optimizer, theta = SGD(schedule), np.zeros(1)
    for expected in (-1.0, -1.25, -1.3125):
        assert optimizer.current_learning_rate() == schedule(optimizer.iterations)
        optimizer.update(theta, np.ones(1))
        assert theta[0] == expected
    assert optimizer.iterations == 3


def test_any_function_of_the_step_will_do() -> None:
    """For example a lambda."""
    optimizer, theta = SGD(lambda step: 2.0**-step), np.zeros(1)
    for _ in range(4):
        optimizer.update(theta, np.ones(1))
    assert theta[0] == -(1 + 0.5 + 0.25 + 0.125)


@pytest.mark.parametrize(
    ("rate", "error"),
    [(float("nan"), ValueError), (-0.1, ValueError), (float("inf"), ValueError), ("a", TypeError)],
)
def test_a_schedule_that_returns_nonsense(rate: Any, error: type[Exception]) -> None:
    """It is found at the update, before theta moves."""
    theta = np.ones(2)
    optimizer = SGD(lambda step: rate if step == 1 else 0.5)
    optimizer.update(theta, np.ones(2))
    with pytest.raises(error, match=r"learning_rate from the schedule: expected a number in \[0"):
        optimizer.update(theta, np.ones(2))
    np.testing.assert_array_equal(theta, [0.5, 0.5])


NAN = float("nan")


@pytest.mark.parametrize(
    ("schedule", "error", "words"),
    [
        (
            spec(EXPONENTIAL, initial_learning_rate=-0.1, decay_steps=5, decay_rate=0.5),
            ValueError,
            "initial_learning_rate: .* received -0.1",
        ),
        (
            spec(EXPONENTIAL, initial_learning_rate=0.1, decay_steps=0, decay_rate=0.5),
            ValueError,
            r"decay_steps: expected a number in \(0, inf\), received 0",
        ),
        (
            spec(EXPONENTIAL, initial_learning_rate=0.1, decay_steps=5, decay_rate=NAN),
            ValueError,
            "decay_rate: .* received nan",
        ),
        (
            spec(EXPONENTIAL, initial_learning_rate="a", decay_steps=5, decay_rate=0.5),
            TypeError,
            "initial_learning_rate: .* received 'a'",
        ),
        (
            spec(PIECEWISE, boundaries=[3], values=[0.1]),
            ValueError,
            "expected one more value than boundaries, received 1 boundaries and 1 values",
        ),
        (
            spec(PIECEWISE, boundaries=[3], values=[0.1, 0.2, 0.3]),
            ValueError,
            "expected one more value than boundaries, received 1 boundaries and 3 values",
        ),
        (
            spec(PIECEWISE, boundaries=[5, 3], values=[0.1, 0.2, 0.3]),
            ValueError,
            "expected strictly increasing boundaries",
        ),
        (
            spec(PIECEWISE, boundaries=[3, 3], values=[0.1, 0.2, 0.3]),
            ValueError,
            "expected strictly increasing boundaries",
        ),
        (
            spec(PIECEWISE, boundaries=[3], values=[0.1, NAN]),
            ValueError,
            "values: .* received nan",
        ),
        (
            spec(POLYNOMIAL, initial_learning_rate=0.1, decay_steps=10, power=0.0),
            ValueError,
            "power: .* received 0.0",
        ),
        (
            spec(POLYNOMIAL, initial_learning_rate=0.1, decay_steps=10, end_learning_rate=-1.0),
            ValueError,
            "end_learning_rate: .* received -1.0",
        ),
        (
            spec(INVERSE, initial_learning_rate=0.1, decay_steps=10, decay_rate=-0.5),
            ValueError,
            "decay_rate: .* received -0.5",
        ),
        (
            spec(RESTARTS, initial_learning_rate=0.1, first_decay_steps=5, t_mul=0.5),
            ValueError,
            r"t_mul: expected a number in \[1, inf\), received 0.5",
        ),
        (
            spec(COSINE, initial_learning_rate=0.1, decay_steps=-1),
            ValueError,
            "decay_steps: .* received -1",
        ),
        (
            spec(COSINE, initial_learning_rate=0.1, decay_steps=10, alpha=-0.1),
            ValueError,
            "alpha: .* received -0.1",
        ),
        (
            spec(COSINE, initial_learning_rate=0.1, decay_steps=10, warmup_target=NAN),
            ValueError,
            "warmup_target: .* received nan",
        ),
        (
            spec(COSINE, initial_learning_rate=0.1, decay_steps=10, warmup_steps=-2),
            ValueError,
            "warmup_steps: .* received -2",
        ),
    ],
    ids=str,
)
def test_bad_arguments(schedule: Spec, error: type[Exception], words: str) -> None:
    """Each raises in the constructor and says what was expected."""
    with pytest.raises(error, match=words):
        schedule.make(minidl)


def test_a_schedule_must_define_its_call() -> None:
    """The base class says which method is missing."""
    with pytest.raises(NotImplementedError, match="LearningRateSchedule must define __call__"):
        schedules.LearningRateSchedule()(0)


def test_a_rate_that_has_grown_beyond_all_numbers() -> None:
    """As in a search for the largest rate that still trains."""
    schedule = schedules.ExponentialDecay(1e-7, 1, 1.5)
    assert schedule(1e4) == np.inf
    np.testing.assert_array_equal(schedule([0, 10**4]), [1e-7, np.inf])
    optimizer = SGD(schedule)
    optimizer.batches = 10**4
    with pytest.raises(ValueError, match=r"from the schedule: expected a number in .* inf"):
        optimizer.update(np.ones(2), np.ones(2))


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_an_array_of_steps_gives_an_array_of_rates(schedule: Spec) -> None:
    """As for a picture of the rates; a name is kept."""
    made = schedule.make(minidl)
    rates = made(np.arange(6).reshape(2, 3))
    assert rates.numpy().shape == (2, 3)
    np.testing.assert_array_equal(rates, [[made(0), made(1), made(2)], [made(3), made(4), made(5)]])
    assert made(2).numpy() == rates[0, 2]
    assert "name" not in made.get_config()
    named = type(made).from_config({**made.get_config(), "name": "slow"})
    assert named.get_config()["name"] == "slow"

"""Played steps wait for each other, and are then run in a row: nobody can tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl.accelerator.cpu.commands import CommandList
from minidl.accelerator.cpu.series.plan import MOST
from minidl.accelerator.cpu.team.mail import TIMES
from minidl.backend import use
from minidl.callbacks import Callback, TerminateOnNaN
from minidl.layers import Dense, Dropout, Input
from minidl.optimizers import SGD, Adam, Optimizer
from minidl.optimizers.base import FLUSH_EVERY
from minidl.optimizers.schedules import ExponentialDecay, LearningRateSchedule
from tests import playing, registered
from tests.playing import both, schedule

same_products = playing.same_products

STEPS = 100
X = np.random.default_rng(0).standard_normal((2 * STEPS + 1, 4))
Y = np.random.default_rng(1).standard_normal((2 * STEPS + 1, 3))


@pytest.fixture(autouse=True)
def _compiled(parts: int, same_products: None) -> None:
    use("numpy", executor="compiled")


def model(optimizer: Optimizer | None = None) -> minidl.Sequential:
    minidl.utils.set_random_seed(6)
    layers = [Input((4,)), Dense(5, "relu"), Dropout(0.3), Dense(3)]
    made = minidl.Sequential(layers, dtype="float64")
    made.compile(optimizer or Adam(ExponentialDecay(0.01, 30, 0.5)), "mse", metrics=["mse"])
    return made


def fit(made: minidl.Sequential, rows: int = 2 * STEPS, epochs: int = 2, **options: Any) -> Any:
    return made.fit(X[:rows], Y[:rows], 2, epochs, 0, **options).history


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many times in a row each list of a whole step is run."""
    found: list[int] = []
    call = CommandList.__call__

    def noting(commands: CommandList) -> None:
        times = int(commands.record[TIMES])
        call(commands)
        if any(repr(each).startswith("<numbers") for each in commands.commands):
            found.append(times)

    monkeypatch.setattr(CommandList, "__call__", noting)
    return found


def test_steps_are_run_in_rows(runs: list[int]) -> None:
    fit(model())
    # Two steps come before the first that is played. One after which small numbers are flushed is
    # made by itself, because Python has a part in it.
    assert (MOST, FLUSH_EVERY, STEPS) == (32, 64, 100)
    first, second = [32, 29, 1, 32, 4], [27, 1, 32, 31, 1, 8]
    assert runs == [*first, *second]


@pytest.mark.parametrize("name", registered.OPTIMIZERS)
def test_steps_of_every_optimizer_are_run_in_rows(name: str, runs: list[int]) -> None:
    fit(model(registered.OPTIMIZERS[name](learning_rate=0.01)))
    assert max(runs) == MOST


@pytest.mark.parametrize("name", registered.SCHEDULES)
def test_steps_with_every_schedule_are_run_in_rows(name: str, runs: list[int]) -> None:
    fit(model(SGD(schedule(name))))
    assert max(runs) == MOST


@pytest.mark.parametrize("rows", [2 * STEPS, 2 * STEPS + 1])
def test_the_same_as_steps_that_are_called(rows: int) -> None:
    """The last batch of an epoch may be smaller: it is no played step."""

    def train() -> Any:
        made = model()
        return fit(made, rows), made.theta.copy(), made.optimizer.state["v"].copy()

    played, called = both(train)
    assert played[0] == called[0]
    for one, other in zip(played[1:], called[1:], strict=True):
        np.testing.assert_array_equal(one, other)


class Looks(Callback):
    """Notes the weights' sum after each batch."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        self.seen.append(float(self.model.theta.sum()))


def test_no_step_waits_where_somebody_looks(runs: list[int]) -> None:
    callback = Looks()
    fit(model(), callbacks=[callback])
    assert runs == [1] * (2 * STEPS - 2)
    assert len({*callback.seen}) == 2 * STEPS


def test_steps_wait_where_nan_is_looked_for(runs: list[int]) -> None:
    """As many in a row as ever: it is looked for where a row ends."""
    fit(model())
    plain = [*runs]
    runs.clear()
    fit(model(), check_finite=True)
    watched = [*runs]
    runs.clear()
    fit(model(), callbacks=[TerminateOnNaN()])
    assert watched == runs
    assert sum(watched) == sum(plain)
    assert len(watched) == len(plain) < STEPS / 4


def test_a_learning_rate_of_one_s_own_may_look_at_the_weights() -> None:
    seen: list[float] = []

    def train() -> Any:
        seen.clear()

        def rate(step: int) -> float:
            seen.append(float(made.theta.sum()))
            return 0.01

        made = model(SGD(rate))
        fit(made)
        return [*seen], made.theta.copy()

    played, called = both(train)
    assert len({*played[0]}) == 2 * STEPS
    assert played[0] == called[0]
    np.testing.assert_array_equal(played[1], called[1])


def test_steps_before_an_interruption_are_done() -> None:
    """Where the next one is being prepared, all before it are."""

    class Interrupting(LearningRateSchedule):
        def __init__(self, at: int) -> None:
            self.at = at

        def __call__(self, step: int) -> float:
            if step == self.at:
                raise KeyboardInterrupt
            return 0.01

    def train() -> Any:
        made = model(SGD(Interrupting(40)))
        with pytest.raises(KeyboardInterrupt):
            fit(made)
        assert made.optimizer is not None
        assert made.optimizer.iterations == 40
        return made.theta.copy(), made.predict(X)

    played, called = both(train)
    for one, other in zip(played, called, strict=True):
        np.testing.assert_array_equal(one, other)

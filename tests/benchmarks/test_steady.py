"""Epochs that are trained again because the machine was slow."""

from __future__ import annotations

import pytest

from benchmarks.train import race, steady
from benchmarks.train.steady import PATIENCE, TRIES, Machine


class Clock:
    """Time that only passes when somebody waits or trains."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(steady.time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(steady.time, "sleep", self.pass_)

    def pass_(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def machine(*products):
    """One whose products take so long; the last for ever."""
    left = list(products)
    return Machine(lambda: left.pop(0) if len(left) > 1 else left[0])


def trainer(clock, seconds=1.0):
    count = iter(range(1, 1000))

    def train():
        clock.pass_(seconds)
        return next(count)

    return train


def test_on_a_steady_machine_each_epoch_counts(clock):
    found = machine(1.0, 1.2, 1.1)
    assert found.epochs(trainer(clock)) == ([1], True)
    assert found.patience == PATIENCE


def test_it_waits_until_the_machine_is_fast_again(clock):
    found = machine(1.0, 1.0, 2.0, 2.0, 1.1, 1.0)
    train = trainer(clock)
    assert found.epochs(train) == ([1], True)
    before = clock.now
    assert found.epochs(train) == ([2], True)
    assert clock.now - before == pytest.approx(3.0)  # twice a second, and the epoch


def test_an_epoch_that_ends_slowly_is_trained_again(clock):
    found = machine(1.0, 1.5, 1.0, 1.0)
    assert found.epochs(trainer(clock)) == ([1, 2], True)
    assert found.patience == PATIENCE - 1


def test_patience_ends(clock):
    found = machine(1.0, 2.0)
    answers, was_steady = found.epochs(trainer(clock, PATIENCE / 2))
    assert (len(answers), was_steady) == (2, False)
    # From then on epochs count as they are.
    assert found.epochs(trainer(clock)) == ([1], False)


def test_so_do_tries(clock):
    products = iter([1.0, 2.0] * 50)
    found = Machine(lambda: next(products))
    assert found.epochs(trainer(clock)) == ([*range(1, TRIES + 1)], False)


def test_the_first_product_may_have_been_a_slow_one(clock):
    found = machine(2.0, 1.0, 2.0, 1.0, 1.0)
    assert found.epochs(trainer(clock)) == ([1], True)
    assert found.epochs(trainer(clock)) == ([1], True)


def test_a_race_counts_the_last_and_remembers_all(clock):
    class Runner:
        facts, startup, trained = {}, 0.0, 0

        def start(self):
            return self.epoch()

        def epoch(self):
            self.trained += 1
            seconds = float(self.trained)
            return {"seconds": seconds, "loss": -seconds, "accuracy": None, "idle": (0.5, 1.0)}

        def stop(self):
            pass

    found = machine(1.0, 1.0, 1.0, 3.0, 1.0, 1.0, 1.0, 3.0)
    run = race.together({"a": Runner}, 3, found)["a"]
    assert run.seconds[:2] == [2.0, 4.0]
    assert run.losses[:4] == [-1, -2, -3, -4]
    assert run.unsteady == 1
    assert run.idle_wall == len(run.losses) - 1


def test_a_product_is_timed():
    assert 0 < steady._product() < 10

"""Beside callbacks of somebody else's: what they change is done again, or the error says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.callbacks import BackupAndRestore, Callback, TerminateOnNaN
from minidl.finite.watch import EVERY
from minidl.initializers import Constant
from minidl.layers import Dense
from minidl.optimizers import SGD, Adam
from minidl.training.snapshots import Snapshot
from tests.finite.planted import (
    BATCH,
    Case,
    StopAt,
    build,
    column,
    everything,
    full,
    hidden,
    put,
    top,
)
from tests.finite.test_watch import failing, sound
from tests.fitting import equal

pytestmark = [
    pytest.mark.usefixtures("executor"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]
everywhere = pytest.mark.parametrize(
    "executor", ["blocks", "compiled", "cupy-double"], indirect=True
)
on_hosts = pytest.mark.parametrize("executor", ["blocks", "compiled"], indirect=True)


class Between(Callback):
    """Calls a function with the model after each step, and says nothing of what that does.

    Attributes:
        told: numbers of the steps.
        losses: the mean so far, after each.
    """

    def __init__(self, change: Callable[[Any], None] = lambda model: None) -> None:
        self.change = change
        self.told: list[int] = []
        self.losses: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        self.told.append(self.model.step - 1)
        self.losses.append(logs["loss"])
        self.change(self.model)


class Rates(Callback):
    """Another learning rate at each step, and one at step 51 with which weights overflow."""

    def on_train_batch_begin(self, batch: int, logs: Any) -> None:
        step = self.model.step
        self.model.optimizer.learning_rate = 1e38 if step == 51 else 1e-9 * (1 + step)


def overflowing() -> Case:
    """Comes to infinity with those rates: at step 51 in weights, at step 52 in the loss."""
    return Case(
        lambda: build(Dense(1, name="only"), loss="mse", features=1, optimizer=SGD(momentum=0.9)),
        "update", "only", "velocity of W", 51, x=column(1e3), y=full(1e3),
    )  # fmt: skip


def spoiled() -> Case:
    """NaN in a row of data, which comes at step 53."""
    return Case(
        lambda: build(*hidden(), top(), optimizer=Adam(0.01)), "data", "", "x", 53, put(17, np.nan)
    )


def hiding() -> Case:
    """Comes to infinity at step 53, and stays finite in all that a step leaves."""
    return Case(
        lambda: build(
            Dense(6, "tanh", kernel_initializer=Constant(2.0), name="first"), top(),
            optimizer=Adam(0.01),
        ),
        "forward", "first", "z", 53, put(17, 3e38),
    )  # fmt: skip


def after(case: Case, steps: int, *told: Callback) -> minidl.Sequential:
    """The model after so many steps, beside the same callbacks and not watched."""
    made = case.make()
    case.fit(made, *told, StopAt(steps))
    return made


def assert_equal(one: minidl.Sequential, two: minidl.Sequential, executor: str) -> None:
    """Assert that all that a step moves is the same."""
    for a, b in zip(everything(one), everything(two), strict=True):
        equal(a, b, executor, "float32")


def assert_exact(case: Case, error: minidl.NonFiniteError) -> None:
    """Assert that what was planted is named, and that nothing is in doubt."""
    found = error.phase, error.layer, error.tensor, error.step, error.note
    assert found == (case.phase, case.layer, case.tensor, case.step, "")
    assert minidl.replay_failure(error.path or "").same


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The batches before which the state is copied."""
    found: list[int] = []
    keep = Snapshot.keep

    def noting(state: Snapshot, batch: int, measures: Any) -> None:
        found.append(batch)
        keep(state, batch, measures)

    monkeypatch.setattr(Snapshot, "keep", noting)
    return found


@everywhere
def test_a_learning_rate_for_each_batch_is_done_again(executor: str) -> None:
    note = Between()
    error, made = failing(overflowing(), Rates(), note)
    assert_exact(overflowing(), error)
    assert made.optimizer is not None
    assert made.optimizer.learning_rate == 1e38
    assert note.told == [*range(52)]
    assert np.isfinite(note.losses).all()
    assert_equal(made, after(overflowing(), 51, Rates()), executor)


@everywhere
def test_terminate_on_nan_stops_after_the_step_with_its_rate(executor: str) -> None:
    case, note = overflowing(), Between()
    made = case.make()
    case.fit(made, Rates(), TerminateOnNaN(), note)
    assert made.step == 52
    assert_equal(made, after(case, 52, Rates()), executor)


@everywhere
@pytest.mark.parametrize("batch", ["first", "first of epoch 1", "40 and later", "each"])
def test_weights_that_a_callback_rewrites_are_seen(batch: str, executor: str) -> None:
    """No step before them is done again, and they are not what the error is blamed on."""
    when = {"first": {1}, "first of epoch 1": {46}, "40 and later": {*range(41, 99)}}

    def change(model: Any) -> None:
        if model.step in when.get(batch, range(99)):
            model.theta[...] *= 0.9

    error, made = failing(overflowing(), Rates(), Between(change))
    assert_exact(overflowing(), error)
    assert_equal(made, after(overflowing(), 51, Rates(), Between(change)), executor)


@everywhere
def test_a_step_before_rewritten_weights_is_named(executor: str) -> None:
    """Weights that have overflowed are named, though a callback repairs them."""

    def repair(model: Any) -> None:
        if model.step == 52 and note.told.count(51) == 1:
            model.theta[...] = 0

    case, note = overflowing(), Between(repair)
    error, _ = failing(case, Rates(), note)
    assert_exact(case, error)
    made, note = case.make(), Between(repair)
    case.fit(made, Rates(), TerminateOnNaN(), note)
    assert_equal(made, after(case, 52, Rates()), executor)


@on_hosts
def test_who_goes_on_nevertheless_is_watched_no_more(capsys: Any) -> None:
    def go_on(model: Any) -> None:
        model.stop_training = False
        model.theta[...] = model.step

    case = overflowing()
    made = case.make()
    case.fit(made, Rates(), TerminateOnNaN(), Between(go_on))
    assert made.step == 134  # it went back by one
    assert capsys.readouterr().out.count("stopping at") == 1


@everywhere
@pytest.mark.parametrize("what", ["b", "moving_mean"])
def test_what_a_callback_spoils_was_so_before_the_next_step(what: str, executor: str) -> None:
    def spoil(model: Any) -> None:
        if model.step == 50:
            getattr(model.layers[0 if what == "moving_mean" else -1], what)[...] = np.nan

    norm = minidl.layers.BatchNormalization
    layer = "norm" if what == "moving_mean" else "top"
    case = Case(lambda: build(norm(name="norm"), *hidden(), top()), "before", layer, what, 50)
    error, _ = failing(case, Between(spoil))
    assert_exact(case, error)


@everywhere
@pytest.mark.parametrize("step", [48, 52])
def test_another_optimizer_from_a_callback_is_done_again(step: int, executor: str) -> None:
    """Its vectors are zeros when it begins; steps before it are the other one's."""
    case = overflowing()

    def change(model: Any) -> None:
        if model.step == step:
            model.optimizer = SGD(momentum=0.5)

    error, made = failing(case, Between(change), Rates())
    assert_exact(case, error)
    assert_equal(made, after(case, 51, Between(change), Rates()), executor)


@on_hosts
def test_all_that_the_optimizer_was_told_is_done_again(executor: str) -> None:
    """A function as learning rate, and a decay that is switched on and off."""

    def change(model: Any) -> None:
        optimizer, step = model.optimizer, model.step
        optimizer.weight_decay = 0.01 if step in (47, 50) else None
        if step == 49:
            optimizer.learning_rate = lambda step: 0.001 * step

    error, made = failing(hiding(), Between(change))
    assert_exact(hiding(), error)
    assert_equal(made, after(hiding(), 53, Between(change)), executor)


@on_hosts
def test_beside_a_callback_that_looks_copies_are_as_rare_as_without(copies: list[int]) -> None:
    note = Between()
    sound().fit(sound().make(), note, check_finite=True)
    beside = copies.copy()
    copies.clear()
    sound().fit(sound().make(), check_finite=True)
    assert beside == copies
    # At the beginning of each epoch, and after 32, 64, 96 and 128 steps.
    assert copies == [0, EVERY, 0, 64 - 45, 0, 96 - 90, 128 - 90]
    assert np.isfinite(note.losses).all()


@on_hosts
def test_a_copy_is_made_where_weights_were_rewritten(copies: list[int]) -> None:
    def change(model: Any) -> None:
        if model.step == 41:
            model.layers[0].W[0, 0] += 1  # one number of all

    sound().fit(sound().make(), Between(change), check_finite=True)
    assert copies[:4] == [0, EVERY, 41, 0]


# Other changes -----------------------------------------------------------------------------


@on_hosts
def test_a_step_that_fails_again_is_named_though_steps_came_out_otherwise(executor: str) -> None:
    """A callback has changed the optimizer's averages, which no sum shows."""

    def change(model: Any) -> None:
        if model.step == 50:
            model.optimizer.state["m"][...] *= -1

    case = hiding()
    error, made = failing(case, Between(change))
    found = error.phase, error.layer, error.tensor, error.step, error.data_rows
    assert found == ("forward", "first", "z", 53, [17])
    assert "the steps since step 45 came to other bits" in str(error)
    assert "the model is as the steps before came out again" in str(error)
    assert made.step == 53
    assert minidl.replay_failure(error.path or "").same
    stopped = case.make()
    case.fit(stopped, Between(change), TerminateOnNaN())
    assert_equal(stopped, after(case, 54, Between(change)), executor)


@on_hosts
def test_no_step_is_blamed_that_failed_only_when_it_was_done_again() -> None:
    """A callback spares step 51, and makes the data good again."""
    case = overflowing()
    x, y = case.data()
    whole = x[12:14].copy()

    def change(model: Any) -> None:
        if model.step == 50:
            x[17] = np.nan
        x[12:14] = 0 if model.step == 51 else whole

    made = build(
        Dense(1, use_bias=False, name="only"), loss="mse", features=1, optimizer=SGD(momentum=0.9)
    )
    told = [Rates(), Between(change)]
    with pytest.raises(minidl.NonFiniteError) as caught:
        made.fit(x, y, BATCH, 2, 0, told, shuffle=False, check_finite=True)
    error = caught.value
    assert (error.step, error.phase, error.tensor) == (53, "update", "velocity of W")
    assert "so this is what the step left" in error.note
    assert made.step == 45


@everywhere
def test_what_cannot_be_done_again_is_named_as_it_was_left(executor: str) -> None:
    """No step makes an infinite average again, which comes to NaN and to the loss after it."""

    def change(model: Any) -> None:
        if model.step == 50:
            model.optimizer.state["v"][3] = np.inf

    case = Case(spoiled().make, "", "", "")
    error, made = failing(case, Between(change))
    found = error.phase, error.layer, error.tensor, error.epoch, error.batch, error.step
    assert found == ("update", "first", "m of W", 1, 6, 51)
    assert "came to other bits" in str(error)
    assert "the model is as it was before step 45" in str(error)
    assert error.path is None
    assert_equal(made, after(case, 45), executor)
    stopped = case.make()
    case.fit(stopped, Between(change), TerminateOnNaN())
    assert_equal(stopped, after(case, 52, Between(change)), executor)


@everywhere
def test_a_loss_that_cannot_be_done_again_is_named(executor: str) -> None:
    """It is infinite, though its gradient and the weights are not."""

    def change(model: Any) -> None:
        if model.step == 50:
            model.optimizer.state["velocity"][...] *= 1e24

    case, planted = overflowing(), overflowing().make
    case.make = lambda: made_with(planted(), 1e-9)
    error, _ = failing(case, Between(change))
    found = error.phase, error.layer, error.tensor, error.step
    assert found == ("forward", "MeanSquaredError", "value", 51)
    assert "came to other bits" in str(error)


def made_with(made: minidl.Sequential, rate: float) -> minidl.Sequential:
    """The model with another learning rate."""
    assert made.optimizer is not None
    made.optimizer.learning_rate = rate
    return made


# Batches -----------------------------------------------------------------------------------


@on_hosts
def test_a_ragged_batch_is_done_again(executor: str) -> None:
    def rate(model: Any) -> None:
        model.optimizer.learning_rate = 0.001 * (1 + model.step)

    case = spoiled()
    (x, y), made, other = case.data(), case.make(), case.make()

    def spoil(model: Any) -> None:
        if model.step == 6:
            x[89, 2] = np.nan

    options: dict[str, Any] = {"batch_size": 13, "verbose": 0, "shuffle": False}
    with pytest.raises(minidl.NonFiniteError) as caught:
        made.fit(x, y, **options, callbacks=[Between(rate), Between(spoil)], check_finite=True)
    error = caught.value
    assert (error.step, error.batch, error.tensor, error.data_rows) == (6, 6, "x", [89])
    assert not error.note
    other.fit(*case.data(), **options, callbacks=[Between(rate), StopAt(6)])
    assert_equal(made, other, executor)


@on_hosts
def test_a_training_that_is_resumed_in_an_epoch_is_done_again_from_there(executor: str) -> None:
    def interrupt(model: Any) -> None:
        if model.step == 50:
            raise KeyboardInterrupt

    case = overflowing()
    with pytest.raises(KeyboardInterrupt):
        case.fit(case.make(), Rates(), Between(interrupt), BackupAndRestore("kept", save_freq=7))
    note = Between()
    made = case.make()
    with pytest.raises(minidl.NonFiniteError) as caught:
        case.fit(made, Rates(), note, check_finite=True, resume="kept")
    assert note.told == [49, 50, 51]
    assert (caught.value.epoch, caught.value.batch) == (1, 6)
    assert_exact(case, caught.value)
    assert_equal(made, after(case, 51, Rates()), executor)

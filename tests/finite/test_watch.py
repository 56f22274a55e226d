"""The first NaN or infinity of a training is found at its step, and named."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.accelerator.cpu.series.plan import MOST
from minidl.callbacks import Callback, LambdaCallback, TerminateOnNaN
from minidl.finite.naming import Observer
from minidl.finite.watch import EVERY, Watch
from minidl.initializers import Constant
from minidl.training.loop import Loop
from tests.finite.planted import (
    ANYWHERE,
    BATCH,
    CASES,
    Case,
    NanAt,
    StopAt,
    build,
    everything,
    put,
    steps_before,
    top,
)
from tests.fitting import equal
from tests.selection import few

pytestmark = [
    pytest.mark.usefixtures("executor"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def failing(case: Case, *callbacks: Callback) -> tuple[minidl.NonFiniteError, minidl.Sequential]:
    """What a training raises, and its model."""
    made = case.make()
    with pytest.raises(minidl.NonFiniteError) as caught:
        case.fit(made, *callbacks, check_finite=True)
    return caught.value, made


HOSTS = ["blocks", "compiled"]
WHERE = [
    *few(
        [
            *((name, executor) for name in CASES for executor in HOSTS),
            *((name, "cupy-double") for name in ANYWHERE),
        ]
    ),
    *(pytest.param(name, "cupy", marks=pytest.mark.gpu) for name in ANYWHERE),
]
everywhere = pytest.mark.parametrize(("name", "executor"), WHERE, indirect=["executor"])
on_hosts = pytest.mark.parametrize("executor", HOSTS, indirect=True)


@everywhere
def test_the_tensor_is_named(name: str, executor: str) -> None:
    """At its step; the model is as it was before, to the bit."""
    case = CASES[name]
    error, made = failing(case)
    if case.step is None:  # where it grows, two executors round otherwise
        assert error.step in (51, 52, 53)
        assert error.phase in ("forward", "backward", "update")
    else:
        found = error.phase, error.layer, error.tensor, error.step
        assert found == (case.phase, case.layer, case.tensor, case.step)
        assert bool(error.rows) == case.rows
    assert (error.epoch, error.batch) == divmod(error.step, 45)
    assert not np.isfinite(error.finding.values[error.finding.index])
    assert all(0 <= row < BATCH for row in error.rows)
    assert error.data_rows == [BATCH * error.batch + row for row in error.rows]
    assert all(math.isfinite(seen.largest) for seen in error.before)
    assert made.history is not None
    assert made.history.epoch == list(range(error.epoch))
    if error.phase == "before":  # what a callback wrote is not the step's
        return
    expected = everything(steps_before(case, error.step))
    if case.spoil is not None and error.batch == 0:
        return  # spoiled at once, by a callback
    for one, other in zip(everything(made), expected, strict=True):
        equal(one, other, executor, "float32")


@on_hosts
def test_the_message_says_it_all() -> None:
    error, _ = failing(CASES["NaN in a row of data"])
    text = str(error)
    assert text.startswith(
        "epoch 1, batch 8 (both counted from 0), step 53, data: x (2 x 4) has 1 x NaN, first at "
        "(1, 2)\nrows of the batch: 1; of the data: 17\nlargest sizes before: "
    )
    assert "top W 0." in text
    assert text.endswith(f"minidl.replay_failure({error.path!r}) repeats the step")
    assert Path(error.path or "").parent == Path.cwd()
    assert isinstance(error, FloatingPointError)


@on_hosts
def test_rows_are_those_of_the_data_also_where_they_are_shuffled() -> None:
    case = CASES["NaN in a row of data"]
    made = case.make()
    with pytest.raises(minidl.NonFiniteError) as caught:
        case.fit(made, check_finite=True, shuffle=True, validation_split=0.1)
    assert caught.value.data_rows == [17]


def test_of_somebody_s_own_nothing_is_done_twice() -> None:
    """The layer is called once a step, and once in the step that is found."""
    case = CASES["NaN of a layer of somebody's own"]
    _, made = failing(case)
    own = next(layer for layer in made.layers if isinstance(layer, NanAt))
    assert own.calls == 8


@on_hosts
def test_a_callback_of_batches_is_told_of_no_later_one() -> None:
    told: list[int] = []
    note = LambdaCallback(on_train_batch_end=lambda batch, logs: told.append(batch))
    failing(CASES["NaN in a row of data"], note)
    assert told == [*range(45), *range(8)]


def test_a_part_that_refuses_to_go_on_is_named_first() -> None:
    """Its own error is the cause's consequence, and stays visible."""

    class Refusing(NanAt):
        def backward(self, dy: Any) -> Any:
            if not np.isfinite(minidl.backend.to_host(dy)).all():
                raise OSError("I do not like this")
            return dy

    case = CASES["NaN of a layer of somebody's own"]
    Dense = minidl.layers.Dense
    made = minidl.Sequential([minidl.Input((4,)), Dense(3), Refusing("own"), Dense(1)])
    made.compile("sgd", "mse")
    x, y = case.data()
    with pytest.raises(minidl.NonFiniteError) as caught:
        made.fit(x, y, BATCH, verbose=0, check_finite=True)
    assert (caught.value.layer, caught.value.step) == ("own", 7)
    assert isinstance(caught.value.__context__, OSError)


def test_an_error_of_somebody_s_own_comes_as_it_is() -> None:
    def broken(batch: int, logs: Any) -> None:
        raise KeyError("mine")

    case = CASES["NaN in a row of data"]
    with pytest.raises(KeyError, match="mine"):
        case.fit(case.make(), LambdaCallback(on_train_batch_end=broken), check_finite=True)


@pytest.mark.thorough
@everywhere
def test_terminate_on_nan_stops_after_the_batch(name: str, executor: str, capsys: Any) -> None:
    """As in Keras: the batch counts, the model is as it left it, the epoch is in the History."""
    case = CASES[name]
    error, _ = failing(case)
    made = case.make()
    history = case.fit(made, TerminateOnNaN())
    said = capsys.readouterr().out
    assert said.startswith("TerminateOnNaN: stopping at epoch ")
    assert (
        f"step {error.step}, {error.phase}: {error.layer} {error.tensor}".replace(":  ", ": ")
        in said
    )
    assert made.step == error.step + 1
    assert len(history["loss"]) == error.epoch + 1
    other = steps_before(case, 0)
    expected = case.fit(other, StopAt(error.step + 1))
    for key, values in expected.items():
        equal(history[key], values, executor, "float32")
    for one, two in zip(everything(made), everything(other), strict=True):
        equal(one, two, executor, "float32")


def sound() -> Case:
    """Nothing is spoiled."""
    return Case(CASES["NaN in a row of data"].make, "", "", "")


@pytest.mark.parametrize("told", [[], [StopAt(10**9)], [LambdaCallback(on_train_batch_end=print)]])
def test_a_watched_training_is_the_same(told: list[Callback], executor: str, capsys: Any) -> None:
    plain, watched = sound().make(), sound().make()
    first = sound().fit(plain, *told)
    second = sound().fit(watched, *told, check_finite=True)
    for key, values in first.items():
        equal(second[key], values, executor, "float32")
    for one, two in zip(everything(plain), everything(watched), strict=True):
        equal(one, two, executor, "float32")
    assert not [*Path.cwd().iterdir()]


def test_a_false_alarm_changes_nothing(executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a sum of finite numbers overflows, the steps are done again and training goes on."""
    plain, watched = sound().make(), sound().make()
    first, alarms = sound().fit(plain), []
    judge = Watch._is_bad

    def alarmed(watch: Watch) -> bool:
        alarms.append(judge(watch))
        return True

    monkeypatch.setattr(Watch, "_is_bad", alarmed)
    second = sound().fit(watched, check_finite=True)
    assert not any(alarms)
    # After 32, 45, 64, 90, 96, 128 and 135 steps, and after each step alone.
    assert len(alarms) == 7 + 3 * 45
    for key, values in first.items():
        equal(second[key], values, executor, "float32")
    for one, two in zip(everything(plain), everything(watched), strict=True):
        equal(one, two, executor, "float32")


@on_hosts
def test_a_sum_that_overflows_is_searched_for_once(
    executor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixteen numbers of 3e37 are finite."""
    searches: list[int] = []
    search = Watch._search
    monkeypatch.setattr(Watch, "_search", lambda self: (searches.append(1), search(self)))
    wide = minidl.layers.Dense(16, "sigmoid", kernel_initializer=Constant(0.1))
    case = Case(lambda: build(wide, top()), "", "", "", spoil=put(17, 3e38))
    assert np.isfinite(case.fit(case.make(), check_finite=True)["loss"]).all()
    assert len(searches) == 2  # that row comes in the second epoch and in the third


def test_where_only_the_played_step_fails_its_tensor_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The step that is called may be rounded otherwise."""
    monkeypatch.setattr(Observer, "watching", lambda self: contextlib.nullcontext())
    error, _ = failing(CASES["weights that overflow"])
    assert (error.phase, error.layer, error.tensor, error.step) == ("update", "only", "W", 51)


def test_off_there_is_no_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[Loop] = []
    run = Loop.run
    monkeypatch.setattr(Loop, "run", lambda self: (found.append(self), run(self)))
    sound().fit(sound().make())
    assert found[0]._steps.watch is None
    assert found[0].state.objective.probe is None


@on_hosts
def test_the_methods_are_what_they_were() -> None:
    error, made = failing(CASES["overflow of data that are scaled"])
    for thing in (made, *made.layers, made.penalties, made.optimizer):
        assert not {"forward", "backward", "update", "_clip", "logits"} & vars(thing).keys()
    made.layers[0].forward(np.ones((2, 4), np.float32))
    assert error.step == 89


def test_looks_are_as_far_apart_as_rows_are_long() -> None:
    assert EVERY == MOST

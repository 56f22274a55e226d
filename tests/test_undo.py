"""A step between what it writes down and what counts: done, or not done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import regularizers
from minidl.accelerator.cpu import player
from minidl.accelerator.cpu.formulas import Bound
from minidl.accelerator.cpu.series.plan import Once, Series
from minidl.accelerator.record.ending import Call
from minidl.accelerator.record.tape import Tape
from minidl.backend import use
from minidl.data.batches import Batches
from minidl.layers import BatchNormalization, Dense, Dropout, Input, Layer
from minidl.network import Network
from minidl.optimizers.base import FLUSH_EVERY
from tests.campaigns.interrupts import state

ROWS = 8
X = np.tile(np.random.default_rng(0).standard_normal((ROWS, 6)), (10, 1)).astype(np.float32)
Y = np.tile(np.random.default_rng(1).integers(0, 3, ROWS), 10)

pytestmark = pytest.mark.filterwarnings("ignore:fit continues")


@pytest.fixture(autouse=True)
def _compiled() -> None:
    use("numpy", executor="compiled")


def model() -> minidl.Sequential:
    """One whose steps are recorded whole, but for those after which small numbers are flushed."""
    minidl.utils.set_random_seed(1)
    layers = [Input((6,)), Dense(9, "relu", kernel_regularizer="l2"), Dropout(0.2), Dense(3)]
    made = minidl.Sequential(layers)
    made.compile("adam", minidl.losses.SparseCategoricalCrossentropy(from_logits=True))
    return made


def fit(made: minidl.Sequential, epochs: int) -> minidl.Sequential:
    made.fit(X, Y, ROWS, epochs, 0, shuffle=False)
    return made


def once(monkeypatch: pytest.MonkeyPatch, kind: type, name: str, action: Callable[[], Any],
         when: Callable[[], bool] = lambda: True) -> list[bool]:  # fmt: skip
    """Have an action follow a method, once; a list that says whether it did."""
    real, done = getattr(kind, name), []  # type: ignore[var-annotated]

    def with_it(*arguments: Any, **named: Any) -> Any:
        result = real(*arguments, **named)
        if not done and when():
            done.append(True)
            action()
        return result

    monkeypatch.setattr(kind, name, with_it)
    return done


@pytest.mark.parametrize("action", ["predict", "fit"])
def test_a_step_is_not_counted_that_something_came_before(action: str, monkeypatch: Any) -> None:
    """It has written its numbers down; then another one makes them those of another step."""
    made = model()
    do = {"predict": lambda: made.predict(X), "fit": lambda: fit(made, 1)}[action]
    done = once(monkeypatch, Series, "write", do)
    fit(made, 3)
    assert done
    assert state(made) == state(fit(model(), 3 + (action == "fit")))


@pytest.mark.parametrize("executor", ["python", "compiled"])
@pytest.mark.parametrize("moment", [(Batches, "fill"), (Dense, "forward"), (Network, "backward")])
@pytest.mark.parametrize("action", ["set_weights", "part", "whole"])
def test_a_called_step_in_which_a_handler_changes_the_network_is_made_once(
    action: str, moment: Any, executor: str, monkeypatch: Any
) -> None:
    """The handler sets its weights, or makes a network of its layers, to which its vectors move."""
    use("numpy", executor=executor)

    def small() -> minidl.Sequential:
        minidl.utils.set_random_seed(1)
        made = minidl.Sequential([Input((6,)), Dense(9, "relu", kernel_regularizer="l2"), Dense(3)])
        made.compile("adam", minidl.losses.SparseCategoricalCrossentropy(from_logits=True))
        made.build()
        return made

    expected, made = fit(small(), 2), small()

    def act() -> None:
        if action == "set_weights":
            made.set_weights(made.get_weights())
        else:
            layers = made.layers[:-1] if action == "part" else [made, Dense(2)]
            minidl.Sequential(layers).predict(X[:1])

    done = once(monkeypatch, *moment, act, lambda: made.step == 1)
    fit(made, 2)
    assert done
    assert state(made) == state(expected)


def test_a_step_of_which_python_does_a_part_is_undone() -> None:
    """It is interrupted when its compiled part is done, and Python has the rest of it yet to do."""
    with pytest.MonkeyPatch.context() as patch:
        made = model()

        real = Call.__call__

        def interrupted(call: Call) -> Any:
            if made.step == FLUSH_EVERY:
                raise KeyboardInterrupt
            return real(call)

        patch.setattr(player, "Once", None)  # else nothing is left to Python
        patch.setattr(Call, "__call__", interrupted)  # what the optimizer asks for every 64 steps
        with pytest.raises(KeyboardInterrupt):
            fit(made, 9)
    assert made.step == FLUSH_EVERY - 1
    expected = model()
    expected.fit(X[: 7 * ROWS], Y[: 7 * ROWS], ROWS, 9, 0, shuffle=False)
    assert expected.step == made.step
    assert state(made) == state(expected)


def test_a_step_that_ends_otherwise_than_the_recorded_one_is_undone_whole() -> None:
    """The recorded step is one after which small numbers are flushed, the next one is not.

    Running statistics move before the weights do: they, too, are as they were.
    """
    x, y = np.tile(X, (2, 1)), np.tile(Y, 2)

    def trained(steps: int) -> minidl.Sequential:
        minidl.utils.set_random_seed(1)
        layers = [Input((6,)), Dense(9, "relu"), BatchNormalization(), Dense(3, "softmax")]
        made = minidl.Sequential(layers)
        made.compile("adam", "sparse_categorical_crossentropy")
        for number in (FLUSH_EVERY - 2, steps - FLUSH_EVERY + 2):
            rows = x[:ROWS], y[:ROWS]
            made.fit(*rows, ROWS, number, 0, shuffle=False) if number > 0 else None
        return made

    expected = trained(FLUSH_EVERY)
    made = trained(FLUSH_EVERY - 2)
    with pytest.MonkeyPatch.context() as patch:
        real = Bound.__call__

        def interrupted(bound: Bound) -> None:
            if made.step == FLUSH_EVERY + 1:
                raise KeyboardInterrupt
            real(bound)

        patch.setattr(Bound, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            made.fit(x[:ROWS], y[:ROWS], ROWS, 9, 0, shuffle=False)
    assert made.step == FLUSH_EVERY
    assert state(made) == state(expected)


def test_what_follows_a_step_is_done_with_it() -> None:
    """Small numbers are flushed after the last of 64 steps, interrupted or not."""
    with pytest.MonkeyPatch.context() as patch:
        made = model()
        real = Once.run

        def run(once: Once) -> None:
            patch.setattr(Once, "run", real)
            raise KeyboardInterrupt

        patch.setattr(Once, "run", run)
        made.optimizer.learning_rate = 1e-38  # leaves numbers to flush
        with pytest.raises(KeyboardInterrupt):
            fit(made, 9)
    assert made.step == FLUSH_EVERY
    expected = model()
    expected.optimizer.learning_rate = 1e-38
    expected.fit(X[: 8 * ROWS], Y[: 8 * ROWS], ROWS, 8, 0, shuffle=False)
    assert expected.step == made.step
    assert state(made) == state(expected)


def test_waiting_steps_are_done_when_somebody_looks(monkeypatch: Any) -> None:
    """In a signal's handler, or in another thread."""
    made, seen = model(), []
    done = once(
        monkeypatch, Tape, "play", lambda: seen.append((made.get_weights(), made.step)),
        lambda: made.step == 7,
    )  # fmt: skip
    fit(made, 1)
    assert done
    weights, step = seen[0]
    assert step == 7
    expected = model()
    expected.fit(X[: 7 * ROWS], Y[: 7 * ROWS], ROWS, 1, 0, shuffle=False)
    for found, wanted in zip(weights, expected.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_penalties_have_memory_of_their_own_beside_a_step(monkeypatch: Any) -> None:
    """The value of a penalty is added up term by term; an evaluation comes between two of them."""
    use("numpy", executor="blocks")
    made = model()
    expected = fit(model(), 1).history
    done = once(
        monkeypatch, regularizers.L2, "forward", lambda: made.evaluate(X, Y, verbose=0),
        lambda: made.step == 5,
    )  # fmt: skip
    fit(made, 1)
    assert done
    assert made.history is not None
    assert expected is not None
    assert made.history.history == expected.history


def test_a_pass_between_what_another_puts_back() -> None:
    """A signal's handler comes within a handler, and again while buffers are put back."""
    due: list[str] = []

    class Asking(Layer):
        """y = x."""

        def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
            if due == ["within a pass"]:
                due[:] = ["while it is put back"]
                made.predict(X[:2])
            elif due == ["while it is put back"]:
                due[:] = ["now"]
            return x

        def backward(self, dy: Any) -> Any:
            return dy

    class Model(minidl.Sequential):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            if name == "_logits" and due == ["now"]:
                due.clear()
                self.predict(X[:2])

    made = Model([Input((6,)), Dense(3), Asking()])
    made.compile("sgd", "mse")
    expected = made.predict(X)
    due.append("within a pass")
    np.testing.assert_array_equal(made.predict(X), expected)
    assert due == []
    np.testing.assert_array_equal(made.predict(X), expected)

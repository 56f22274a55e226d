"""Callbacks in real fits: what they see, what they do to training, what they print."""

from __future__ import annotations

import csv
import functools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from minidl.optimizers import SGD
from tests.fitting import compiled, network, same_weights, theta
from tests.specs import spec


def drifting(values: list[float]) -> tuple[minidl.Sequential, Any]:
    """A network with these validation losses, one an epoch, and the fit that makes them.

    Its only weight W goes from root to root: the validation loss is W².
    """
    model = network([spec("layers.Dense", units=1, use_bias=False)], (1,))
    model.compile(SGD(), "mse")
    x, y, held = np.ones((1, 1)), np.zeros((1, 1)), (np.ones((1, 1)), np.zeros((1, 1)))

    class Drift(Callback):
        def on_epoch_begin(self, epoch: int, logs: Any) -> None:
            W = theta(self.model)[0]
            move = np.sqrt(values[epoch]) - W
            # The loss (W - y)² has the gradient ±1 here, and the rate makes a move of it.
            y[0, 0] = W + np.sign(move) / 2
            self.model.optimizer.learning_rate = abs(move)

    def fit(*callbacks: Callback, **options: Any) -> Any:
        options = {"epochs": len(values), "verbose": 0, "shuffle": False, **options}
        return model.fit(x, y, validation_data=held, callbacks=[Drift(), *callbacks], **options)

    return model, fit


VALUES = [4.0, 3.0, 2.0, 2.5, 2.25, 1.0, 3.0, 3.5, 3.25, 3.0]


def test_the_losses_are_those_of_the_script() -> None:
    """What the tests below rest on."""
    _, fit = drifting(VALUES)
    # float64: roots, sums and squares
    np.testing.assert_allclose(fit().history["val_loss"], VALUES, rtol=1e-12)


@pytest.mark.parametrize(
    ("patience", "stopped", "best"), [(0, 3, 2), (1, 3, 2), (2, 4, 2), (3, 8, 5), (20, None, 5)]
)
@pytest.mark.parametrize("restore", [False, True])
def test_early_stopping(
    patience: int, stopped: int | None, best: int, restore: bool, capsys: Any
) -> None:
    """Stops after ``patience`` epochs without improvement; weights of the best on request."""
    model, fit = drifting(VALUES)
    callback = EarlyStopping(patience=patience, restore_best_weights=restore, verbose=1)
    history = fit(callback)
    last = len(VALUES) - 1 if stopped is None else stopped
    assert history.epoch == list(range(last + 1))
    assert (callback.stopped_epoch, callback.best_epoch) == (stopped or 0, best)
    # float64
    expected = VALUES[best if restore else last]
    np.testing.assert_allclose(theta(model) ** 2, expected, rtol=1e-12)
    message = f"Epoch {last + 1}: early stopping\n" if stopped else ""
    assert capsys.readouterr().out == message


def test_early_stopping_starts_anew_in_each_fit() -> None:
    """The best of the first fit is forgotten, and so is the wait."""
    callback = EarlyStopping(patience=2)
    for values in (VALUES, [9.0, 8.0, 7.0, 9.0, 9.0]):
        assert len(drifting(values)[1](callback).epoch) == 5
    model, fit = drifting(VALUES)
    fit(callback)
    assert model.stop_training
    assert len(fit(callback, initial_epoch=5).epoch) == 3


def test_plateau(capsys: Any) -> None:
    """Halves the rate of the optimizer, no further than min_lr, and waits while it cools."""
    model = network([spec("layers.Flatten", input_shape=(1,))], (1,))
    model.compile(SGD(0.8), "mse")
    rates: list[float] = []
    watch = LambdaCallback(
        on_epoch_end=lambda e, logs: rates.append(float(model.optimizer.learning_rate))
    )
    plateau = ReduceLROnPlateau("loss", 0.5, patience=2, cooldown=2, min_lr=0.3, verbose=1)
    x = np.ones((2, 1))  # a loss that never changes
    model.fit(x, x + 1, epochs=9, verbose=0, callbacks=[plateau, watch])
    assert rates == [0.8, 0.8, 0.4, 0.4, 0.4, 0.3, 0.3, 0.3, 0.3]
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["Epoch 3: learning rate 0.8 -> 0.4", "Epoch 6: learning rate 0.4 -> 0.3"]


def test_scheduler_sets_the_rate_of_the_steps(capsys: Any) -> None:
    """The update of epoch e is made with the rate of epoch e."""
    rates = [0.5, 0.25, 0.0]
    seen: list[float] = []

    def schedule(epoch: int, now: float) -> float:
        seen.append(now)
        return rates[epoch]

    model = network([spec("layers.Dense", units=1, use_bias=False)], (1,))
    model.set_weights([[[1.0]]])
    model.compile(SGD(9.0), "mse")
    x = np.ones((1, 1))
    history = model.fit(
        x, 0 * x, epochs=3, verbose=0, callbacks=LearningRateScheduler(schedule, verbose=1)
    )
    # W ← W - rate · 2 W:  1 → 0 → 0; exact. The loss of an epoch is that before its update.
    assert history.history["loss"] == [1.0, 0.0, 0.0]
    assert seen == [9.0, 0.5, 0.25]
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"Epoch {k + 1}: learning rate {rate:g}" for k, rate in enumerate(rates)]


def test_checkpoint_saves_the_weights_of_the_epoch(tmp_path: Path, capsys: Any) -> None:
    """One file for each epoch, under the values' names."""
    _, fit = drifting(VALUES)
    pattern = tmp_path / "at-{epoch:02d}-{val_loss:.2f}.npz"
    fit(ModelCheckpoint(pattern, verbose=1))
    names = [f"at-{k + 1:02d}-{value:.2f}.npz" for k, value in enumerate(VALUES)]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
    for name, value in zip(names, VALUES, strict=True):
        loaded = theta(minidl.load_model(tmp_path / name))
        np.testing.assert_allclose(loaded**2, value, rtol=1e-12)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"Epoch {k + 1}: saved {tmp_path / name}" for k, name in enumerate(names)]


@pytest.mark.parametrize(
    ("mode", "best"), [("auto", [0, 1, 2, 5]), ("min", [0, 1, 2, 5]), ("max", [0])]
)
def test_checkpoint_saves_the_best_only(mode: str, best: list[int], tmp_path: Path) -> None:
    """Whenever the value is better than any before; the last file is the best."""
    _, fit = drifting(VALUES)
    fit(ModelCheckpoint(tmp_path / "{epoch}", save_best_only=True, mode=mode))
    assert sorted(int(path.name) for path in tmp_path.iterdir()) == [k + 1 for k in best]


def test_checkpoint_makes_its_folder(tmp_path: Path) -> None:
    """As Keras does: an hour of training is not lost to a missing folder."""
    model, task = compiled("values")
    model.fit(task.x, task.y, verbose=0, callbacks=ModelCheckpoint(tmp_path / "runs" / "model.npz"))
    assert (tmp_path / "runs" / "model.npz").exists()


def test_csv_holds_the_history(tmp_path: Path) -> None:
    """Every digit, a line an epoch, readable after each; closed in the end."""
    model, task = compiled("integers", metrics=["accuracy"])
    path = tmp_path / "log.csv"
    logger = CSVLogger(path)
    lines: list[int] = []
    count = LambdaCallback(
        on_epoch_end=lambda epoch, logs: lines.append(len(path.read_text().splitlines()))
    )
    history = model.fit(
        task.x, task.y, epochs=3, verbose=0, validation_split=0.2, callbacks=[logger, count]
    )
    assert lines == [2, 3, 4]
    rows = list(csv.DictReader(path.open()))
    assert list(rows[0]) == ["epoch", *history.history]
    assert [int(row["epoch"]) for row in rows] == [0, 1, 2]
    for name, values in history.history.items():
        assert [float(row[name]) for row in rows] == values
    assert logger._file is not None
    assert logger._file.closed


@pytest.mark.parametrize("append", [False, True])
def test_csv_of_a_second_fit(append: bool, tmp_path: Path) -> None:
    """Goes on under one header, or starts anew."""
    path = tmp_path / "log.csv"
    model, task = compiled("values")
    for first, last in ((0, 2), (2, 3)):
        model.fit(
            task.x,
            task.y,
            epochs=last,
            initial_epoch=first,
            verbose=0,
            callbacks=CSVLogger(path, append=append, separator=";"),
        )
    starts = [line.split(";")[0] for line in path.read_text().splitlines()]
    assert starts == (["epoch", "0", "1", "2"] if append else ["epoch", "2"])


def test_an_error_before_training_leaves_the_csv_alone(tmp_path: Path) -> None:
    """An older log is not emptied, and no file stays open."""
    path = tmp_path / "log.csv"
    path.write_text("epoch,loss\n0,1.5\n")
    model, task = compiled("values")
    logger = CSVLogger(path)
    with pytest.raises(ValueError, match="monitor"):
        model.fit(task.x, task.y, verbose=0, callbacks=[logger, EarlyStopping("no such")])
    assert path.read_text() == "epoch,loss\n0,1.5\n"
    assert logger._file is None or logger._file.closed


@pytest.mark.filterwarnings("ignore:the loss is not finite")
@pytest.mark.parametrize("callbacks", [[], [TerminateOnNaN()]], ids=["", "TerminateOnNaN"])
def test_terminate_on_nan(
    callbacks: Any, capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the batch whose loss is the first not to be finite, and not before."""
    monkeypatch.chdir(tmp_path)
    model, task = compiled(
        "values", hidden=[], optimizer=SGD(lambda step: 1e300 if step == 6 else 1e-3)
    )
    losses: list[float] = []
    watch = LambdaCallback(on_train_batch_end=lambda batch, logs: losses.append(logs["loss"]))
    with np.errstate(all="ignore"):
        history = model.fit(task.x, task.y, 5, 3, verbose=0, callbacks=[*callbacks, watch])
    bad = next(k for k, loss in enumerate(losses) if not math.isfinite(loss))
    assert bad == 7  # the third batch of the second epoch of five: that after the update
    assert history.epoch == ([0, 1] if callbacks else [0, 1, 2])
    assert len(losses) == model.step == (bad + 1 if callbacks else 15)
    out = capsys.readouterr().out
    assert bool(out) == bool(callbacks)
    if callbacks:
        assert out.startswith("TerminateOnNaN: stopping at epoch 1, batch 2 (both counted from 0)")


@pytest.mark.parametrize("when", ["batch", "epoch"])
def test_stop_training(when: str) -> None:
    """A callback's flag ends the epoch after the batch; what was done is in the History."""
    model, task = compiled("values")

    def stop(*_: Any) -> None:
        if model.step >= 7:
            model.stop_training = True

    name = {"batch": "on_train_batch_end", "epoch": "on_epoch_end"}[when]
    callback = LambdaCallback(**{name: stop})
    history = model.fit(task.x, task.y, 5, 9, verbose=0, callbacks=callback, validation_split=0.1)
    assert history.epoch == [0, 1]
    assert model.step == {"batch": 7, "epoch": 8}[when]
    assert len(history.history["val_loss"]) == 2
    model.fit(task.x, task.y, 5, 3, initial_epoch=2, verbose=0)
    assert not model.stop_training


def test_logs_of_a_batch_are_the_means_so_far() -> None:
    """Under History's names; those of the last batch are the epoch's."""
    model, task = compiled("integers", metrics=["accuracy"])
    seen: list[dict[str, float]] = []
    callback = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(dict(logs)))
    history = model.fit(task.x, task.y, 5, 1, verbose=0, callbacks=callback).history
    assert [list(logs) for logs in seen] == [["loss", "accuracy", "data_loss", "penalty"]] * 5
    assert seen[-1] == {name: values[0] for name, values in history.items()}
    right = [logs["accuracy"] * rows for logs, rows in zip(seen, (5, 10, 15, 20, 23), strict=True)]
    # Counts of right rows so far; float64.
    np.testing.assert_allclose(right, np.round(right), atol=1e-12)
    assert right == sorted(right)


def test_logs_of_a_batch_stay_what_they_were() -> None:
    """For a callback that keeps them, whether it looks at once or when training is over."""
    kept: list[Any] = []
    copies: list[dict[str, float]] = []

    class Keeps(Callback):
        def on_train_batch_end(self, batch: int, logs: Any) -> None:
            kept.append(logs)

    class Copies(Callback):
        def on_train_batch_end(self, batch: int, logs: Any) -> None:
            if batch % 2:
                copies.append(logs.copy())

    model, task = compiled()
    model.fit(task.x, task.y, 4, verbose=0, callbacks=[Keeps(), Copies()])
    assert len({logs["loss"] for logs in kept}) == len(kept) > 3
    assert [dict(logs) for logs in kept[1::2]] == copies
    assert repr(kept[1]) == repr(copies[0])


def test_callbacks_come_in_their_order_before_the_history() -> None:
    """As in Keras."""
    model, task = compiled("values")
    order: list[tuple[str, int]] = []

    def note(name: str) -> Callback:
        return LambdaCallback(
            on_epoch_end=lambda epoch, logs: order.append((name, len(model.history.epoch)))
        )

    model.fit(task.x, task.y, epochs=2, verbose=0, callbacks=(note("a"), note("b")))
    assert order == [("a", 0), ("b", 0), ("a", 1), ("b", 1)]


def test_what_a_callback_adds_to_its_logs_is_there_for_those_after_it() -> None:
    """And in the History; an epoch's dictionary is its own."""
    model, task = compiled("values", metrics=["mse"])
    kept: list[dict[str, float]] = []
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(f1=epoch / 2))
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(logs))
    history = model.fit(task.x, task.y, epochs=2, verbose=0, callbacks=[add, keep]).history
    assert history["f1"] == [0, 0.5]
    assert [logs["f1"] for logs in kept] == [0, 0.5]
    assert [logs["mse"] for logs in kept] == history["mse"]


def test_methods_as_keras_users_write_them() -> None:
    """With logs=None everywhere; minidl always gives them."""

    class Everything(Callback):
        calls = 0

        def on_train_begin(self, logs: Any = None) -> None:
            self.calls += 1

        def on_train_end(self, logs: Any = None) -> None:
            self.calls += 1

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.calls += 1

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.calls += 1

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.calls += 1

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.calls += 1

    model, task = compiled("values")
    callback = Everything()
    model.fit(task.x, task.y, 23, 1, verbose=0, callbacks=callback)
    assert callback.calls == 6


def test_watching_changes_nothing() -> None:
    """The same numbers with callbacks that look at everything."""
    model, task = compiled("integers")
    other, _ = compiled("integers")
    plain = model.fit(task.x, task.y, 5, 2, verbose=0)
    watched = other.fit(task.x, task.y, 5, 2, verbose=0, callbacks=[TerminateOnNaN(), Callback()])
    assert plain.history == watched.history
    same_weights(model, other)


class Awaits(minidl.callbacks.Callback):
    async def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # type: ignore[override]
        raise AssertionError("it runs")


class Yields(minidl.callbacks.Callback):
    def on_train_begin(self, logs: Any = None) -> Any:  # type: ignore[override]
        yield


class AwaitsWhenCalled:
    async def __call__(self, batch: int, logs: Any = None) -> None:
        raise AssertionError("it runs")


async def told(*given: Any) -> None:
    raise AssertionError("it runs")


def given_by_hand() -> minidl.callbacks.Callback:
    callback = minidl.callbacks.Callback()
    callback.on_test_end = told  # type: ignore[method-assign]
    return callback


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (Awaits, "Awaits.on_epoch_end"),
        (Yields, "Yields.on_train_begin"),
        (given_by_hand, "Callback.on_test_end"),
    ],
)
def test_a_method_that_a_call_does_not_run_is_refused(make: Any, name: str) -> None:
    """When it is handed over, by its name; before a step is made."""
    words = f"^{name}: expected a function that runs when it is called, received "
    model, task = compiled("values")
    for use in (
        lambda: model.fit(task.x, task.y, verbose=0, callbacks=[make()]),
        lambda: model.evaluate(task.x, task.y, verbose=0, callbacks=make()),
        lambda: model.predict(task.x, verbose=0, callbacks=[make()]),
        lambda: minidl.callbacks.CallbackList([make()]),
        lambda: minidl.callbacks.CallbackList().append(make()),
    ):
        with pytest.raises(TypeError, match=words):
            use()
    assert model.step == 0


@pytest.mark.parametrize(
    "function", [told, AwaitsWhenCalled(), functools.partial(told, 1)], ids=["def", "call", "part"]
)
def test_a_lambda_callback_takes_no_async_function(function: Any) -> None:
    with pytest.raises(TypeError, match=r"^on_train_batch_end: .*received an async one, which nob"):
        LambdaCallback(on_train_batch_end=function)

"""What callbacks are told, and what they may do: Keras's forms, old and new."""

from __future__ import annotations

import copy
import csv
import functools
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from tests import oracle_training
from tests.fitting import compiled, same_weights
from tests.oracle_training import numbers

NAMES = [name for name in vars(Callback) if name.startswith("on_")]


def told(*methods: str) -> tuple[list[str], Callback]:
    """A list of calls, and a callback that notes them."""
    calls: list[str] = []

    def note(name: str) -> Any:
        return lambda *given, logs=None: calls.append(" ".join([name, *map(str, numbers(given))]))

    return calls, LambdaCallback(**{name: note(name) for name in methods})


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_calls_are_those_of_keras(method: str) -> None:
    """Names, order and numbers of batches; in fit those of the validation, too."""
    model, task = compiled("values", hidden=[])
    calls, callback = told(*(name for name in NAMES if "on_batch" not in name))
    x, y = task.x[:10], task.y[:10]
    options: dict[str, Any] = {"batch_size": 4, "verbose": 0, "callbacks": [callback]}
    if method == "fit":
        options |= {"epochs": 2, "validation_data": (x, y), "validation_freq": 2}
    given = (x,) if method == "predict" else (x, y)
    getattr(model, method)(*given, **options)
    assert calls == oracle_training.calls([task.output], method, given, options, NAMES)


def test_older_names_are_called() -> None:
    """on_batch_begin and on_batch_end, defined or given to LambdaCallback."""
    calls, callback = told("on_batch_begin", "on_batch_end")

    class Old(Callback):
        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            calls.append(f"{batch} {sorted(logs)}")

    model, task = compiled("values", hidden=[])
    model.fit(task.x[:10], task.y[:10], 5, verbose=0, callbacks=[callback, Old()])
    one = ["on_batch_begin {0}", "on_batch_end {0}", "{0} ['loss']"]
    assert calls == [line.format(batch) for batch in range(2) for line in one]


def test_methods_may_be_overridden_as_in_keras() -> None:
    """set_model(model), set_params(params), logs=None and super() without logs."""
    seen: list[Any] = []

    class Own(Callback):
        def set_params(self, params: Any) -> None:
            super().set_params(params)
            seen.append(params["epochs"])

        def set_model(self, model: Any) -> None:
            super().set_model(model)
            seen.append(model)

        def on_train_begin(self, logs: Any = None) -> None:
            super().on_train_begin()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            super().on_epoch_end(epoch)

    model, task = compiled("values")
    model.fit(task.x, task.y, verbose=0, callbacks=Own())
    assert seen == [1, model]


def test_outputs_are_handed_over() -> None:
    """on_predict_batch_end has them; together they are the result."""
    parts: list[Any] = []
    model, task = compiled("values")
    callback = LambdaCallback(on_predict_batch_end=lambda b, logs: parts.append(logs["outputs"]))
    result = model.predict(task.x, 5, callbacks=callback)
    np.testing.assert_array_equal(np.concatenate(parts), result)


class Adds(Callback):
    """Adds a value: the epoch's square."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["val_f1"] = float(epoch**2)


def test_added_values_are_seen_by_all(tmp_path: Path, capsys: Any) -> None:
    """By the History, a file, a display, a path and a callback that monitors."""
    model, task = compiled("values", hidden=[])
    path = tmp_path / "log.csv"
    callbacks = [
        Adds(),
        CSVLogger(path),
        EarlyStopping("val_f1", mode="min", patience=2),
        ModelCheckpoint(tmp_path / "{epoch}-{val_f1:.0f}.npz"),
    ]
    history = model.fit(task.x, task.y, epochs=9, verbose=2, callbacks=callbacks)
    assert history.history["val_f1"] == [0.0, 1.0, 4.0]
    assert "val_f1: 4.0000" in capsys.readouterr().out
    assert [line["val_f1"] for line in csv.DictReader(path.open())] == ["0.0", "1.0", "4.0"]
    assert sorted(p.name for p in tmp_path.glob("*.npz")) == ["1-0.npz", "2-1.npz", "3-4.npz"]


def test_a_value_that_nobody_adds_is_refused_after_the_first_epoch() -> None:
    """Before training where no callback can add it."""
    model, task = compiled("values", hidden=[])
    message = "unknown value for EarlyStopping to monitor 'val_f2'"
    with pytest.raises(ValueError, match=message):
        model.fit(task.x, task.y, verbose=0, callbacks=EarlyStopping("val_f2", mode="min"))
    assert model.step == 0
    with pytest.raises(ValueError, match=message):
        model.fit(
            task.x, task.y, verbose=0, callbacks=[Adds(), EarlyStopping("val_f2", mode="min")]
        )
    assert model.step > 0


def test_values_of_some_epochs(tmp_path: Path) -> None:
    """With validation_freq the History holds what there is, a file "NA", a monitor waits."""
    model, task = compiled("values", hidden=[])
    path = tmp_path / "log.csv"
    callbacks = [CSVLogger(path), EarlyStopping("val_loss", mode="max", patience=1)]
    held = {"validation_data": (task.x, task.y), "validation_freq": [1, 4]}
    history = model.fit(task.x, task.y, epochs=9, verbose=0, callbacks=callbacks, **held)
    assert history.epoch == [0, 1, 2, 3]
    assert len(history.history["val_loss"]) == 2
    missing = [line["val_loss"] == "NA" for line in csv.DictReader(path.open())]
    assert missing == [False, True, True, False]


def slow(epoch: int, rate: float, *, factor: float = 0.5) -> float:
    """Halves."""
    return rate * factor


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (slow, [0.5, 0.25]),
        (functools.partial(slow, factor=0.1), [0.1, 0.01]),
        (functools.partial(lambda epoch, base: base / (epoch + 1), base=2.0), [2.0, 1.0]),
        (lambda epoch, **more: 0.25, [0.25, 0.25]),
        (lambda *given: given[1] / 2, [0.5, 0.25]),
        (lambda epoch: np.array(epoch + 1.0), [1.0, 2.0]),
        (lambda epoch, rate: np.float32(0.5), [0.5, 0.5]),
    ],
)
def test_schedules_in_any_form(schedule: Any, rates: list[float]) -> None:
    """Arguments by position are counted; the History holds the rates."""
    model, task = compiled("values", optimizer="sgd", hidden=[])
    model.optimizer.learning_rate = 1.0
    callback = LearningRateScheduler(schedule)
    history = model.fit(task.x, task.y, epochs=2, verbose=0, callbacks=callback).history
    # one or two products
    np.testing.assert_allclose(history["learning_rate"], rates, rtol=1e-15)
    assert list(history)[-1] == "learning_rate"


def test_the_history_of_a_rate_that_is_reduced() -> None:
    """The rate with which the epoch was trained, as in Keras."""
    model, task = compiled("values", optimizer="sgd", hidden=[])
    model.optimizer.learning_rate = 1e-3
    callback = ReduceLROnPlateau("loss", factor=0.5, patience=1, mode="max")
    history = model.fit(task.x, task.y, epochs=4, verbose=0, callbacks=callback).history
    assert history["learning_rate"] == [1e-3, 1e-3, 5e-4, 2.5e-4]


def test_lambda_callback_takes_none() -> None:
    """As in Keras; an unknown name is refused."""
    LambdaCallback(None, on_train_end=None)
    with pytest.raises(ValueError, match="did you mean 'on_epoch_end'"):
        LambdaCallback(on_epoch_ends=print)


def test_a_callback_of_each_step_saves_there(tmp_path: Path) -> None:
    """Every so many steps, across epochs; a training goes on from such a file."""
    model, task = compiled("values")
    path = tmp_path / "{epoch}-{batch}.npz"
    whole = model.fit(
        task.x, task.y, 5, 3, verbose=0, callbacks=ModelCheckpoint(path, save_freq=4)
    ).history
    names = ["1-4.npz", "2-3.npz", "3-2.npz"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    assert [minidl.load_model(tmp_path / name).step for name in names] == [4, 8, 12]
    again, _ = compiled("values")
    history = again.fit(
        task.x, task.y, 5, 3, verbose=0, resume=tmp_path / "2-3.npz",
        callbacks=ModelCheckpoint(path, save_freq=4),
    )  # fmt: skip
    assert history.history == whole
    same_weights(again, model)


def test_weights_alone_are_saved(tmp_path: Path, monkeypatch: Any) -> None:
    """By the model's save_weights."""
    model, task = compiled("values")
    saved: list[Any] = []
    monkeypatch.setattr(type(model), "save_weights", lambda self, p: saved.append(p), raising=False)
    path = str(tmp_path / "{epoch}.weights.npz")
    callback = ModelCheckpoint(path, save_weights_only=True)
    model.fit(task.x, task.y, epochs=2, verbose=0, callbacks=callback)
    assert saved == [path.format(epoch=1), path.format(epoch=2)]


def test_a_threshold_of_the_best(tmp_path: Path) -> None:
    """Values that are not better save nothing."""
    model, task = compiled("values")
    options: dict[str, Any] = {"monitor": "loss", "save_best_only": True}
    for threshold, count in ((0.0, 0), (1e9, 1)):
        path = tmp_path / str(count) / "{epoch}.npz"
        callback = ModelCheckpoint(path, initial_value_threshold=threshold, **options)
        model.compile("adam", "mse")
        model.fit(task.x, task.y, verbose=0, callbacks=callback, initial_epoch=1, epochs=2)
        assert len(list(tmp_path.rglob("*.npz"))) == count


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("{}.npz", "names in braces"),
        ("{", "names in braces"),
        ("{val_loss:d}", "names in braces"),
        ("{wrong}.npz", "unknown value in ModelCheckpoint's path 'wrong'"),
        ("{batch}.npz", "unknown value in ModelCheckpoint's path 'batch'"),
        (".", "received the folder"),
        ("x" * 256, "1 to 255 bytes"),
        ("missing/", "1 to 255 bytes"),
    ],
)
def test_paths_are_checked_before_training(path: str, message: str, tmp_path: Path) -> None:
    """Named, with no step made."""
    model, task = compiled("values")
    callback = ModelCheckpoint(f"{tmp_path}/{path}")
    with pytest.raises(ValueError, match=message):
        model.fit(task.x, task.y, verbose=0, callbacks=callback, validation_split=0.5)
    assert model.step == 0


def test_the_longest_name_is_taken(tmp_path: Path) -> None:
    """255 bytes."""
    model, task = compiled("values")
    model.fit(task.x, task.y, verbose=0, callbacks=ModelCheckpoint(tmp_path / ("x" * 255)))
    assert len(list(tmp_path.iterdir())) == 1


def test_two_checkpoints_are_kept() -> None:
    """Keras's argument for minidl's default."""
    assert BackupAndRestore("folder", "epoch", True, True, keep=1).keep == 2
    assert BackupAndRestore("folder", keep=1).keep == 1


COPIES: dict[str, Any] = {
    "itself": lambda logs: logs,
    "dict": dict,
    "stars": lambda logs: {**logs},
    "copy()": lambda logs: logs.copy(),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda logs: pickle.loads(pickle.dumps(logs)),
    "JSON": lambda logs: json.loads(json.dumps(logs)),
    "items": lambda logs: dict(logs.items()),
    "values": lambda logs: dict(zip(logs, logs.values(), strict=True)),
    "get": lambda logs: {"loss": logs.get("loss")},
    "or": lambda logs: {} | logs,
}


@pytest.mark.parametrize("form", COPIES)
def test_values_of_a_batch_stay(form: str) -> None:
    """Kept, copied or written by a callback: the values of that batch."""
    kept: list[Any] = []
    seen: list[float] = []

    class Keep(Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            kept.append(COPIES[form](logs))
            seen.append(self.model.history is not None and logs["loss"])

    model, task = compiled("values", hidden=[])
    model.fit(task.x, task.y, 5, verbose=0, callbacks=Keep())
    assert [dict(each) for each in kept] == [{"loss": value} for value in seen]
    assert len(set(seen)) == 5


def test_harmless_underflow_raises_nothing() -> None:
    """Where the caller has NumPy raise at everything, an exponential that becomes 0 is right."""
    model, task = compiled("integers", hidden=[], optimizer="sgd")
    weights = model.get_weights()
    model.set_weights([500 * weights[0], weights[1]])
    with np.errstate(all="raise"):
        model.fit(task.x, task.y, 5, verbose=0, validation_data=(task.x, task.y))
        model.fit(iter([(task.x, task.y)]), verbose=0)
        model.evaluate(task.x, task.y, verbose=0)
        model.predict(task.x)
        model.train_on_batch(task.x, task.y)

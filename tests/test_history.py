"""What a History holds: the loss and its two parts, training and validation, Keras's names."""

from __future__ import annotations

import copy
import csv
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import layers, losses
from minidl.callbacks import Callback, CSVLogger, EarlyStopping, LambdaCallback
from minidl.callbacks.history import Values
from minidl.optimizers import SGD
from tests.fitting import HIDDEN, KINDS, ROWS, compiled, held_out, network, same_weights, theta
from tests.specs import spec

BATCH, EPOCHS = 5, 3
WEIGHT = np.random.default_rng(3).uniform(0, 2, ROWS)

# 4-6-units, tanh between; one penalty of each kind, on kernels and on a bias.
L1, L2, BOTH = 0.03, 0.02, (0.005, 0.01)
PENALISED = spec(
    "layers.Dense",
    units=6,
    activation="tanh",
    kernel_regularizer=spec("regularizers.L2", l2=L2),
    bias_regularizer=spec("regularizers.L1", l1=L1),
)


def output(kind: str, units: int) -> Any:
    """The last layer, penalised as well."""
    both = spec("regularizers.L1L2", l1=BOTH[0], l2=BOTH[1])
    activation = "softmax" if kind == "integers" else None
    return spec("layers.Dense", units=units, activation=activation, kernel_regularizer=both)


def data_loss(weights: Any, kind: str, x: Any, y: Any, row_weights: Any = None) -> float:
    """(1/N) Σ w_n L_n, from the weights: written out for this network alone."""
    W1, b1, W2, b2 = weights
    z = np.tanh(x @ W1 + b1) @ W2 + b2
    if kind == "integers":
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        losses = -np.log(p[np.arange(len(y)), y])
    else:
        losses = np.mean((z - y) ** 2, axis=1)
    return float(np.mean(losses if row_weights is None else losses * row_weights))


def penalty(weights: Any) -> float:
    """Σ P(W), from the weights."""
    W1, b1, W2, _ = weights
    l1, l2 = BOTH
    return float(
        L2 * np.sum(W1**2) + L1 * np.sum(abs(b1)) + l1 * np.sum(abs(W2)) + l2 * np.sum(W2**2)
    )


class Weights(Callback):
    """The weights before each batch, and at each epoch's end."""

    def __init__(self) -> None:
        self.before: list[list[Any]] = []
        self.after: list[Any] = []

    def on_epoch_begin(self, epoch: int, logs: Any) -> None:
        self.before.append([])

    def on_train_batch_begin(self, batch: int, logs: Any) -> None:
        self.before[-1].append(self.model.get_weights())

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.after.append(self.model.get_weights())


@pytest.mark.parametrize("row_weights", [None, WEIGHT], ids=["", "weights of rows"])
@pytest.mark.parametrize("kind", ["integers", "values"])
def test_the_parts_of_the_loss(kind: str, row_weights: Any, executor: str) -> None:
    """Each value from the weights at the time; the penalty weighs nothing, the data do."""
    _, task = compiled(kind)
    model = network([PENALISED, output(kind, task.units)])
    # Biases that are not 0, so that their penalty is seen.
    model.set_weights([w + 0.1 for w in model.get_weights()])
    model.compile(SGD(0.05), task.loss)
    watch, (x, y) = Weights(), held_out(kind)
    history = model.fit(
        task.x,
        task.y,
        BATCH,
        EPOCHS,
        verbose=0,
        callbacks=watch,
        shuffle=False,
        validation_data=(x, y),
        sample_weight=row_weights,
        evaluate_train=True,
    ).history
    parts = [range(k, min(k + BATCH, ROWS)) for k in range(0, ROWS, BATCH)]
    shares = np.array([len(rows) / ROWS for rows in parts])
    expected: dict[str, list[float]] = {name: [] for name in history}
    for before, after in zip(watch.before, watch.after, strict=True):
        moving = [
            data_loss(
                w, kind, task.x[r], task.y[r], None if row_weights is None else row_weights[r]
            )
            for w, r in zip(before, map(list, parts), strict=True)
        ]
        expected["data_loss"].append(float(shares @ moving))
        expected["penalty"].append(float(shares @ [penalty(w) for w in before]))
        expected["val_data_loss"].append(data_loss(after, kind, x, y))
        expected["train_data_loss"].append(data_loss(after, kind, task.x, task.y, row_weights))
        for prefix in ("val_", "train_"):
            expected[f"{prefix}penalty"].append(penalty(after))
    for prefix in ("", "val_", "train_"):
        both = zip(expected[f"{prefix}data_loss"], expected[f"{prefix}penalty"], strict=True)
        expected[f"{prefix}loss"] = [sum(pair) for pair in both]
    for name, values in expected.items():
        # float64: sums of some hundred terms, in another order.
        np.testing.assert_allclose(history[name], values, rtol=1e-12, err_msg=name)


@given(
    l1=st.floats(0, 0.1), l2=st.floats(0, 0.1), size=st.integers(1, 30), epochs=st.integers(1, 2)
)
def test_the_parts_add_up(l1: float, l2: float, size: int, epochs: int) -> None:
    """In the model's own type: to a rounding for each batch."""
    regularizer = spec("regularizers.L1L2", l1=l1, l2=l2)
    hidden = [spec("layers.Dense", units=6, kernel_regularizer=regularizer)]
    model, task = compiled("integers", hidden=hidden, dtype="float32")
    history = model.fit(
        task.x, task.y, size, epochs, 0, validation_split=0.2, evaluate_train=True
    ).history
    for prefix in ("", "val_", "train_"):
        loss, *parts = (
            np.array(history[prefix + name]) for name in ("loss", "data_loss", "penalty")
        )
        # float32 with its unit of 1.2e-7; all of them are positive.
        np.testing.assert_allclose(sum(parts), loss, rtol=3e-7)


def test_without_penalties_the_names_are_those_of_keras() -> None:
    """And the parts can be asked for all the same: the loss, and zeros."""
    model, task = compiled("integers", hidden=[], metrics=["accuracy"])
    history = model.fit(
        task.x, task.y, BATCH, 2, 0, validation_split=0.2, evaluate_train=True
    ).history
    names = ["loss", "accuracy"]
    prefixes = ("", "val_", "train_")
    assert list(history) == [prefix + name for prefix in prefixes for name in names]
    for prefix in prefixes:
        assert history[f"{prefix}data_loss"] == history[f"{prefix}loss"]
        assert history[f"{prefix}penalty"] == [0.0, 0.0]
    # Looking changes nothing.
    assert len(history) == 6
    history["data_loss"].append(3.0)
    assert len(history["loss"]) == 2


@pytest.mark.parametrize(
    "name", ["val_penalty", "val_data_loss", "train_loss", "accuracy_penalty", "data_los", "", 3]
)
def test_what_no_history_holds(name: Any) -> None:
    """A KeyError with the name, also where the loss of that part was not computed."""
    with pytest.raises(KeyError, match=repr(name)):
        Values({"loss": [1.0], "accuracy": [0.5]})[name]


def test_a_record_of_no_epochs_holds_nothing() -> None:
    """Not even an empty list."""
    with pytest.raises(KeyError, match="data_loss"):
        Values()["data_loss"]


@pytest.mark.parametrize("hidden", [[], HIDDEN], ids=["", "penalties"])
@pytest.mark.parametrize(
    "again",
    [lambda record: pickle.loads(pickle.dumps(record)), copy.copy, copy.deepcopy],
    ids=["pickle", "copy", "deepcopy"],
)
def test_a_record_can_be_copied(again: Any, hidden: Any) -> None:
    """With what it knows of names that are not stored."""
    model, task = compiled("integers", hidden=hidden)
    record = model.fit(task.x, task.y, BATCH, 2, 0)
    other = again(record)
    assert other.history == record.history
    assert other.epoch == [0, 1]
    assert other.history["data_loss"] == record.history["data_loss"]
    assert other.history["penalty"] == record.history["penalty"]


def test_a_record_as_json() -> None:
    """Plain lists of plain numbers, of the names that are stored."""
    model, task = compiled("integers", hidden=[])
    history = model.fit(task.x, task.y, BATCH, 2, 0).history
    assert json.loads(json.dumps(history)) == {"loss": history["loss"]}
    assert isinstance(history, dict)


class Evaluate(Callback):
    """What evaluate gives for some rows at each epoch's end."""

    def __init__(self, *data: Any, **options: Any) -> None:
        self.data, self.options = data, options
        self.found: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.found.append(self.model.evaluate(*self.data, verbose=0, **self.options))


@pytest.mark.parametrize("kind", KINDS)
def test_evaluate_train_is_evaluate_at_each_epochs_end(kind: str, executor: str) -> None:
    """On the rows trained on, in inference: the same numbers, bit for bit."""
    model, task = compiled(kind, metrics=["mse"] if kind != "integers" else ["accuracy"])
    kept = ROWS - 4
    evaluate = Evaluate(task.x[:kept], task.y[:kept])
    history = model.fit(
        task.x,
        task.y,
        BATCH,
        EPOCHS,
        verbose=0,
        callbacks=evaluate,
        validation_split=4 / ROWS,
        evaluate_train=True,
    ).history
    names = [f"train_{name}" for name in model.metrics_names]
    assert list(zip(*(history[name] for name in names), strict=True)) == [
        tuple(values) for values in evaluate.found
    ]
    # Dropout and moving weights: the means over the epoch are others.
    assert not set(history["train_loss"]) & set(history["loss"])


def test_evaluate_train_weighs_rows_as_training_does() -> None:
    """Weights of rows and of classes, so that the loss compares with train_loss."""
    by_class = {0: 0.5, 2: 3.0}
    model, task = compiled("integers", metrics=["accuracy"])
    weight = WEIGHT * np.array([0.5, 1, 3])[task.y]
    evaluate = Evaluate(task.x, task.y, sample_weight=weight)
    history = model.fit(
        task.x,
        task.y,
        BATCH,
        2,
        verbose=0,
        callbacks=evaluate,
        sample_weight=WEIGHT,
        class_weight=by_class,
        evaluate_train=True,
    ).history
    assert history["train_loss"] == [loss for loss, _ in evaluate.found]
    assert history["train_accuracy"] == [accuracy for _, accuracy in evaluate.found]


class Masks(Callback):
    """Which units dropout left in each batch."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        (dropout,) = (layer for layer in self.model.layers if layer.draws)
        self.kept.append(self.model.backend.to_host(dropout.y) != 0)


@pytest.mark.parametrize("batch", [BATCH, ROWS])
def test_evaluate_train_changes_nothing(batch: int, executor: str) -> None:
    """The same weights, statistics, steps, masks and other values, bit for bit."""
    model, task = compiled("integers", metrics=["accuracy"])
    other, _ = compiled("integers", metrics=["accuracy"])
    masks, others = Masks(), Masks()
    options: dict[str, Any] = {"verbose": 0, "validation_data": held_out("integers")}
    plain = model.fit(task.x, task.y, batch, EPOCHS, callbacks=masks, **options).history
    watched = other.fit(
        task.x, task.y, batch, EPOCHS, callbacks=others, evaluate_train=True, **options
    ).history
    assert {name: watched[name] for name in plain} == plain
    assert list(watched)[: len(plain)] == list(plain)
    same_weights(model, other)
    assert (model.step, model.optimizer.iterations) == (other.step, other.optimizer.iterations)
    for kept, again in zip(masks.kept, others.kept, strict=True):
        np.testing.assert_array_equal(kept, again)
    assert not all(kept.all() for kept in masks.kept)


def test_an_epoch_that_was_cut_short_is_evaluated_whole() -> None:
    """stop_training in its second batch: all training rows, with the weights as they are then."""
    model, task = compiled("integers")

    def stop(batch: int, logs: Any) -> None:
        model.stop_training = batch == 1

    callback = LambdaCallback(on_train_batch_end=stop)
    history = model.fit(
        task.x, task.y, BATCH, EPOCHS, verbose=0, callbacks=callback, evaluate_train=True
    ).history
    assert model.step == 2
    assert history["train_loss"] == [model.evaluate(task.x, task.y, verbose=0)]


def test_an_interrupted_epoch_leaves_no_value() -> None:
    """All lists have the length of the epochs that were finished."""
    model, task = compiled("integers")

    def interrupt(epoch: int, logs: Any) -> None:
        if epoch == 1:
            raise KeyboardInterrupt

    callback = LambdaCallback(on_epoch_begin=interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(task.x, task.y, BATCH, EPOCHS, 0, callback, evaluate_train=True)
    assert {len(values) for values in model.history.history.values()} == {1}
    assert len(model.history.history["train_penalty"]) == 1


def test_stopping_by_the_value_in_inference() -> None:
    """The loss is that before the update, train_loss that after it: it stops an epoch earlier."""
    stopped = []
    for monitor in ("loss", "train_loss"):
        model = network([spec("layers.Dense", units=1, use_bias=False)], (1,))
        model.set_weights([[[1.0]]])
        model.compile(SGD(0.5), "mse")
        stop = EarlyStopping(monitor, patience=1)
        x = np.ones((1, 1))
        # W ← W - 0.5 · 2 W:  1 → 0 → 0, exact.
        history = model.fit(x, 0 * x, epochs=9, verbose=0, callbacks=stop, evaluate_train=True)
        assert history.history[monitor][-2:] == [0.0, 0.0]
        stopped.append(stop.stopped_epoch)
    assert stopped == [2, 1]


def test_stopping_by_the_data_alone() -> None:
    """A penalty that pulls the weight from where the data want it: val_loss falls to the end."""
    epochs = []
    for monitor in ("val_loss", "val_data_loss"):
        pull = spec("regularizers.L2", l2=0.5)
        layer = spec("layers.Dense", units=1, use_bias=False, kernel_regularizer=pull)
        model = network([layer], (1,))
        model.set_weights([[[1.0]]])
        model.compile(SGD(0.01), "mse")
        x = np.ones((1, 1))
        held = 2 * x, 2 * x
        stop = EarlyStopping(monitor, patience=2)
        model.fit(x, x, epochs=9, verbose=0, callbacks=stop, validation_data=held)
        epochs.append(len(model.history.epoch))
        assert 0.9 < theta(model)[0] < 1
    assert epochs == [9, 3]


def test_columns_of_the_csv(tmp_path: Path) -> None:
    """One for each name of the History, in its order; every digit."""
    model, task = compiled("integers", metrics=["accuracy"])
    path = tmp_path / "log.csv"
    options: dict[str, Any] = {"validation_split": 0.2, "evaluate_train": True}
    history = model.fit(task.x, task.y, BATCH, 2, 0, CSVLogger(path), **options).history
    rows = list(csv.DictReader(path.open()))
    names = ["loss", "accuracy", "data_loss", "penalty"]
    expected = [prefix + name for prefix in ("", "val_", "train_") for name in names]
    assert list(rows[0]) == ["epoch", *expected]
    assert list(history) == expected
    for name, values in history.items():
        assert [float(row[name]) for row in rows] == values


def test_the_line_of_an_epoch(capsys: Any) -> None:
    """All values in the History's order."""
    model, task = compiled("integers")
    history = model.fit(task.x, task.y, BATCH, 1, verbose=2, evaluate_train=True).history
    shown = " - ".join(f"{name}: {values[0]:.4f}" for name, values in history.items())
    assert capsys.readouterr().out.endswith(f"s - {shown}\n")
    assert shown.count("penalty") == 2


def test_a_sum_over_the_rows_of_a_batch_is_that_of_keras_batches() -> None:
    """32 rows, or as many as in training: the mean of the sums, each weighed by its rows.

    In float64: some roundings of 1e-16.
    """
    x, y = np.arange(80.0)[:, None] / 80, np.zeros((80, 1))
    model = minidl.Sequential([layers.Input((1,)), layers.Dense(1)], dtype="float64")
    model.compile(SGD(0.0), losses.MeanSquaredError(reduction="sum"))
    model.build()

    def expected(size: int) -> float:
        errors = model.predict(x)[:, 0] ** 2
        batches = np.split(errors, range(size, 80, size))
        return sum(len(each) * each.sum() for each in batches) / 80

    assert model.evaluate(x, y, verbose=0) == pytest.approx(expected(32), rel=1e-12)
    assert model.evaluate(x, y, 80, verbose=0) == pytest.approx(expected(80), rel=1e-12)
    with pytest.warns(UserWarning, match="validation data"):
        history = model.fit(x, y, 20, 1, verbose=0, validation_data=(x, y)).history
    assert history["val_loss"] == pytest.approx([expected(20)], rel=1e-12)


def test_evaluate_gives_the_loss_and_the_metrics_only(capsys: Any) -> None:
    """As Keras does, in what it returns and in what it prints."""
    model, task = compiled("integers")
    loss = model.evaluate(task.x, task.y)
    assert capsys.readouterr().out == f"loss: {loss:.4f}\n"


def test_history_of_a_loaded_model(tmp_path: Path) -> None:
    """Its penalties are of the file, and so are the names."""
    model, task = compiled("integers")
    model.save(tmp_path / "model.npz")
    loaded = minidl.load_model(tmp_path / "model.npz")
    assert loaded.fit(task.x, task.y, BATCH, 1, 0).history == (
        model.fit(task.x, task.y, BATCH, 1, 0).history
    )
    assert list(loaded.history.history) == ["loss", "data_loss", "penalty"]

"""Batches from generators, PyDatasets and iterables: the numbers of Keras, and of arrays."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.callbacks import Callback, TerminateOnNaN
from minidl.utils import PyDataset
from tests import oracle_training
from tests.fitting import compiled, same_weights

ROWS = 23


def data(kind: str = "integers") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, targets and weights."""
    _, task = compiled(kind)
    return task.x, task.y, np.linspace(0.5, 1.5, ROWS)


def batches(size: int, *arrays: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    """The arrays cut into batches; the last one may be smaller."""
    starts = range(0, len(arrays[0]), size)
    return [tuple(a[start : start + size] for a in arrays) for start in starts]


class Rows(PyDataset):
    """Batches from a list."""

    def __init__(self, given: list[Any]) -> None:
        super().__init__()
        self.given, self.asked, self.ended = given, [], 0

    def __len__(self) -> int:
        return len(self.given)

    def __getitem__(self, index: int) -> Any:
        self.asked.append(index)
        return self.given[index]

    def on_epoch_end(self) -> None:
        self.ended += 1


class Again:
    """An iterable that begins anew; it has no length."""

    def __init__(self, given: list[Any]) -> None:
        self.given = given

    def __iter__(self) -> Iterator[Any]:
        return iter(self.given)


FORMS = {
    "PyDataset": Rows,
    "iterable": Again,
    "generator": lambda given: itertools.cycle(given),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_batches_train_to_the_bits_of_arrays(form: str, weighted: bool) -> None:
    """All epochs, with a smaller last batch, validation and weights; and steps are recorded."""
    x, y, weight = data()
    arrays = (x, y, weight) if weighted else (x, y)
    options: dict[str, Any] = {"epochs": 6, "verbose": 0, "shuffle": False}
    model, _ = compiled(metrics=["accuracy"])
    held = (x[:9], y[:9])
    expected = model.fit(
        x, y, 5, sample_weight=weight if weighted else None, validation_data=held, **options
    ).history
    other, _ = compiled(metrics=["accuracy"])
    steps = {"steps_per_epoch": 5, "validation_steps": 1} if form == "generator" else {}
    found = other.fit(
        FORMS[form](batches(5, *arrays)),
        validation_data=FORMS[form](batches(9, *held)),
        **options,
        **steps,
    ).history
    assert found == expected
    same_weights(other, model)
    assert other.recording == "no step has been made yet" or other.step == model.step
    assert other.recording.startswith("compiled") == model.recording.startswith("compiled")


def test_batches_train_as_in_keras() -> None:
    """The same generator for both: two epochs of three steps that go on after one another."""
    x, y, weight = data("values")
    given = batches(4, x, y, weight)
    model, task = compiled("values", hidden=[], optimizer="sgd", metrics=["mse"])
    options: dict[str, Any] = {"epochs": 2, "steps_per_epoch": 3, "verbose": 0}
    expected = oracle_training.fit_batches(
        [task.output], model.get_weights(), iter(given), optimizer="sgd", loss=task.loss,
        metrics=["mse"], **options,
    )  # fmt: skip
    history = model.fit(iter(given), **options).history
    for name, values in expected.items():
        # float64: products are summed in another order.
        np.testing.assert_allclose(history[name], values, rtol=1e-12)


def test_arrays_with_steps_go_on_where_the_epoch_before_stopped() -> None:
    """As in Keras: epochs of 3, 2 (the rows end, with a warning), 3 and 2 of 5 batches."""
    x, y, _ = data("values")
    expected, model = None, None
    histories = []
    for given in (None, batches(5, x, y)):
        model, _ = compiled("values")
        options: dict[str, Any] = {"epochs": 4, "verbose": 0, "shuffle": False}
        if given is None:
            with pytest.warns(UserWarning, match="expected 3 batches, received 2"):
                history = model.fit(x, y, 5, steps_per_epoch=3, **options).history
        else:
            parts = [given[:3], given[3:], given[:3], given[3:]]
            history = {"loss": []}
            for epoch, part in enumerate(parts):
                options = {"epochs": epoch + 1, "initial_epoch": epoch, "verbose": 0}
                history["loss"] += model.fit(Again(part), **options).history["loss"]
        histories.append(history["loss"])
        if expected is not None:
            same_weights(model, expected)
        expected = model
    assert histories[0] == histories[1]


def test_arrays_begin_anew_where_an_epoch_ends_with_them() -> None:
    """Five batches, one a step: the sixth epoch has the first batch again."""
    x, y, _ = data("values")
    model, _ = compiled("values", hidden=[], optimizer="sgd")
    other, _ = compiled("values", hidden=[], optimizer="sgd")
    options: dict[str, Any] = {"verbose": 0, "shuffle": False}
    history = model.fit(x, y, 5, 10, steps_per_epoch=1, **options).history
    for _ in range(2):
        other.fit(x, y, 5, **options)
    assert len(history["loss"]) == 10
    same_weights(model, other)


def test_arrays_in_so_many_steps() -> None:
    """Without a batch size, the rows are shared out to the steps."""
    x, y, _ = data("values")
    model, _ = compiled("values")
    model.fit(x, y, steps_per_epoch=4, verbose=0)
    other, _ = compiled("values")
    other.fit(x, y, 6, verbose=0)
    same_weights(model, other)
    with pytest.warns(UserWarning, match="expected 9 batches, received 4"):
        model.fit(x, y, 6, steps_per_epoch=9, verbose=0, initial_epoch=1, epochs=2)


def test_a_generator_that_ends_too_early() -> None:
    """The epoch ends with a warning, and so does training; all batches count."""
    x, y, _ = data()
    model, _ = compiled()
    with pytest.warns(UserWarning, match="before epoch 3") as told:
        history = model.fit(iter(batches(3, x, y)), epochs=4, steps_per_epoch=5, verbose=0)
    assert "expected 5 batches, received 3" in str(told[0].message)
    assert (history.epoch, model.step) == ([0, 1], 8)


def test_a_generator_without_steps_is_one_epoch() -> None:
    """Its end is the epoch's."""
    x, y, _ = data()
    model, _ = compiled()
    assert model.fit(iter(batches(3, x, y)), verbose=0).epoch == [0]
    assert model.step == 8


def test_a_pydataset_is_shuffled_by_batches_and_told_of_epochs() -> None:
    """Another order each epoch, the same for the same seed; shuffle=False keeps the order."""
    x, y, _ = data()
    orders = []
    for shuffle in (True, True, False):
        model, _ = compiled()
        rows = Rows(batches(5, x, y))
        model.fit(rows, epochs=3, verbose=0, shuffle=shuffle)
        assert rows.ended == 3
        asked = rows.asked[1:]  # the first is looked at before
        orders.append([asked[at : at + 5] for at in range(0, 15, 5)])
    assert orders[0] == orders[1] != orders[2]
    assert orders[2] == [list(range(5))] * 3
    assert all(sorted(order) == list(range(5)) for order in orders[0])
    assert len(set(map(tuple, orders[0]))) > 1


def test_batches_may_grow_and_change_their_type() -> None:
    """Sizes 2, 5, 3 and features of three types: the numbers of one batch after the other."""
    x, y, _ = data()
    x = np.round(x)
    cuts = [slice(0, 2), slice(2, 7), slice(7, 10)]
    types: list[Any] = [np.int8, np.float64, np.float32]
    given = [(x[cut].astype(kind), y[cut]) for cut, kind in zip(cuts, types, strict=True)]
    model, _ = compiled(metrics=["accuracy"])
    history = model.fit(Again(given), epochs=2, verbose=0, validation_data=Again(given)).history
    other, _ = compiled(metrics=["accuracy"])
    losses: list[float] = []
    for _ in range(2):
        found = [other.train_on_batch(a.astype(float), b, return_dict=True) for a, b in given]
        means = np.average([f["loss"] for f in found], weights=[2, 5, 3])
        losses.append(means)
    same_weights(model, other)
    # float64: a mean of means
    np.testing.assert_allclose(history["loss"], losses, rtol=1e-12)
    whole = other.evaluate(x[:10], y[:10], verbose=0)
    np.testing.assert_allclose(history["val_loss"][-1], whole[0], rtol=1e-12)
    found = other.evaluate(Again(given), verbose=0)
    np.testing.assert_allclose(found, whole, rtol=1e-12)
    np.testing.assert_allclose(other.predict(Again(given)), other.predict(x[:10]), rtol=1e-12)


def test_an_epoch_whose_validation_batches_ran_out_has_no_values_of_them() -> None:
    """No 0, which would be the best of all losses."""
    x, y, _ = data()
    model, _ = compiled()
    best = minidl.callbacks.EarlyStopping("val_loss", patience=5)
    with pytest.warns(UserWarning, match="epoch 2 ends without validation, because the generator"):
        history = model.fit(
            x, y, epochs=3, verbose=0, validation_data=iter(batches(9, x, y)), callbacks=[best]
        ).history
    assert len(history["loss"]) == 3
    assert len(history["val_loss"]) == 1
    assert best.best == history["val_loss"][0] > 0


def test_class_weights_act_on_batches() -> None:
    """As on arrays."""
    x, y, _ = data()
    by_class = {0: 0.5, 2: 3.0}
    model, _ = compiled()
    other, _ = compiled()
    options: dict[str, Any] = {"class_weight": by_class, "verbose": 0, "shuffle": False}
    assert (
        model.fit(x, y, 5, **options).history
        == other.fit(Rows(batches(5, x, y)), **options).history
    )


def test_evaluate_and_predict_take_batches() -> None:
    """All of them, or so many."""
    x, y, weight = data()
    model, _ = compiled(metrics=["accuracy"])
    expected = model.evaluate(x, y, verbose=0, sample_weight=weight, return_dict=True)
    given = batches(5, x, y, weight)
    for form in (Rows(given), Again(given), iter(given)):
        found = model.evaluate(form, verbose=0, return_dict=True)
        for name, value in expected.items():
            # float64: a mean of means
            np.testing.assert_allclose(found[name], value, rtol=1e-12)
    # float64: BLAS sums in another order for another number of rows
    np.testing.assert_allclose(model.predict(iter(given)), model.predict(x), rtol=1e-12)
    np.testing.assert_allclose(
        model.predict(itertools.cycle(given), steps=2), model.predict(x[:10]), rtol=1e-12
    )
    np.testing.assert_allclose(
        model.evaluate(x, y, 5, 0, steps=2), model.evaluate(x[:10], y[:10], verbose=0), rtol=1e-12
    )


def test_terminate_on_nan_in_batches(tmp_path: Path, monkeypatch: Any) -> None:
    """The steps of batches that cannot be had again are looked at one by one."""
    monkeypatch.chdir(tmp_path)  # the step is written there
    x, y, _ = data("values")
    model, _ = compiled("values", hidden=[])
    given = batches(5, x, y)

    class Spoil(Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if batch == 2:
                self.model.theta[...] = np.nan

    stopper = TerminateOnNaN()
    model.fit(iter(given), verbose=0, callbacks=[Spoil(), stopper])
    assert stopper.stopped
    assert model.step == 3


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (lambda b: iter([]), {}, "expected a generator of at least one batch"),
        (lambda b: Rows([]), {}, "expected a PyDataset of at least one batch"),
        (lambda b: iter([{"x": 1}]), {}, "batch 0 of the generator: .* received a dictionary"),
        (lambda b: iter([b[0][:1]]), {}, "batch 0 of the generator: .* received no targets"),
        (lambda b: iter([(*b[0], 1, 2)]), {}, "received 4 parts"),
        (lambda b: iter([b[0], (b[1][0], b[0][1][:2])]), {}, "batch 1 of the generator: y"),
        (lambda b: iter([b[0], (b[1][0][:, :2], b[1][1])]), {}, "batch 1 .* x: expected rows of"),
        (lambda b: iter(b), {"y": np.ones(3)}, "y: expected None, because x is a generator"),
        (
            lambda b: iter(b),
            {"sample_weight": np.ones(3)},
            "sample_weight: expected None, because x is a generator",
        ),
        (lambda b: iter(b), {"validation_split": 0.5}, "validation_split: expected arrays"),
        (lambda b: iter(b), {"evaluate_train": True}, "evaluate_train: expected"),
        (lambda b: iter(b), {"resume": "folder"}, "resume: expected arrays"),
        (lambda b: iter(b), {"steps_per_epoch": 0}, "steps_per_epoch: expected an integer"),
        (lambda b: b[0][0], {}, "y: expected targets"),
    ],
)
def test_refusals(given: Any, options: dict[str, Any], message: str, tmp_path: Any) -> None:
    """Each in words, with the batch's number."""
    x, y, _ = data()
    model, _ = compiled()
    if "resume" in options:
        options = {"resume": tmp_path / "folder"}
    with pytest.raises((TypeError, ValueError), match=message):
        model.fit(given(batches(5, x, y)), verbose=0, **options)


def test_endless_data_need_a_number_of_steps() -> None:
    """A PyDataset whose num_batches is None."""
    x, y, _ = data()

    class Endless(PyDataset):
        num_batches = None  # type: ignore[assignment]

        def __getitem__(self, index: int) -> Any:
            return x[:5], y[:5]

    model, _ = compiled()
    with pytest.raises(ValueError, match="expected a number of steps for a PyDataset"):
        model.fit(Endless(), verbose=0)
    model.fit(Endless(), steps_per_epoch=3, verbose=0)
    assert model.step == 3


def test_a_pydataset_resumes(tmp_path: Any) -> None:
    """From the last checkpoint in a folder, with the numbers of an undisturbed training."""
    x, y, _ = data()
    model, _ = compiled()
    whole = model.fit(Rows(batches(5, x, y)), epochs=3, verbose=0).history
    first, _ = compiled()
    first.fit(Rows(batches(5, x, y)), epochs=2, verbose=0, resume=tmp_path / "kept")
    again, _ = compiled()
    history = again.fit(Rows(batches(5, x, y)), epochs=3, verbose=0, resume=tmp_path / "kept")
    assert history.history == whole
    same_weights(again, model)


def test_workers_are_answered() -> None:
    """They change nothing, and a warning says so."""

    class Some(PyDataset):
        pass

    with pytest.warns(UserWarning, match="change nothing"):
        Some(workers=2)
    with pytest.raises(NotImplementedError, match="must define __len__"):
        _ = Some().num_batches
    with pytest.raises(NotImplementedError, match="must define __getitem__"):
        Some()[0]
    assert minidl.utils.Sequence is PyDataset


@pytest.mark.parametrize("form", [*FORMS])
def test_none_is_no_batch_and_no_end(form: str) -> None:
    x, y, _ = data()
    given: Any = [*batches(3, x, y)[:2], None, *batches(3, x, y)[2:]]
    model, _ = compiled()
    source = iter(given) if form == "generator" else FORMS[form](given)
    with pytest.raises(ValueError, match=r"batch 2 of the .*expected \(x, y\)"):
        model.fit(source, verbose=0, shuffle=False)

"""Checkpoints of another training, and damaged ones: refused, with what differs."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

import minidl
from minidl import layers, optimizers
from minidl.callbacks import BackupAndRestore, Callback, EarlyStopping, ModelCheckpoint
from minidl.saving import Extra, FileFormatError, read_file, save_model

X = np.random.default_rng(1).normal(size=(40, 3)).astype(np.float32)
Y = np.arange(40) % 2
HELD = -X[:9]
WEIGHT = np.linspace(0.5, 1, 40)


def model(
    units: int = 4, rate: float = 0.2, optimizer: Any = None, loss: str = "binary_crossentropy"
) -> Any:
    """A small network; the names of its layers are others each time."""
    made = minidl.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(units, activation="relu"),
            layers.Dropout(rate),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    made.compile(optimizer or optimizers.Adam(0.01), loss, metrics=["accuracy"])
    return made


def fit(folder: Any, made: Any = None, x: Any = X, y: Any = Y, **options: Any) -> Any:
    """Two epochs, of a training that is kept in a folder."""
    options = {"sample_weight": WEIGHT, "validation_data": (HELD, Y[:9]), **options}
    options = {"batch_size": 16, "epochs": 2, "verbose": 0, "resume": folder, **options}
    return (made or model()).fit(x, y, **options)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: Any) -> Path:
    """A folder with the checkpoints of a training."""
    folder = tmp_path_factory.mktemp("resuming") / "run"
    fit(folder)
    return folder


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(begun, tmp_path / "run"))


def changed(array: np.ndarray) -> np.ndarray:
    """The same but for one number, by as little as can be."""
    other = array.copy()
    other[-1] = np.nextafter(other[-1], 9, dtype=other.dtype) if other.dtype.kind == "f" else 1
    other[-1] += (array[-1] == other[-1]).all()
    return other


@pytest.mark.parametrize(
    ("made", "options", "differs"),
    [
        (lambda: model(units=5), {}, [r"layers\[0\].units: expected 4, received 5"]),
        (lambda: model(rate=0.25), {}, [r"layers\[1\].rate: expected 0.2, received 0.25"]),
        (
            lambda: model(optimizer=optimizers.Adam(0.02, amsgrad=True)),
            {},
            [
                "optimizer.learning_rate: expected 0.01, received 0.02",
                "optimizer.amsgrad: expected False, received True",
            ],
        ),
        (lambda: model(optimizer="sgd"), {}, ["optimizer: expected Adam, received SGD"]),
        (
            lambda: model(loss="mse"),
            {},
            ["loss: expected BinaryCrossentropy, received MeanSquaredError"],
        ),
        (None, {"batch_size": 20}, ["batch_size: expected 16, received 20"]),
        (None, {"shuffle": False}, ["shuffle: expected True, received False"]),
        (None, {"evaluate_train": True}, ["evaluate_train: expected False, received True"]),
        (None, {"x": changed(X)}, ["x: expected the same numbers, received others"]),
        (None, {"x": X.astype(np.float64)}, ["x: expected numbers of type float32"]),
        (None, {"y": 1 - Y}, ["y: expected the same numbers, received others"]),
        (None, {"x": scipy.sparse.csr_matrix(X)}, ["x: expected the same numbers"]),
        (None, {"sample_weight": None}, ["sample_weight: expected some, received none"]),
        (None, {"sample_weight": changed(WEIGHT)}, ["sample_weight: expected the same numbers"]),
        (None, {"class_weight": {0: 2.0}}, ["sample_weight: expected the same numbers"]),
        (
            None,
            {"validation_data": (HELD, 1 - Y[:9])},
            ["validation y: expected the same numbers, received others"],
        ),
        (
            None,
            {"validation_data": None},
            ["validation x: expected some, received none", "validation y: expected some"],
        ),
        (
            None,
            {"x": X[:39], "y": Y[:39], "sample_weight": WEIGHT[:39]},
            [r"x: expected shape \[40, 3\], received \[39, 3\]"],
        ),
    ],
)
def test_another_training_is_refused(run: Path, made: Any, options: Any, differs: Any) -> None:
    """The message names all that differs, and nothing has been touched."""
    other = made() if made else model()
    other.build()
    before = [array.tobytes() for array in other.get_weights()], sorted(run.iterdir())
    with pytest.raises(ValueError, match=differs[0]) as caught:
        fit(run, other, **options)
    lines = str(caught.value).splitlines()[1:]
    # Other rows have other weights too.
    assert len(lines) == len(differs) or "x" in options
    for text in differs:
        assert re.search(text, str(caught.value))
    assert before == ([w.tobytes() for w in other.get_weights()], sorted(run.iterdir()))
    assert other.step == 0
    assert other.fitting is None
    assert fit(run).epoch == [0, 1]


def test_what_may_differ(run: Path) -> None:
    """Names, the number of epochs, what is shown, and callbacks that begin to listen."""
    made = model()
    made.name = made.layers[0].name = "another"
    history = fit(run, made, epochs=3, verbose=2, callbacks=[EarlyStopping("loss")])
    assert history.epoch == [0, 1, 2]


def test_another_number_of_callbacks(run: Path) -> None:
    """Of one class: nobody could say which one has which state."""
    two = [EarlyStopping("loss", patience=9), EarlyStopping("accuracy", patience=9)]
    fit(run, epochs=3, callbacks=two)
    with pytest.raises(ValueError, match="callbacks: expected 2 EarlyStopping, received 1"):
        fit(run, epochs=4, callbacks=two[:1])
    assert fit(run, epochs=4).epoch == [0, 1, 2, 3]


def test_a_damaged_checkpoint_is_passed_over(run: Path) -> None:
    """With a warning; the one before has everything."""
    reference = fit(run).history
    last, before = sorted(run.glob("checkpoint*"))[::-1]
    whole = last.read_bytes()
    last.write_bytes(whole[: len(whole) // 2])
    with pytest.warns(UserWarning, match=f"the one before is used: .*{last.name}"):
        history = fit(run)
    assert history.history == reference
    for name, array in read_file(io.BytesIO(whole)).arrays.items():
        np.testing.assert_array_equal(read_file(last).arrays[name], array)
    for path in (last, before):
        path.write_bytes(b"no checkpoint")
    with (
        pytest.warns(UserWarning, match="the one before is used"),
        pytest.raises(FileFormatError, match=before.name),
    ):
        fit(run)


def test_files_that_hold_no_training(run: Path, tmp_path: Path) -> None:
    """A model alone, and states that nobody can have written."""
    made = model()
    made.build()
    made.save(tmp_path / "model.npz")
    with pytest.raises(FileFormatError, match="expected a checkpoint of this training"):
        fit(tmp_path / "model.npz")
    path = sorted(run.glob("checkpoint*"))[-1]
    saved = read_file(path)
    fit(run, made)
    for position in ({"epoch": -1, "batch": 0, "first_step": 0}, {"epoch": "1"}, [1], None):
        values = {**saved.extra.values, "position": position}
        save_model(made, path, extra=Extra(values, saved.extra.arrays))
        with pytest.raises(FileFormatError, match="expected a checkpoint of this training"):
            fit(path)
    for state in ({"dictionary": {"epoch": 3}}, {"array": "99"}, {"float": "x"}, 5):
        values = {**saved.extra.values, "callbacks": [{"class": "History", "state": state}]}
        save_model(made, path, extra=Extra(values, saved.extra.arrays))
        with pytest.raises(FileFormatError, match="expected a checkpoint of this training"):
            fit(path, model())


def test_arguments_that_do_not_go_together(run: Path, tmp_path: Path) -> None:
    """Before anything is made."""
    backup = BackupAndRestore(tmp_path / "b")
    with pytest.raises(ValueError, match="at most one BackupAndRestore, received 2"):
        fit(None, callbacks=[backup, BackupAndRestore(tmp_path / "c")])
    with pytest.raises(ValueError, match="expected the folder of BackupAndRestore"):
        fit(run, callbacks=[backup])
    file = next(run.glob("checkpoint*"))
    with pytest.raises(ValueError, match="expected the folder of BackupAndRestore"):
        fit(file, callbacks=[backup])
    for wrong in (True, 3, ""):
        with pytest.raises(TypeError, match="resume: expected the name of a folder or a file"):
            fit(wrong)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"backup_dir": ""}, ValueError, "backup_dir: expected the name of a folder"),
        ({"save_freq": "batch"}, ValueError, "save_freq: expected 'epoch' or a number of steps"),
        ({"save_freq": 0}, ValueError, "save_freq: expected an integer of at least 1"),
        ({"save_freq": False}, TypeError, "save_freq: expected an integer of at least 1"),
        ({"keep": 0}, ValueError, "keep: expected an integer of at least 1"),
    ],
)
def test_wrong_arguments(arguments: Any, error: type[Exception], text: str) -> None:
    """Named when the callback is made."""
    with pytest.raises(error, match=text):
        BackupAndRestore(**{"backup_dir": "run", **arguments})
    with pytest.raises(ValueError, match="keep: expected an integer of at least 1"):
        ModelCheckpoint("a.npz", keep=0)


def test_a_callback_whose_state_is_no_state(tmp_path: Path) -> None:
    """The message names it and what it returned."""

    class Odd(Callback):
        state: Any = None

        def get_state(self) -> dict[str, Any]:
            return {"state": self.state}

        def set_state(self, state: dict[str, Any]) -> None:
            self.state = state

    odd = Odd()
    for state in (object(), {3: 4}, np.array(["a"]), {1, 2}, 3j):
        odd.state = state
        with pytest.raises(TypeError, match=r"Odd.get_state: expected (texts as keys|numbers)"):
            fit(tmp_path / "run", callbacks=[odd])
    assert not list((tmp_path / "run").glob("checkpoint*"))


def test_what_cannot_be_saved_is_said_before_training(tmp_path: Path) -> None:
    """A learning rate that is a function of somebody's own."""
    with pytest.raises(ValueError, match="cannot be saved"):
        fit(tmp_path / "run", made := model(optimizer=optimizers.SGD(lambda step: 0.1)))
    assert made.step == 0


def test_the_last_ones_are_kept(tmp_path: Path) -> None:
    """As many as were asked for; nothing else in the folder is touched."""
    (tmp_path / "notes.txt").write_text("mine")
    backup = BackupAndRestore(tmp_path, delete_checkpoint=False, keep=3)
    fit(None, epochs=5, callbacks=backup)
    steps = [int(path.stem[11:]) for path in sorted(tmp_path.glob("checkpoint-*.npz"))]
    assert steps == [9, 12, 15]
    fit(tmp_path, epochs=6, callbacks=backup)
    assert len(list(tmp_path.glob("checkpoint-*.npz"))) == 3
    backup.delete_checkpoint = True
    fit(None, epochs=6, callbacks=backup)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

"""A failed step comes back from its file: the same tensor, the same bits."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import minidl
from minidl import layers, saving
from minidl.backend import to_host
from minidl.finite import files, replaying
from minidl.layers import Dense, Dropout
from minidl.optimizers import SGD, Nadam
from minidl.saving import Extra, FileFormatError, save_model
from tests.finite.planted import BATCH, CASES, NanAt, build, everything, hidden, top
from tests.finite.test_watch import everywhere, failing

pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


class NanFromStep(NanAt):
    """NaN in the second row from a step on; of somebody else, whom the step tells all."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        self.y = x.copy()
        if step >= 7:
            self.y[1] = np.nan
        return self.y


def same(error: minidl.NonFiniteError, again: minidl.NonFiniteError | None) -> None:
    """Assert that a replay names what the training has named."""
    assert again is not None
    for name in ("epoch", "batch", "step", "phase", "layer", "tensor", "rows", "data_rows"):
        assert getattr(again, name) == getattr(error, name)
    assert again.before == error.before
    assert again.finding.values.tobytes() == error.finding.values.tobytes()


@everywhere
def test_a_replay_is_the_step_to_the_bit(name: str, executor: str) -> None:
    case = CASES[name]
    error, made = failing(case)
    assert error.path is not None
    if case.own:
        with pytest.raises(ValueError, match="expected model="):
            minidl.replay_failure(error.path)
        return
    before = everything(made)
    replay = minidl.replay_failure(error.path)
    same(error, replay.error)
    same(error, replay.recorded)
    assert replay.same
    assert replay.model.step == error.step + 1
    assert str(replay).endswith("the same bits as in the training")
    # The training's model is another one.
    for one, two in zip(everything(made), before, strict=True):
        np.testing.assert_array_equal(one, two)
    assert x_of(replay).shape[0] == BATCH
    assert Path(error.path).stat().st_size < 20_000


def x_of(replay: Any) -> Any:
    """The rows."""
    return to_host(replay.x)


@pytest.mark.usefixtures("executor")
def test_classes_of_somebody_s_own_come_with_the_model() -> None:
    def made() -> minidl.Sequential:
        return build(*hidden(), NanFromStep("own"), top(), optimizer=Nadam(lambda step: 0.01))

    x, y = CASES["NaN of a layer of somebody's own"].data()
    with pytest.raises(minidl.NonFiniteError) as caught:
        made().fit(x, y, BATCH, 2, 0, check_finite=True)
    assert "needs model=" in str(caught.value)
    path = caught.value.path
    replay = minidl.replay_failure(path or "", model=made())
    same(caught.value, replay.error)
    assert replay.same
    sound = build(*hidden(), layers.Activation("linear", name="own"), top(), optimizer=Nadam())
    replay = minidl.replay_failure(path or "", model=sound)
    assert replay.error is None
    assert not replay.same
    assert str(replay) == "all numbers are finite\nother bits as in the training"
    saved = saving.read_file(path or "")
    counters = saved.extra.values["counters"]
    assert counters["accumulated_learning_rate"] > 0
    counters["gathered_rate"] = counters.pop("accumulated_learning_rate")  # as in older files
    save_model(minidl.load_model(path or ""), "older.npz", saved.extra)
    assert minidl.replay_failure("older.npz", model=made()).same
    with pytest.raises(ValueError, match="theta: expected 59 numbers, received"):
        minidl.replay_failure(path or "", model=build(Dense(7), top()))
    with pytest.raises(ValueError, match="expected a compiled model"):
        minidl.replay_failure(path or "", model=minidl.Sequential([Dense(3)]))


@pytest.mark.usefixtures("executor")
def test_a_learning_rate_of_one_s_own_is_kept_as_a_number() -> None:
    rates = {9: 1e38}
    optimizer = SGD(lambda step: rates.get(step, 0.25), momentum=0.5)
    made = build(*hidden(), Dense(1), optimizer=optimizer, loss="mse")
    x, y = CASES["NaN in a row of data"].data()
    with pytest.raises(minidl.NonFiniteError) as caught:
        made.fit(x, y, BATCH, 1, 0, check_finite=True)
    assert callable(optimizer.learning_rate)
    replay = minidl.replay_failure(caught.value.path or "")
    same(caught.value, replay.error)
    assert replay.model.optimizer.learning_rate == rates.get(caught.value.step, 0.25)


@pytest.mark.parametrize("executor", ["blocks", "compiled"], indirect=True)
def test_sparse_rows_and_weights(executor: str) -> None:
    random = np.random.default_rng(2)
    x = sparse.random_array((60, 9), density=0.3, random_state=random, format="csr")
    x.data[:] = np.where(np.arange(x.nnz) == 40, 1e30, x.data)
    row = int(np.searchsorted(x.indptr, 40, "right") - 1)
    weights = random.uniform(1, 2, 60)
    made = build(Dense(4, "tanh", name="first"), Dropout(0.5), top(), features=9)
    made.build()
    made.layers[0].W[...] = 3e10
    with pytest.raises(minidl.NonFiniteError) as caught:
        made.fit(x, random.integers(0, 3, 60), 7, 2, 0, sample_weight=weights, check_finite=True)
    error = caught.value
    assert (error.phase, error.layer, error.tensor, error.data_rows) == (
        "forward", "first", "z", [row],
    )  # fmt: skip
    replay = minidl.replay_failure(error.path or "")
    same(error, replay.error)
    assert replay.same
    np.testing.assert_array_equal(
        to_host(replay.weight)[:, 0][error.rows], weights[error.data_rows].astype(np.float32)
    )


# Files -------------------------------------------------------------------------------------


def a_file() -> tuple[str, saving.Saved]:
    """Of a failed step."""
    error, _ = failing(CASES["NaN in a row of data"])
    assert error.path is not None
    return error.path, saving.read_file(error.path)


def test_a_file_of_a_model_alone_is_refused() -> None:
    made = CASES["NaN in a row of data"].make()
    made.save("model.npz")
    with pytest.raises(FileFormatError, match="expected a step that fit"):
        minidl.replay_failure("model.npz")
    with pytest.raises(FileNotFoundError):
        minidl.replay_failure("none.npz")


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_a_damaged_file_is_refused(place: float) -> None:
    path, _ = a_file()
    content = bytearray(Path(path).read_bytes())
    content[int(len(content) * place)] ^= 4
    Path(path).write_bytes(content)
    with pytest.raises(FileFormatError):
        minidl.replay_failure(path)
    Path(path).write_bytes(content[: int(len(content) * place)])
    with pytest.raises(FileFormatError):
        minidl.replay_failure(path)


def lie(values: Any = None, **arrays: Any) -> str:
    """A file, well made, that says something else."""
    path, saved = a_file()
    model = minidl.load_model(path)
    told = {**saved.extra.values["failure"], **(values or {})}
    kept = {k: v for k, v in {**saved.extra.arrays, **arrays}.items() if v is not None}
    save_model(model, "lie.npz", Extra({"failure": told}, kept))
    return "lie.npz"


@pytest.mark.parametrize(
    "values",
    [
        {"epoch": None},
        {"epoch": "many"},
        {"data_rows": 4},
        {"finding": []},
        {"finding": {"rows": [], "phase": "data", "layer": "", "tensor": "x", "before": [3]}},
        {"finding": {"rows": ["x"], "phase": "data", "layer": "", "tensor": "x", "before": []}},
    ],
)
def test_what_was_found_has_to_be_what_it_is(values: Any) -> None:
    with pytest.raises(FileFormatError, match="expected a step that fit"):
        minidl.replay_failure(lie(values))


@pytest.mark.parametrize(
    "arrays",
    [
        {"x": None},
        {"y": None},
        {"x": np.ones((2, 5), np.float32)},
        {"x": np.ones((0, 4), np.float32)},
        {"x": np.float32(1)},
        {"y": np.ones((3, 1), np.int32)},
        {"weight": np.ones(2, np.float32)},
        {"x": None, "x/data": np.ones(2), "x/indices": np.arange(2)},
        {"x": None, "x/data": np.ones(2), "x/indices": np.array([1, 9]),
         "x/indptr": np.array([0, 1, 2])},
    ],
)  # fmt: skip
def test_a_batch_has_to_suit_the_model(arrays: Any) -> None:
    with pytest.raises(FileFormatError):
        minidl.replay_failure(lie(**arrays))


def test_other_bits_are_told() -> None:
    """As of a machine that rounds otherwise."""
    _, saved = a_file()
    tensor = saved.extra.arrays["tensor"].copy()
    tensor[0, 0] *= 1 + 1e-6
    replay = minidl.replay_failure(lie(tensor=tensor))
    assert replay.error is not None
    assert not replay.same
    assert "other bits" in str(replay)


def test_labels_out_of_range_are_no_crash() -> None:
    """One-hot rows of zeros, as in the explicit loop."""
    replay = minidl.replay_failure(lie(y=np.full((2, 1), 99, np.int32)))
    assert replay.error is not None


def test_a_file_cannot_ask_for_far_more_memory_than_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "_SPARE", 1 << 10)
    monkeypatch.setattr(replaying, "_TIMES", 1)
    rows = 1000
    path = lie(x=np.ones((rows, 4), np.uint8), y=np.ones((rows, 1), np.int32))
    with pytest.raises(FileFormatError, match="1000 rows of"):
        minidl.replay_failure(path)


def test_a_folder_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file goes to a new temporary folder; nowhere, the error says why."""
    asked: list[str] = []

    def refusing(model: Any, path: str, extra: Any) -> None:
        asked.append(path)
        if len(asked) < 2:
            raise OSError("read-only")
        save_model(model, path, extra)

    monkeypatch.setattr(files, "save_model", refusing)
    error, _ = failing(CASES["NaN in a row of data"])
    assert error.path == asked[1]
    assert Path(error.path).parent.parent != Path.cwd()
    assert minidl.replay_failure(error.path).same
    Path(error.path).unlink()
    Path(error.path).parent.rmdir()

    def failing_always(model: Any, path: str, extra: Any) -> None:
        raise OSError("disk is full")

    monkeypatch.setattr(files, "save_model", failing_always)
    error, _ = failing(CASES["NaN in a row of data"])
    assert error.path is None
    assert "could not be written to a file: disk is full" in str(error)


def test_an_error_travels_between_processes() -> None:
    import pickle

    error, _ = failing(CASES["overflow of data that are scaled"])
    again = pickle.loads(pickle.dumps(error))
    same(error, again)
    assert str(again) == str(error)
    assert math.isinf(again.finding.values[again.finding.index])

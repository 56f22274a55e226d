"""Content beside a model in its file, and a file's numbers in a model that is there."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest

import minidl
from minidl import saving
from minidl.saving import Extra
from tests.fitting import HIDDEN, compiled, same_weights
from tests.saving.packing import EXAMPLES, packed, unpacked

VALUES = {"epoch": 3, "best": math.inf, "loss": [0.5, math.nan], "text": "ü", "none": None}
ARRAYS = {
    "order": np.arange(7),
    "callbacks/0.best/weights": np.ones((2, 3), np.float32),
    "none": np.zeros((0, 3)),
    "flags": np.array([True, False]),
    "alone": np.array(2.5),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
}


def test_extra_content(tmp_path: Path) -> None:
    """Comes back as it was; the model does not mind it."""
    path = tmp_path / "model.npz"
    model, task = compiled("integers")
    model.fit(task.x, task.y, verbose=0)
    saving.save_model(model, path, Extra(VALUES, ARRAYS))
    same_weights(minidl.load_model(path), model)
    other, extra = saving.load_with_extra(path, minidl.Sequential)
    same_weights(other, model)
    for found in (extra, saving.read_file(path).extra):
        assert repr(found.values) == repr(VALUES)
        assert found.arrays.keys() == ARRAYS.keys()
        for name, array in ARRAYS.items():
            assert found.arrays[name].dtype == array.dtype
            assert found.arrays[name].shape == array.shape
            np.testing.assert_array_equal(found.arrays[name], array)
    model.save(path)
    assert saving.load_with_extra(path, minidl.Sequential)[1] == Extra()
    assert saving.load_with_extra(EXAMPLES[1], minidl.Sequential)[1] == Extra()


@pytest.mark.parametrize(
    "extra",
    [
        Extra({"a": object()}),
        Extra({"a": 10**30}),
        Extra(arrays={"a": np.array(["text"])}),
        Extra(arrays={"a": np.array([object()])}),
        Extra(arrays={"a": np.array([1j])}),
        Extra(arrays={"../a": np.ones(1)}),
        Extra(arrays={"": np.ones(1)}),
        Extra(arrays={"a b": np.ones(1)}),
    ],
    ids=["object", "long", "text", "objects", "complex", "upwards", "nameless", "blank"],
)
def test_extra_content_that_no_file_may_hold(extra: Extra, tmp_path: Path) -> None:
    model, _ = compiled("integers")
    with pytest.raises((ValueError, TypeError)):
        saving.save_model(model, tmp_path / "a", extra)
    assert list(tmp_path.iterdir()) == []


def test_format_1_has_no_extra_content() -> None:
    members = unpacked(EXAMPLES[1].read_bytes())
    for name in ("extra/a.npy", "extra.json"):
        content = packed({**members, name: members["theta.npy"]})
        with pytest.raises(minidl.FileFormatError, match=name):
            minidl.load_model(io.BytesIO(content))


def test_the_numbers_of_a_file_in_a_model_that_is_there(tmp_path: Path) -> None:
    """Two descriptions say whether the file is of this network; then its numbers are put in."""
    path = tmp_path / "model.npz"
    model, task = compiled("integers", hidden=HIDDEN)
    model.fit(task.x, task.y, 5, 2, verbose=0)
    model.save(path)
    other, _ = compiled("integers", hidden=HIDDEN, seed=99)
    saved = saving.read_file(path)
    assert saved.config["layers"][-1]["class"] == "Dense"
    assert saving.describe(other).keys() == saved.config.keys() - {"format"}
    saving.fill(other, saved)
    histories = [
        m.fit(task.x, task.y, 5, 4, initial_epoch=2, verbose=0).history for m in (model, other)
    ]
    assert histories[0] == histories[1]
    same_weights(model, other)
    narrow, _ = compiled("integers", hidden=HIDDEN[1:])
    with pytest.raises(ValueError, match="theta: expected"):
        saving.fill(narrow, saved)

"""Files that hold no model, and models that no file can hold."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers, losses, optimizers
from tests.fitting import compiled, network, same_weights
from tests.specs import spec


def archive(path: Path) -> dict[str, np.ndarray]:
    """The arrays in a file."""
    with np.load(path) as file:
        return dict(file)


def saved(path: Path) -> dict[str, Any]:
    """Save a small model; its configuration."""
    model, task = compiled("values")
    model.fit(task.x, task.y, verbose=0)
    model.save(path)
    return json.loads(str(archive(path)["config"]))


def rewritten(path: Path, **arrays: Any) -> None:
    """The file again with other arrays; None leaves one out."""
    content = {**archive(path), **arrays}
    with path.open("wb") as file:
        np.savez(file, **{name: array for name, array in content.items() if array is not None})


def refused(path: Path, words: str | None = None) -> None:
    """Assert that loading names the file and what was expected."""
    with pytest.raises(ValueError, match=words) as caught:
        minidl.load_model(path)
    assert str(path) in str(caught.value)
    assert "expected" in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    """As open() says it."""
    with pytest.raises(FileNotFoundError, match="absent"):
        minidl.load_model(tmp_path / "absent.npz")


def test_foreign_files(tmp_path: Path) -> None:
    """Text, nothing, an image, an array, other archives, a pickle, a folder."""
    contents: dict[str, bytes] = {
        "text": b"not a model\n",
        "empty": b"",
        "png": b"\x89PNG\r\n\x1a\n" + bytes(64),
        "pickle": pickle.dumps({"format": 1}),
        "zip magic": b"PK\x03\x04" + bytes(64),
    }
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    contents["array"] = buffer.getvalue()
    for name, arrays in (("archive", {"x": np.arange(3)}), ("no arrays", {})):
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        contents[name] = buffer.getvalue()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("config", "{}")
    contents["other zip"] = buffer.getvalue()
    for name, content in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        refused(path)
    with pytest.raises(IsADirectoryError):
        minidl.load_model(tmp_path)


def test_truncated_files(tmp_path: Path) -> None:
    """Cut anywhere: every 97th length, and the last ten."""
    path = tmp_path / "model.npz"
    saved(path)
    content = path.read_bytes()
    for length in (*range(0, len(content), 97), *range(len(content) - 10, len(content))):
        path.write_bytes(content[:length])
        refused(path)


def test_damaged_files(tmp_path: Path) -> None:
    """A byte changed anywhere is refused, or has changed nothing that is read."""
    path = tmp_path / "model.npz"
    saved(path)
    model = minidl.load_model(path)
    content = path.read_bytes()
    directory = content.index(b"PK\x01\x02")
    places = [(k, 0xFF) for k in range(0, len(content), 11)]
    places += [(k, 0xFF) for k in range(160)]  # the first entry's and its array's header
    places += [(k, 0x01) for k in range(directory, len(content))]  # the flags of the entries
    errors: Counter[str] = Counter()
    unnamed = []
    for place, bits in places:
        damaged = bytearray(content)
        damaged[place] ^= bits
        path.write_bytes(damaged)
        try:
            other = minidl.load_model(path)
        except Exception as error:
            errors[type(error).__name__] += 1
            unnamed += [] if str(path) in str(error) else [(place, str(error))]
        else:
            errors["none"] += 1
            same_weights(model, other)
    harmless = errors.pop("none")  # dates, attributes and the like of the archive's entries
    assert set(errors) == {"ValueError"}, (errors, unnamed)
    assert not unnamed
    assert harmless < len(places) / 3


CONFIGURATIONS: dict[str, tuple[Any, str | None]] = {
    "newer format": (lambda c: c.update(format=2), "expected format 1, received 2"),
    "other format": (lambda c: c.update(format="1.0"), "expected format 1"),
    "no format": (lambda c: c.pop("format"), "format"),
    "no layers": (lambda c: c.pop("layers"), "layers"),
    "no seed": (lambda c: c.pop("seed"), "seed"),
    "empty layers": (lambda c: c.update(layers=[]), "layer"),
    "layers are a number": (lambda c: c.update(layers=3), None),
    "other type": (lambda c: c.update(dtype="int8"), "int8"),
    "other input": (lambda c: c.update(input_shape=[5]), "theta"),
    "seed is text": (lambda c: c.update(seed="x"), None),
    "unknown metric": (lambda c: c.update(metrics=["no such"]), "no such"),
    "unknown class": (lambda c: c["layers"][0].update({"class": "Convolution"}), "Convolution"),
    "a function": (lambda c: c["layers"][0].update({"class": "system"}), "system"),
    "class is a list": (lambda c: c["layers"][0].update({"class": ["Dense"]}), None),
    "optimizer as layer": (lambda c: c["layers"][0].update({"class": "Adam", "config": {}}), None),
    "unknown argument": (lambda c: c["layers"][0]["config"].update(colour="red"), "colour"),
    "bad argument": (lambda c: c["layers"][0]["config"].update(units=-1), "units"),
    "no arguments": (lambda c: c["layers"][0].pop("config"), "config"),
    "layer as optimizer": (lambda c: c.update(optimizer=c["layers"][0]), None),
    "bad rate": (lambda c: c["optimizer"]["config"].update(learning_rate=-1), "learning_rate"),
    "optimizer as loss": (lambda c: c.update(loss=c["optimizer"]), None),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_other_configurations(name: str, tmp_path: Path) -> None:
    """Newer formats, missing entries, unknown classes and arguments; the file is named."""
    change, words = CONFIGURATIONS[name]
    path = tmp_path / "model.npz"
    config = saved(path)
    change(config)
    rewritten(path, config=np.array(json.dumps(config)))
    refused(path, words)


@pytest.mark.parametrize("config", ["[]", '"text"', "3", "null", '{"format": 1}', "{", ""])
def test_configurations_of_another_kind(config: str, tmp_path: Path) -> None:
    """JSON that is no object, or one without entries, or no JSON."""
    path = tmp_path / "model.npz"
    saved(path)
    rewritten(path, config=np.array(config))
    refused(path)


ARRAYS: dict[str, tuple[dict[str, Any], str | None]] = {
    "no theta": ({"theta": None}, "theta"),
    "no statistics": ({"statistics": None}, "statistics"),
    "no state": ({"optimizer/m": None}, "optimizer/m"),
    "no configuration": ({"config": None}, "config"),
    "short theta": ({"theta": np.zeros(3)}, "theta: expected .* numbers"),
    "other state": ({"optimizer/v": np.zeros((2, 2))}, "optimizer/v: expected"),
    "text": ({"theta": np.array(["a"] * 56)}, None),
    "number as configuration": ({"config": np.arange(3)}, None),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_other_arrays(name: str, tmp_path: Path) -> None:
    """Missing ones, other sizes, other types."""
    arrays, words = ARRAYS[name]
    path = tmp_path / "model.npz"
    saved(path)
    assert archive(path)["theta"].size == 56
    rewritten(path, **arrays)
    refused(path, words)


class Trap:
    """Unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["theta", "config", "extra"])
def test_pickled_objects_are_refused(name: str, tmp_path: Path) -> None:
    """And not unpickled."""
    path, sprung = tmp_path / "model.npz", tmp_path / "sprung"
    saved(path)
    hostile = np.empty(1, dtype=object)
    hostile[0] = Trap(sprung)
    rewritten(path, **{name: hostile})
    refused(path)
    assert not sprung.exists()
    with np.load(path, allow_pickle=True) as file:
        file[name]
    assert sprung.exists()  # the trap was a trap


class Doubling(layers.Layer):
    """A layer of the user's own."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        return 2 * x

    def backward(self, dy: Any) -> Any:
        return 2 * dy


class OwnDense(layers.Dense):
    """A class of the user's own that a class of the package has made."""


class OwnLoss(losses.MeanSquaredError):
    """A loss of the user's own."""


class OwnAdam(optimizers.Adam):
    """An optimizer of the user's own."""


class OwnMetric(minidl.metrics.BinaryAccuracy):
    """A metric of the user's own."""


def own_activation() -> Any:
    """An activation of the user's own."""
    relu = minidl.activations.relu
    return minidl.activations.ActivationFunction("mine", relu.forward, relu.backward)


def _with(optimizer: Any = "sgd", loss: Any = "mse", metrics: Any = ()) -> minidl.Sequential:
    model = network([spec("layers.Dense", units=1)])
    model.compile(optimizer, loss, metrics)
    return model


OWN: dict[str, Any] = {
    "Doubling": lambda: minidl.Sequential([layers.Dense(2, input_shape=(4,)), Doubling()]),
    "OwnDense": lambda: minidl.Sequential([OwnDense(2, input_shape=(4,))]),
    "OwnLoss": lambda: _with(loss=OwnLoss()),
    "OwnAdam": lambda: _with(optimizer=OwnAdam()),
    "learning rate": lambda: _with(optimizer=optimizers.SGD(lambda step: 0.1)),
    "OwnMetric": lambda: _with(metrics=[OwnMetric("mse")]),
    "mine": lambda: minidl.Sequential([layers.Dense(2, own_activation(), input_shape=(4,))]),
}


@pytest.mark.parametrize("name", OWN)
def test_what_is_the_users_own_is_refused(name: str, tmp_path: Path) -> None:
    """When saving, by its name; nothing is written."""
    model = OWN[name]()
    with pytest.raises(ValueError, match=name) as caught:
        model.save(tmp_path / "model.npz")
    assert "expected" in str(caught.value)
    assert list(tmp_path.iterdir()) == []

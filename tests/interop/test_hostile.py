"""Broken, truncated and forged files of other packages: one error, no code run, bounded memory."""

from __future__ import annotations

import copy
import io
import json
import os
import random
import tracemalloc
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import safetensors.numpy

import minidl
from minidl import FileFormatError, layers
from tests.saving.hostile import edited

ENDINGS = (".keras", ".weights.h5", ".safetensors")
# What a loaded model and the pieces of its text take beside the file's bytes.
BASE = 4 << 20


def model() -> Any:
    inner = minidl.Sequential([layers.Input((3,)), layers.Dense(2)])
    made = minidl.Model(
        (i := layers.Input((4,))), inner(layers.BatchNormalization()(layers.Dense(3)(i)))
    )
    made.compile("adam", "mse", metrics=["mae"])
    return made


@pytest.fixture(scope="module")
def files(tmp_path_factory: Any) -> dict[str, bytes]:
    """A good file of each format."""
    folder = tmp_path_factory.mktemp("good")
    made = model()
    found = {}
    for ending in ENDINGS:
        path = folder / f"a{ending}"
        (made.save if ending == ".keras" else made.save_weights)(path)
        found[ending] = path.read_bytes()
    return found


def read(path: Path) -> str:
    """The end of a file, "loaded", or "refused" with the one error; else the test fails."""
    # Weights that are those of another model are not the file's fault.
    errors = FileFormatError if path.suffix == ".keras" else (FileFormatError, ValueError)
    message = str(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of optimizers and losses that are none
        try:
            if path.suffix == ".keras":
                minidl.load_model(path)
            else:
                model().load_weights(path)
            result = "loaded"
        except errors as error:
            result, message = "refused", str(error)
    assert str(path) in message or "finite weights" in message
    return result


def unpacked(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("ending", ENDINGS)
def test_truncated(ending: str, files: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    content = files[ending]
    for size in (*range(0, 200, 7), *range(200, len(content), 997), len(content) - 1):
        path.write_bytes(content[:size])
        assert read(path) == "refused", size
    path.write_bytes(content)
    assert read(path) == "loaded"


@pytest.mark.parametrize("ending", ENDINGS)
def test_bytes_that_chance_edits(ending: str, files: dict[str, bytes], tmp_path: Path) -> None:
    """Edits of the tensors' file; in a .keras file, under a right checksum."""
    chance, path, results = random.Random(3), tmp_path / f"a{ending}", set()
    members = unpacked(files[".keras"])
    content = members["model.weights.h5"] if ending == ".keras" else files[ending]
    for _ in range(60):
        new = edited(content, chance.randbytes(4 * chance.randint(1, 3)))
        path.write_bytes(
            packed({**members, "model.weights.h5": new}) if ending == ".keras" else new
        )
        results.add(read(path))
    assert "refused" in results


VALUES = [
    *(None, True, -1, 0, 10**9, 10**19, 0.5, -1e300, 1e-320, "", "x", "relu", "Lambda", [], {}),
    *([None, 10**12], [[[]]], {"class_name": "Dense", "config": {"units": 3}}, {"class_name": 3}),
    {"module": "keras.layers", "class_name": "Dense", "config": {"units": 10**9}},
    {"module": "builtins", "class_name": "function", "config": "exec", "registered_name": None},
    {"module": "os", "class_name": "system", "config": {"command": "true"}},
    {"class_name": "__tuple__", "items": [1]},
]


def test_configurations_that_chance_edits(files: dict[str, bytes], tmp_path: Path) -> None:
    """One entry of the text is another value, or missing."""
    chance, path, results = random.Random(4), tmp_path / "a.keras", []
    members = unpacked(files[".keras"])
    for _ in range(150):
        changed = json.loads(members["config.json"])
        where: Any = changed
        while True:
            keys = [*where] if isinstance(where, dict) else range(len(where))
            key = chance.choice(list(keys))
            if not isinstance(where[key], dict | list) or not where[key] or chance.random() < 0.2:
                break
            where = where[key]
        if chance.random() < 0.2:
            del where[key]
        else:
            where[key] = copy.deepcopy(chance.choice(VALUES))
        path.write_bytes(packed({**members, "config.json": json.dumps(changed).encode()}))
        results.append(read(path))
    assert results.count("refused") > 20
    assert results.count("loaded") > 20


def h5(fill: Callable[[Any], Any]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file)
    return buffer.getvalue()


PLACE = "layers/dense/vars/0"
LARGE = 10**8


def external(file: Any) -> None:
    secret = [("/etc/hostname", 0, 8)]
    file.create_dataset(PLACE, (1,), "f8", external=secret)


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((LARGE,), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", (LARGE,))
    file.create_virtual_dataset(PLACE, layout)


BOMBS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "another file's bytes": (external, "lie in the file as they are"),
    "views of other files": (virtual, "lie in the file as they are"),
    "packed zeros": (
        lambda file: file.create_dataset(
            PLACE, (LARGE,), "f4", chunks=(1 << 20,), compression="gzip", fillvalue=0
        ),
        "lie in the file as they are",
    ),
    "numbers that were never written": (
        lambda file: file.create_dataset(PLACE, (LARGE,), "f8"),
        "as many bytes as the shape needs",
    ),
    "texts": (lambda file: file.create_dataset(PLACE, data=[b"abc"]), "expected numbers"),
    "no values": (lambda file: file.create_dataset(PLACE, data=h5py.Empty("f4")), "expected"),
    "complex numbers": (lambda file: file.create_dataset(PLACE, data=[1j]), "expected numbers"),
    "a link to another file": (
        lambda file: file.update({PLACE: h5py.ExternalLink("/etc/hostname", "/")}),
        "expected shape",
    ),
    "a hundred groups, one in another": (
        lambda file: file.create_dataset("layers/" * 100 + PLACE, data=1.0),
        "expected groups within up to 64 others",
    ),
    "nothing": (lambda file: None, "expected shape"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_hdf5_that_asks_for_more_than_it_holds(
    bomb: str, files: dict[str, bytes], tmp_path: Path
) -> None:
    path, (fill, message) = tmp_path / "a.keras", BOMBS[bomb]
    members = unpacked(files[".keras"])
    path.write_bytes(packed({**members, "model.weights.h5": h5(fill)}))
    with within(path), pytest.raises(FileFormatError, match=message):
        minidl.load_model(path)


class within:  # noqa: N801
    """A block that allocates no more than some times the size of a file."""

    def __init__(self, path: Path) -> None:
        self.limit = BASE + 8 * path.stat().st_size

    def __enter__(self) -> None:
        tracemalloc.start()

    def __exit__(self, *_: Any) -> None:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < self.limit


def test_tensors_of_no_layer(files: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    members = unpacked(files[".keras"])
    weights = io.BytesIO(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        file["layers/dense/vars/2"] = np.zeros(3)
    path.write_bytes(packed({**members, "model.weights.h5": weights.getvalue()}))
    with pytest.raises(FileFormatError, match=r"received \['layers/dense/vars/2'\]"):
        minidl.load_model(path)


def test_numbers_that_are_infinite_in_the_models_type(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    path, place = tmp_path / "a.keras", "layers/batch_normalization/vars/0"
    members = unpacked(files[".keras"])
    weights = io.BytesIO(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        del file[place]
        file[place] = np.full(3, 1e300)
    path.write_bytes(packed({**members, "model.weights.h5": weights.getvalue()}))
    with pytest.raises(FileFormatError, match=f"{place}: expected finite numbers"):
        minidl.load_model(path)


def test_layers_larger_than_the_file(files: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    members = unpacked(files[".keras"])
    config = json.loads(members["config.json"])
    config["config"]["layers"][1]["config"]["units"] = 10**9
    path.write_bytes(packed({**members, "config.json": json.dumps(config).encode()}))
    with within(path), pytest.raises(FileFormatError, match=r"expected shape \(4, 1000000000\)"):
        minidl.load_model(path)


def test_other_archives(files: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    members = unpacked(files[".keras"])
    old = json.dumps({"keras_version": "2.15.0"}).encode()
    deep = b'{"class_name": "Sequential", "config": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    nan = members["config.json"].replace(b'"epsilon": 0.001', b'"epsilon": NaN')
    assert nan != members["config.json"]
    for changed, message in (
        (packed(members, zipfile.ZIP_DEFLATED), "stored as it is"),
        (packed({**members, "metadata.json": old}), r"one of Keras 2\.15\.0"),
        (packed({**members, "config.json": deep}), "RecursionError|expected"),
        (packed({**members, "config.json": nan}), "finite"),
        (packed({**members, "config.json": b"\xff"}), "UnicodeDecodeError"),
        (packed({"metadata.json": members["metadata.json"]}), r"config\.json"),
        (b"", "archive"),
    ):
        path.write_bytes(changed)
        with pytest.raises(FileFormatError, match=message):
            minidl.load_model(path)


def test_weights_that_are_no_numbers(files: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    made = model()
    made.save(path)
    made.layers[1].W[0, 0] = np.nan
    made.save(path)
    with pytest.raises(FileFormatError, match=r"vars/0: expected finite numbers"):
        minidl.load_model(path)
    assert np.isnan(minidl.load_model(path, allow_nonfinite=True).layers[1].W[0, 0])


def test_places_that_are_no_files(tmp_path: Path) -> None:
    for ending in ENDINGS:
        path = tmp_path / f"pipe{ending}"
        os.mkfifo(path)
        with pytest.raises(FileFormatError, match="a device or a FIFO"):
            minidl.load_model(path) if ending == ".keras" else model().load_weights(path)


def test_safetensors_of_others(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(safetensors.numpy.save({"dense.weight": np.zeros(3)}))
    with pytest.raises(FileFormatError, match="expected a file of save_weights"):
        model().load_weights(path)

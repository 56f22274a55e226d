"""Boston and California housing: Keras's order and split, on files of its layout."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.datasets import DataFileError, DataNotFoundError, boston_housing, california_housing
from minidl.datasets._files import Source
from tests import oracle

SETS = {"boston_housing": (boston_housing, 13), "california_housing": (california_housing, 8)}


def save(folder: Path, name: str, rows: int = 30, **changed: Any) -> Path:
    random = np.random.default_rng(1)
    columns = SETS[name][1]
    arrays = {"x": random.normal(size=(rows, columns)), "y": random.normal(size=rows), **changed}
    file = folder / f"{name}.npz"
    np.savez(file, **{key: array for key, array in arrays.items() if array is not None})
    return file


@pytest.mark.parametrize("arguments", [{}, {"test_split": 0.35, "seed": 7}, {"test_split": 0.0}])
@pytest.mark.parametrize("name", SETS)
def test_agrees_with_keras(tmp_path: Path, name: str, arguments: dict) -> None:
    file = save(tmp_path, name)
    ours = SETS[name][0].load_data(path=file, **arguments)
    theirs = oracle.dataset(name, file, **arguments)
    for part, expected in zip(ours, theirs, strict=True):
        for array, wanted in zip(part, expected, strict=True):
            np.testing.assert_array_equal(array, wanted, strict=True)


def test_the_small_version_is_the_first_600_rows(tmp_path: Path) -> None:
    file = save(tmp_path, "california_housing", rows=650)
    (x, y), (x_test, _) = california_housing.load_data("small", file)
    (expected, wanted), _ = oracle.dataset("california_housing", file, version="small")
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_array_equal(y, wanted)
    assert (len(x), len(x_test)) == (480, 120)
    with pytest.raises(ValueError, match="unknown version 'medium'"):
        california_housing.load_data("medium", file)


@pytest.mark.parametrize("name", SETS)
def test_it_is_found_as_the_others_are(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = SETS[name][0]
    with pytest.raises(DataNotFoundError, match=f"was not found: no {name}.npz in"):
        module.load_data()
    folder = tmp_path / name.replace("_", "-")
    folder.mkdir()
    save(folder, name)
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    (x, _), _ = module.load_data(path=f"{name}.npz")
    assert len(x) == 24


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y": None}, "received none named y"),
        ({"x": np.zeros((30, 5))}, r"x of shape \(rows, 13\) .* received \(30, 5\) and \(30,\)"),
        ({"y": np.zeros(29)}, r"received \(30, 13\) and \(29,\)"),
        ({"x": np.full((30, 13), np.nan)}, "x to hold finite numbers"),
        ({"y": np.array(["a"] * 30)}, "y to hold finite numbers, received <U1"),
        ({"y": np.array([open] * 30)}, "expected arrays of numbers, received objects"),
    ],
)
def test_what_a_file_must_hold(tmp_path: Path, changed: dict, message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        boston_housing.load_data(save(tmp_path, "boston_housing", **changed))


def test_a_shape_larger_than_its_bytes(tmp_path: Path) -> None:
    """It is never allocated."""
    file = save(tmp_path, "boston_housing")
    with zipfile.ZipFile(file) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    x = contents["x.npy"].replace(b"(30, 13), }" + b" " * 12, b"(99999999999, 13), }   ")
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x.npy", x)
        archive.writestr("y.npy", contents["y.npy"])
    with pytest.raises(DataFileError, match=r"received shape \(99999999999, 13\) over 3120 bytes"):
        boston_housing.load_data(file)


def test_no_archive(tmp_path: Path) -> None:
    file = tmp_path / "boston_housing.npz"
    file.write_bytes(b"no zip")
    with pytest.raises(DataFileError, match=r"expected an intact \.npz file"):
        boston_housing.load_data(file)


def test_listed_sums_and_downloads(tmp_path: Path, make_mirror, monkeypatch) -> None:
    file = save(tmp_path, "boston_housing")
    content = file.read_bytes()
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  boston_housing.npz\n")
    with pytest.raises(DataFileError, match="expected SHA-256 0000"):
        boston_housing.load_data(file)
    mirror = make_mirror()
    mirror.content["boston_housing.npz"] = content
    monkeypatch.setattr(boston_housing, "_SOURCE", Source("B", "b", (), (mirror.url,)))
    with pytest.raises(DataNotFoundError, match=f"expected SHA-256 {boston_housing._SUM[7:]}"):
        boston_housing.load_data()
    monkeypatch.setattr(boston_housing, "_SUM", "sha256:" + hashlib.sha256(content).hexdigest())
    assert len(boston_housing.load_data()[0][0]) == 24

"""Files of weights alone: our own, Keras's, and those that do not fit."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import FileFormatError, layers
from tests import oracle_models


def model(last: int = 2) -> Any:
    inner = minidl.Sequential([layers.Input((5,)), layers.Dense(4), layers.Dropout(0.2)])
    return minidl.Sequential(
        [layers.Input((3,)), layers.Dense(5), layers.BatchNormalization(), inner, layers.ReLU(),
         layers.Dense(last)]
    )  # fmt: skip


@pytest.mark.parametrize("name", ["w.npz", "w.weights.h5", "w.safetensors"])
def test_written_and_read(name: str, tmp_path: Path) -> None:
    """Into another model of the same layers, whatever their names are."""
    made, other = model(), model()
    path = tmp_path / name
    made.save_weights(os.fsencode(path))
    other.load_weights(str(path))
    for a, b in zip(made.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(FileExistsError, match="is there already"):
        made.save_weights(path, overwrite=False)
    wrong = model(3)
    before = wrong.get_weights()
    with pytest.raises(ValueError, match=r"expected tensors of shapes \[\(4, 3\), \(3,\)\]"):
        wrong.load_weights(path)
    np.testing.assert_array_equal(wrong.get_weights()[0], before[0])
    with pytest.warns(UserWarning, match="left out"):
        wrong.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(wrong.get_weights()[0], made.get_weights()[0])
    np.testing.assert_array_equal(wrong.get_weights()[-1], before[-1])
    with pytest.raises(ValueError, match="received more: layers/batch_normalization, layers/d"):
        minidl.Sequential([layers.Input((3,)), layers.Dense(5)]).load_weights(path)


@pytest.mark.parametrize("name", ["w.npz", "w.weights.h5", "w.safetensors"])
def test_weights_that_are_not_finite_name_the_file(name: str, tmp_path: Path) -> None:
    made, other = model(), model()
    before = other.get_weights()
    made.build()
    made.layers[0].W[0, 0] = np.nan
    made.save_weights(tmp_path / name)
    with pytest.raises(FileFormatError, match=rf"{name}: expected finite weights, received NaN"):
        other.load_weights(tmp_path / name)
    np.testing.assert_array_equal(other.get_weights()[0], before[0])


def test_numpy_reads_it(tmp_path: Path) -> None:
    made = model()
    made.save_weights(tmp_path / "w.npz")
    with np.load(tmp_path / "w.npz") as arrays:
        np.testing.assert_array_equal(
            arrays["layers/sequential/layers/dense/vars/0"], made.layers[2].layers[0].kernel
        )


def test_keras_reads_it_and_we_read_what_keras_wrote(tmp_path: Path) -> None:
    path = str(tmp_path / "w.weights.h5")
    made = model()
    expected = oracle_models.write_weights(path)
    made.load_weights(path)
    for a, b in zip(made.get_weights(), expected, strict=True):
        np.testing.assert_array_equal(a, b.astype("float32"))
    made.set_weights([w + 1 for w in made.get_weights()])
    made.save_weights(path)
    for a, b in zip(made.get_weights(), oracle_models.read_weights(path), strict=True):
        np.testing.assert_array_equal(a, b.astype("float32"))


def test_refusals(tmp_path: Path, monkeypatch: Any) -> None:
    made = model()
    for path in ("w", "w.h5", "w.keras"):
        for act in (made.save_weights, made.load_weights):
            with pytest.raises(ValueError, match=r"ends in .npz, .weights.h5 or .safetensors"):
                act(tmp_path / path)
    for name in ("w.npz", "w.weights.h5", "w.safetensors"):
        with pytest.raises(FileNotFoundError):
            made.load_weights(tmp_path / name)
        (tmp_path / name).write_bytes(b"no file of weights")
        with pytest.raises(FileFormatError):
            made.load_weights(tmp_path / name)
    made.save(tmp_path / "m.npz")
    with pytest.raises(FileFormatError, match=r"expected a file of save_weights.*load_model"):
        made.load_weights(tmp_path / "m.npz")
    for package, extra, ending in (
        ("h5py", "keras-files", "weights.h5"),
        ("safetensors.numpy", "safetensors", "safetensors"),
    ):
        monkeypatch.setitem(sys.modules, package, None)
        path = tmp_path / f"other.{ending}"
        with pytest.raises(ImportError, match=rf"pip install 'minidl\[{extra}\]'"):
            made.save_weights(path)
        assert not path.exists()

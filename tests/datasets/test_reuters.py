"""Reuters: Keras's encoding and split of newswires, on files of its layout."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from minidl.datasets import DataFileError, DataNotFoundError, reuters
from minidl.datasets._files import Source
from tests import oracle


def object_array(items: list) -> np.ndarray:
    array = np.empty(len(items), object)
    for number, item in enumerate(items):
        array[number] = item
    return array


def save(folder: Path, **changed: object) -> Path:
    random = np.random.default_rng(1)
    texts = [np.minimum(random.zipf(1.3, n), 499).tolist() for n in random.integers(1, 30, 50)]
    arrays = {"x": object_array(texts), "y": random.integers(0, 46, 50), **changed}
    file = folder / "reuters.npz"
    np.savez(file, **{name: array for name, array in arrays.items() if array is not None})
    return file


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"num_words": 100},
        {"num_words": 50, "skip_top": 5, "oov_char": None},
        {"maxlen": 12, "test_split": 0.5, "seed": 7},
        {"start_char": None, "index_from": 0, "test_split": 0.0},
        {"start_char": 4, "index_from": 5, "oov_char": 9, "num_words": 30},
    ],
    ids=str,
)
def test_agrees_with_keras(tmp_path: Path, arguments: dict) -> None:
    """The same texts and topics in the same order, in both parts."""
    file = save(tmp_path)
    theirs = oracle.dataset("reuters", file, **arguments)
    for (x, y), (expected, topics) in zip(
        reuters.load_data(file, **arguments), theirs, strict=True
    ):
        assert x.tolist() == [list(text) for text in expected]
        assert y.tolist() == list(topics)
        assert y.dtype == np.int64
        assert {type(index) for text in x for index in text} <= {int}


def test_label_names() -> None:
    assert list(reuters.get_label_names()) == oracle.label_names("reuters")


def test_it_is_found_as_the_others_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In MINIDL_DATA, also by the file's name that Keras's programs give."""
    (tmp_path / "reuters").mkdir()
    save(tmp_path / "reuters")
    (tmp_path / "reuters" / "reuters_word_index.json").write_text('{"the": 1}')
    with pytest.raises(DataNotFoundError, match=r"Reuters was not found: no reuters\.npz in"):
        reuters.load_data()
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    (x, _), _ = reuters.load_data(path="reuters.npz")
    assert len(x) == 40
    assert reuters.get_word_index() == {"the": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_words": 0}, "num_words: expected None or at least 1, received 0"),
        ({"test_split": 1.0}, r"test_split: expected a number in \[0, 1\), received 1.0"),
        ({"maxlen": 1}, "expected newswires of fewer than 1 indices, received none"),
    ],
)
def test_arguments_out_of_range(tmp_path: Path, arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reuters.load_data(save(tmp_path), **arguments)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y": None}, "received none named y"),
        ({"y": np.full(50, 46)}, "labels 0 to 45 in the file, received int64 values"),
        ({"x": object_array([["a"]] * 50)}, "reviews of integers in the file, received a str"),
    ],
)
def test_what_a_file_must_hold(tmp_path: Path, changed: dict, message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        reuters.load_data(save(tmp_path, **changed))


def test_a_hostile_file_runs_nothing(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self):
            return open, (str(tmp_path / "marker"), "w")

    with pytest.raises(DataFileError, match=r"asks for .*open"):
        reuters.load_data(save(tmp_path, x=object_array([Hostile()])))
    assert not (tmp_path / "marker").exists()


def test_a_download_must_be_kerass_file(tmp_path: Path, make_mirror, monkeypatch) -> None:
    mirror = make_mirror()
    content = save(tmp_path).read_bytes()
    mirror.content["reuters.npz"] = content
    monkeypatch.setattr(reuters, "_SOURCE", Source("Reuters", "reuters", (), (mirror.url,)))
    with pytest.raises(DataNotFoundError, match=f"expected SHA-256 {reuters._NPZ_SUM[7:]}"):
        reuters.load_data()
    monkeypatch.setattr(reuters, "_NPZ_SUM", "sha256:" + hashlib.sha256(content).hexdigest())
    (x, _), _ = reuters.load_data()
    assert len(x) == 40

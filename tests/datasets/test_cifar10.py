"""CIFAR-10: Keras's images and labels, out of pickles of which nothing is executed."""

from __future__ import annotations

import io
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest

from minidl.datasets import DataFileError, DataNotFoundError, cifar10
from tests import oracle

ROWS = {f"data_batch_{k}": 10_000 for k in range(1, 6)} | {"test_batch": 7}


def python_2(data: np.ndarray, labels: list[int]) -> bytes:
    """The pickle of a batch as Python 2 and the NumPy of then wrote it."""

    def text(value: bytes) -> bytes:
        return b"U" + bytes([len(value)]) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    def pair(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    raw = data.tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\nq\x01(cnumpy\nndarray\n" + pair((0,)) + text(b"b")
        + b"tR(" + number(1) + pair(data.shape) + b"cnumpy\ndtype\n(" + text(b"u1") + number(0)
        + number(1) + b"tR(" + number(3) + text(b"|") + b"NNN" + number(-1) + number(-1)
        + number(0) + b"tb" + b"\x89" + b"T" + struct.pack("<i", len(raw)) + raw + b"tb"
    )  # fmt: skip
    return (
        b"\x80\x02}(" + text(b"batch_label") + text(b"a batch") + text(b"labels") + b"]("
        + b"".join(map(number, labels)) + b"e" + text(b"data") + array + text(b"filenames")
        + b"](" + text(b"a.png") + b"eu."
    )  # fmt: skip


def batch(rows: int, seed: int = 0) -> tuple[np.ndarray, list[int]]:
    random = np.random.default_rng(seed)
    data = random.integers(0, 256, (rows, 3072), np.uint8)
    return data, random.integers(0, 10, rows).tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extracted folder, with all rows: Keras counts on them."""
    where = tmp_path_factory.mktemp("cifar")
    (where / "cifar-10-batches-py").mkdir()
    few, labels = batch(100)
    for name, rows in ROWS.items():
        data = np.resize(few, (rows, 3072))
        content = python_2(data, np.resize(labels, rows).tolist())
        (where / "cifar-10-batches-py" / name).write_bytes(content)
    return where


def small(tmp_path: Path, **changed: bytes) -> Path:
    """An archive of small batches."""
    contents = {name: python_2(*batch(5, k)) for k, name in enumerate(ROWS)} | changed
    file = tmp_path / "cifar-10-python.tar.gz"
    with tarfile.open(file, "w:gz") as archive:
        for name, content in {"readme.html": b"hello", **contents}.items():
            if content:
                member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return file


def test_the_made_pickle_is_what_it_claims_to_be() -> None:
    data, labels = batch(3)
    found = pickle.loads(python_2(data, labels), encoding="bytes")
    np.testing.assert_array_equal(found[b"data"], data)
    assert found[b"labels"] == labels


@pytest.mark.thorough
def test_agrees_with_keras(folder: Path) -> None:
    ours, theirs = cifar10.load_data(folder), oracle.dataset("cifar10", folder)
    assert ours[0][0].shape == (50_000, 32, 32, 3)
    for part, expected in zip(ours, theirs, strict=True):
        for array, wanted in zip(part, expected, strict=True):
            np.testing.assert_array_equal(array, wanted, strict=True)
            assert array.flags.c_contiguous


def test_the_archive_is_read_as_the_folder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DataNotFoundError, match="CIFAR-10 was not found: no cifar-10-batches-py/"):
        cifar10.load_data()
    small(tmp_path)
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    (x, y), (x_test, y_test) = cifar10.load_data()
    assert (x.shape, y.shape) == ((25, 32, 32, 3), (25, 1))
    data, labels = batch(5, 5)
    np.testing.assert_array_equal(x_test[:, 0, 1, 2], data[:, 2 * 1024 + 1])
    assert y_test.ravel().tolist() == labels
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz") as archive:
        archive.extractall(tmp_path / "out", filter="data")
    np.testing.assert_array_equal(cifar10.load_data(tmp_path / "out")[0][0], x)


def test_what_python_3_writes(tmp_path: Path) -> None:
    data, labels = batch(4)
    for protocol in (3, 4, 5):
        content = pickle.dumps({b"data": data, b"labels": labels}, protocol)
        if protocol < 5:  # 5 asks for another name of NumPy's
            (_, (x, y)) = cifar10.load_data(small(tmp_path, test_batch=content))
            np.testing.assert_array_equal(x[:, 0, 0, 0], data[:, 0])
            assert y.ravel().tolist() == labels


class Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a batch test_batch, received none"),
        (b"no pickle", "expected a batch of data"),
        (pickle.dumps([1]), "a pickled list"),
        (pickle.dumps({b"data": 1, b"labels": []}), "no data or no labels"),
        (python_2(batch(4)[0], [1, 2, 3]), r"data of shape \(4, 3072\), 3 labels"),
        (python_2(batch(4)[0][:, :3000], [1, 2, 3, 4]), r"data of shape \(4, 3000\)"),
        (python_2(batch(2)[0], [1, 10]), "expected labels 0 to 9, received 10"),
        (python_2(batch(2)[0], [1, 10])[:-20], "expected a batch of data"),
        (pickle.dumps({b"data": np.zeros((1, 3072)), b"labels": [1]}, 3), "the dtype 'f8'"),
        (b"\x80\x02}r\xff\xff\xff\x7f.", "places in its memo"),
    ],
)
def test_what_a_file_must_hold(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataFileError, match=message):
        cifar10.load_data(small(tmp_path, test_batch=content))


def test_an_array_larger_than_its_bytes(tmp_path: Path) -> None:
    """The shape that a pickle claims is never allocated."""
    data, labels = batch(2)
    content = python_2(data, labels).replace(struct.pack("<i", 3072), struct.pack("<i", 2**31 - 1))
    with pytest.raises(DataFileError, match="shape and bytes disagree"):
        cifar10.load_data(small(tmp_path, test_batch=content))


def test_a_hostile_file_runs_nothing(tmp_path: Path) -> None:
    content = pickle.dumps({b"data": Hostile(tmp_path / "marker"), b"labels": [1]}, 3)
    with pytest.raises(DataFileError, match=r"asks for .*open: the file may be hostile"):
        cifar10.load_data(small(tmp_path, test_batch=content))
    assert not (tmp_path / "marker").exists()


def test_no_archive(tmp_path: Path) -> None:
    file = tmp_path / "cifar-10-python.tar.gz"
    file.write_bytes(b"no archive")
    with pytest.raises(DataFileError, match=r"expected a .tar.gz archive, received"):
        cifar10.load_data(file)


def test_listed_sums(tmp_path: Path) -> None:
    file = small(tmp_path)
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  {file.name}\n")
    with pytest.raises(DataFileError, match="expected SHA-256 0000"):
        cifar10.load_data(file)

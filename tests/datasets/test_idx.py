"""The IDX reader: what it reads, and each way in which a file can be wrong."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from minidl.datasets import DataFileError, DataNotFoundError, fashion_mnist, mnist
from minidl.datasets._idx import IdxFile, load_idx, read_idx


def expect(content: bytes, shape: tuple[int, ...]) -> IdxFile:
    return IdxFile("images", shape, hashlib.sha256(content).hexdigest())


@pytest.fixture
def array() -> np.ndarray:
    # More than two chunks of the reader, and not a whole number of them.
    return np.random.default_rng(1).integers(0, 256, (3, 1000, 757), np.uint8)


@pytest.fixture
def content(array: np.ndarray) -> bytes:
    return struct.pack(">4B3I", 0, 0, 8, 3, *array.shape) + array.tobytes()


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_reads_what_was_written(tmp_path: Path, array: np.ndarray, content: bytes, name: str):
    file = tmp_path / name
    file.write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)
    received = read_idx(file, expect(content, array.shape))
    assert received.dtype == np.uint8
    assert np.array_equal(received, array)
    received[0] = 0  # the caller's own array


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: b"", r"magic number 00000803, received ''"),
        (lambda c: b"<html>" + c, r"magic number 00000803, received '3c68746d'"),
        (lambda c: b"\0\0\x0d\x03" + c[4:], r"magic number 00000803, received '00000d03'"),
        (lambda c: b"\0\0\x08\x01" + c[4:], r"magic number 00000803, received '00000801'"),
        (lambda c: c[:9], r"header of 16 bytes, received 9"),
        (
            lambda c: c[:4] + struct.pack(">I", 4) + c[8:],
            r"shape \(3, 1000, 757\), received \(4, 1000, 757\)",
        ),
        (lambda c: c[:-1], r"2271016 bytes, received 2271015"),
        (lambda c: c[:16], r"2271016 bytes, received 16"),
        (lambda c: c + b"\0", r"2271016 bytes, received more"),
    ],
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_names_what_is_wrong(tmp_path, array, content, change, message, suffix):
    file = tmp_path / f"images{suffix}"
    changed = change(content)
    file.write_bytes(gzip.compress(changed, 1) if suffix else changed)
    with pytest.raises(DataFileError, match=f"{suffix}: expected .*{message}") as caught:
        # The sum is the changed content's: only the structure is wrong here.
        read_idx(file, expect(changed, array.shape))
    assert caught.value.file == file
    assert "intact copy" in str(caught.value)


@pytest.mark.parametrize("place", [16, -1])
def test_one_changed_bit_is_seen(tmp_path: Path, array: np.ndarray, content: bytes, place: int):
    file = tmp_path / "images"
    changed = bytearray(content)
    changed[place] ^= 1
    file.write_bytes(changed)
    good, bad = (hashlib.sha256(each).hexdigest() for each in (content, changed))
    with pytest.raises(DataFileError, match=f"SHA-256 {good}, received {bad}"):
        read_idx(file, expect(content, array.shape))


def break_trailer(packed: bytes) -> bytes:
    return packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]


def break_block(packed: bytes) -> bytes:
    # The first byte behind the ten of the header holds the block's type; 3 is reserved.
    return packed[:10] + bytes([packed[10] | 0b110]) + packed[11:]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p[:-1], "cut short"),
        (lambda p: p[: len(p) // 2], "cut short"),
        (break_block, "intact gzip file, received .* invalid block type"),
        (break_trailer, "intact gzip file, received CRC check failed"),
        (lambda p: b"plain text" + p, "intact gzip file, received Not a gzipped file"),
    ],
)
def test_damaged_gzip(tmp_path: Path, array: np.ndarray, content: bytes, change, message: str):
    file = tmp_path / "images.gz"
    file.write_bytes(change(gzip.compress(content, 1)))
    with pytest.raises(DataFileError, match=message):
        read_idx(file, expect(content, array.shape))


@pytest.mark.parametrize("compressed", [False, True])
def test_loads_four_files(tmp_path: Path, make_small, compressed: bool):
    small = make_small()
    folder = small.write(tmp_path / "data", compressed)
    (x_train, y_train), (x_test, y_test) = load_idx(small.dataset, folder)
    for received, wanted in zip((x_train, y_train, x_test, y_test), small.arrays, strict=True):
        assert received.dtype == np.uint8
        assert np.array_equal(received, wanted)


def test_a_file_is_no_folder(tmp_path: Path, make_small):
    small = make_small()
    file = small.write(tmp_path) / "train-images"
    with pytest.raises(DataNotFoundError, match=r"expected the folder .*received the file .*train"):
        load_idx(small.dataset, file)


@pytest.mark.parametrize("module", [mnist, fashion_mnist])
def test_public_loaders_ask_for_their_data(monkeypatch, tmp_path: Path, make_small, module):
    small = make_small()
    monkeypatch.setattr(module, "_DATASET", small.dataset)
    (x_train, _), (_, y_test) = module.load_data(path=os.fspath(small.write(tmp_path / "data")))
    assert np.array_equal(x_train, small.arrays[0])
    assert np.array_equal(y_test, small.arrays[3])


@pytest.mark.parametrize(
    ("module", "first_label_sum"),
    [
        # SHA-256 of the decompressed training labels, as `sha256sum` prints them.
        (mnist, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
        (fashion_mnist, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
    ],
)
def test_what_the_real_files_must_be(module, first_label_sum: str):
    files = module._DATASET.files
    assert [file.shape for file in files] == [(60000, 28, 28), (60000,), (10000, 28, 28), (10000,)]
    assert [file.name for file in files] == [
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    ]
    assert files[1].sha256 == first_label_sum
    assert (
        len({file.sha256 for each in (mnist, fashion_mnist) for file in each._DATASET.files}) == 8
    )
    assert all(len(bytes.fromhex(file.sha256)) == 32 for file in files)


def test_real_fashion_mnist(monkeypatch: pytest.MonkeyPatch, offline):
    """The real data where the machine has it, and the plain refusal where it does not."""
    monkeypatch.undo()
    offline(monkeypatch)
    folders = [
        Path("/usr/share/datasets/fashion-mnist"),
        Path.home() / ".cache/minidl/fashion-mnist",
    ]
    if named := os.environ.get("MINIDL_DATA"):
        folders += [Path(named), Path(named) / "fashion-mnist"]
    names = [file.name for file in fashion_mnist._DATASET.files]
    if not all(any(list(folder.glob(f"{name}*")) for folder in folders) for name in names):
        with pytest.raises(DataNotFoundError, match="apt-get install dataset-fashion-mnist"):
            fashion_mnist.load_data()
        return
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()
    assert x_train.shape == (60000, 28, 28)
    assert x_test.shape == (10000, 28, 28)
    assert np.bincount(y_train).tolist() == [6000] * 10
    assert np.bincount(y_test).tolist() == [1000] * 10
    # The training mean that the literature gives is .2860 of 255; it has four digits.
    assert x_train.mean() / 255 == pytest.approx(0.2860, abs=5e-5)
    # The first image is an ankle boot.
    assert fashion_mnist.CLASS_NAMES[y_train[0]] == "Ankle boot"
    assert len(fashion_mnist.CLASS_NAMES) == 10

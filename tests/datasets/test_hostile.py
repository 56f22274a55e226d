"""Data files of strangers: an error that names the file, in memory and time of the file's size."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import pickletools
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.datasets import DataFileError, imdb
from minidl.datasets._idx import IdxFile, read_idx
from minidl.datasets._npz import read_npz
from minidl.datasets._opcodes import check_memo

MIB = 1 << 20


def objects(items: list[Any]) -> np.ndarray:
    array = np.empty(len(items), object)
    array[:] = items
    return array


def header(length: int) -> bytes:
    """Of an array of objects."""
    stream = io.BytesIO()
    array = np.empty(length, object)
    np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(array))
    return stream.getvalue()


def pickled(body: bytes, length: int) -> bytes:
    """An array of objects whose items ``body`` puts on the stack as one list."""
    start = pickle.dumps(objects([[]]), protocol=3)
    # Up to the list of items, and from its end on.
    begin, end = start.index(b"]q"), start.rindex(b"tq")
    shape = b"K\x01K\x01\x85"
    assert start.count(shape) == 1
    head = start[:begin].replace(shape, b"K\x01" + b"J" + struct.pack("<i", length) + b"\x85")
    return header(length) + head + body + start[end:]


def archive(path: Path, method: int = zipfile.ZIP_STORED, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return path


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def memo_of_four_gigabytes() -> bytes:
    return header(1) + b"\x80\x02]r" + struct.pack("<I", 1 << 28) + b"."


def memo_of_four_gigabytes_as_text() -> bytes:
    return header(1) + b"(lp%d\n." % (1 << 28)


def memo_behind_much_else() -> bytes:
    """Each kind of opcode, so that none is taken for another."""
    items = [1, 300, 70_000, 2**40, 2**3000, 1.5, "a", "b" * 300, b"c", b"d" * 300, None, True]
    for protocol in range(5):
        pickletools.dis(pickle.dumps([items, {"a": (1, 2, 3, 4)}], protocol), io.StringIO())
    parts = [pickle.dumps([items, {"a": (1, 2, 3, 4)}], p)[:-1] + b"0" for p in range(5)]
    return header(1) + b"".join(parts) + memo_of_four_gigabytes()[len(header(1)) :]


def one_list_in_many_places() -> bytes:
    """10,000 times 10,000 integers."""
    body = b"](" + b"](" + b"K\x05" * 10_000 + b"eq\x63" + b"h\x63" * 9_999 + b"e"
    return pickled(body, 10_000)


def bytes_of_a_terabyte() -> bytes:
    return header(1) + b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b"."


def shape_of_a_terabyte() -> bytes:
    return npy(np.zeros(3, np.uint8)).replace(b"(3,), }" + b" " * 12, b"(1099511627776,), }")


def a_long_header() -> bytes:
    text = b"-" * 9000 + b"1\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


HOSTILE: list[Callable[[], bytes]] = [
    memo_of_four_gigabytes,
    memo_of_four_gigabytes_as_text,
    memo_behind_much_else,
    one_list_in_many_places,
    bytes_of_a_terabyte,
    shape_of_a_terabyte,
    a_long_header,
]


@pytest.mark.parametrize("make", HOSTILE, ids=lambda make: make.__name__)
def test_what_asks_for_more_than_it_has(make: Callable[[], bytes], tmp_path: Path) -> None:
    content = make()
    path = archive(tmp_path / "imdb.npz", x=content)
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError, match=r"imdb\.npz: expected x to be") as caught:
            read_npz(path, ("x",))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100 * len(content) + 4 * MIB
    assert len(str(caught.value)) < 1000


def test_the_memo_is_what_is_refused(tmp_path: Path) -> None:
    for make in HOSTILE[:3]:
        with pytest.raises(pickle.UnpicklingError, match="268435456 places in its memo"):
            check_memo(make(), len(header(1)))
        with pytest.raises(DataFileError, match="268435456 places in its memo"):
            read_npz(archive(tmp_path / "a", x=make()), ("x",))
    with pytest.raises(DataFileError, match="lists of 100000000 items in 40"):
        read_npz(archive(tmp_path / "a", x=one_list_in_many_places()), ("x",))


@pytest.mark.parametrize("protocol", range(6))
def test_the_memo_of_what_python_pickles(protocol: int) -> None:
    """Every place that it numbers is one that it needs."""
    items = [[k, str(k), (k, b"b" * k), {k: 1.5}, 10**k] for k in range(400)]
    content = pickle.dumps([items, items, bytearray(b"a")], protocol)
    check_memo(content)
    for length in range(0, len(content), len(content) // 9):
        check_memo(content[:length])


def test_deflated_bombs(tmp_path: Path) -> None:
    """64 MiB of zeros; the same with a smaller size in the directory."""
    path = archive(tmp_path / "a", zipfile.ZIP_DEFLATED, x=npy(np.zeros(64 * MIB, np.uint8)))
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    struct.pack_into("<L", content, entry + 24, 1000)
    (tmp_path / "b").write_bytes(content)
    for name in "ab":
        tracemalloc.start()
        try:
            with pytest.raises(DataFileError, match="expected"):
                read_npz(tmp_path / name, ("x",))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 4 * MIB


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions(method: int, tmp_path: Path) -> None:
    """A file of LZMA says itself how much memory its reader needs."""
    path = archive(tmp_path / "a", method, x=npy(np.arange(5)))
    with pytest.raises(DataFileError, match="a compression that NumPy does not write"):
        read_npz(path, ("x",))


def test_a_word_index_that_is_deep(tmp_path: Path) -> None:
    path = tmp_path / "imdb_word_index.json"
    for text in ("[" * 100_000, '{"a":' * 100_000, '{"a": ' + "9" * 10_000 + "}"):
        path.write_text(text)
        with pytest.raises(DataFileError, match="expected"):
            imdb.get_word_index(path)


def test_a_list_of_sums_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "imdb_word_index.json"
    path.write_text('{"a": 1}')
    (tmp_path / "SHA256SUMS").write_bytes(b"\xff\xfe\x00 imdb_word_index.json\n\x80")
    with pytest.raises(DataFileError, match="SHA-256"):
        imdb.get_word_index(path)


GOOD_NPZ = {
    "x_train": npy(objects([[1, 2], [3]])),
    "y_train": npy(np.array([0, 1])),
    "x_test": npy(objects([[4], [5, 70_000]])),
    "y_test": npy(np.array([1, 0])),
}
IDX = struct.pack(">4B3I", 0, 0, 8, 3, 2, 3, 4) + bytes(range(24))
EDITS = st.lists(
    st.tuples(st.integers(0, 1 << 16), st.integers(0, 255), st.sampled_from("scid")), max_size=6
)


def edited(content: bytes, edits: list[tuple[int, int, str]]) -> bytes:
    """Bytes set, cut off, inserted or deleted."""
    new = bytearray(content)
    for place, value, kind in edits:
        at = place % (len(new) + 1)
        if kind == "s" and at < len(new):
            new[at] = value
        elif kind == "c":
            del new[max(at, 1) :]
        elif kind == "i":
            new[at:at] = bytes([value])
        else:
            del new[at : at + 1 + value % 4]
    return bytes(new)


@given(name=st.sampled_from(sorted(GOOD_NPZ)), edits=EDITS, outer=EDITS)
def test_an_edited_npz(name: str, edits: Any, outer: Any, tmp_path_factory: Any) -> None:
    """Each is read, or is a DataFileError: in its members, whose sums are right, and around."""
    path = tmp_path_factory.mktemp("edited") / "imdb.npz"
    archive(path, **{**GOOD_NPZ, name: edited(GOOD_NPZ[name], edits)})
    path.write_bytes(edited(path.read_bytes(), outer[:1]))
    try:
        (x, y), _ = imdb.load_data(path)
    except DataFileError:
        return
    assert len(x) == len(y) > 0
    assert set(y) <= {0, 1}


@given(edits=EDITS, compressed=st.booleans())
def test_an_edited_idx_file(edits: Any, compressed: bool, tmp_path_factory: Any) -> None:
    """Each is the array, or a DataFileError."""
    suffix = ".gz" if compressed else ""
    path = tmp_path_factory.mktemp("edited") / f"images{suffix}"
    path.write_bytes(edited(gzip.compress(IDX) if compressed else IDX, edits))
    expected = IdxFile("images", (2, 3, 4), hashlib.sha256(IDX).hexdigest())
    try:
        array = read_idx(path, expected)
    except DataFileError:
        return
    np.testing.assert_array_equal(array.ravel(), np.arange(24))

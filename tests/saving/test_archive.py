"""The archive of a file: whatever is changed in it is found, whatever it claims is compared."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.saving import archive as module
from minidl.saving.archive import Archive, MalformedError
from tests.fitting import same_weights
from tests.saving.packing import EXAMPLES, npy, packed, summed, unpacked


def load(content: bytes) -> Any:
    return minidl.load_model(io.BytesIO(content))


def refused(content: bytes, words: str | None = None) -> None:
    with pytest.raises(minidl.FileFormatError, match=words):
        load(content)


@pytest.mark.parametrize("number", EXAMPLES)
def test_cut_at_every_length(number: int) -> None:
    content = EXAMPLES[number].read_bytes()
    load(content)
    for length in range(len(content)):
        refused(content[:length])


def test_every_byte_changed() -> None:
    """Of format 2: in the numbers, the text, the frame, the checksum."""
    content = EXAMPLES[2].read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        refused(bytes(changed))


def test_every_byte_of_format_1_changed() -> None:
    """Refused, or it has changed nothing that is read: dates and attributes have no checksum.

    Each third byte; the campaign ``files`` changes each.
    """
    content = EXAMPLES[1].read_bytes()
    model, harmless = load(content), 0
    for place in range(0, len(content), 3):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        try:
            other = load(bytes(changed))
        except minidl.FileFormatError:
            continue
        harmless += 1
        same_weights(model, other)
    assert 0 < harmless < len(content) / 10


def test_bytes_more_or_less_anywhere() -> None:
    for content in (path.read_bytes() for path in EXAMPLES.values()):
        refused(content + b"\0", "end of an archive")
        refused(b"\0" + content)
        for place in range(1, len(content), 61):
            refused(content[:place] + b"\0" + content[place:])
            refused(content[:place] + content[place + 1 :])


def directory(content: bytes) -> int:
    """Where the first entry of the directory lies."""
    return content.index(b"PK\x01\x02")


def changed(content: bytes, place: int, kind: str, value: int) -> bytes:
    """Another number at a place, and the checksum that goes with it."""
    new = bytearray(content)
    struct.pack_into(kind, new, place, value)
    return summed(bytes(new))


# Within an entry of the directory: place, kind, value, words.
LIES = {
    "encrypted": (8, "<H", 1, "stored as it is"),
    "sizes behind": (8, "<H", 8, "stored as it is"),
    "deflated": (10, "<H", 8, "stored as it is"),
    "unknown method": (10, "<H", 99, "stored as it is"),
    "another sum": (16, "<L", 1, "CRC-32"),
    "smaller when packed": (20, "<L", 3, "stored as it is"),
    "larger": (24, "<L", 2**31, "stored as it is"),
    "wide without sizes": (24, "<L", 2**32 - 1, "large member"),
    "long name": (28, "<H", 60_000, "entry of the directory"),
    "long extra field": (30, "<H", 60_000, "entry of the directory"),
    "other disk": (34, "<H", 1, "a link"),
    "a link": (38, "<L", 0o120777 << 16, "a link"),
    "elsewhere": (42, "<L", 7, "other bytes"),
    "beyond the end": (42, "<L", 2**31, "received a file of"),
}


@pytest.mark.parametrize("name", LIES)
def test_an_entry_that_lies(name: str) -> None:
    place, kind, value, words = LIES[name]
    content = EXAMPLES[2].read_bytes()
    refused(changed(content, directory(content) + place, kind, value), words)


# Within the record at the end.
ENDS = {
    "other sign": (0, "<L", 0, "end of an archive"),
    "a part": (4, "<H", 1, "one part"),
    "of several": (8, "<H", 1, "one part"),
    "longer": (12, "<L", 2**31, "a directory of"),
    "shorter": (12, "<L", 46, "a directory of"),
    "later": (16, "<L", 2**31, "a directory of"),
    "another comment": (20, "<H", 3, "end of an archive"),
}


@pytest.mark.parametrize("name", ENDS)
def test_an_end_that_lies(name: str) -> None:
    place, kind, value, words = ENDS[name]
    content = EXAMPLES[2].read_bytes()
    end = content.rindex(b"PK\x05\x06")
    refused(changed(content, end + place, kind, value), words)


def test_a_number_of_members_that_lies() -> None:
    content = EXAMPLES[2].read_bytes()
    end = content.rindex(b"PK\x05\x06")
    for count in (0, 1, 4, 6, 60_000):
        new = changed(content, end + 8, "<L", count << 16 | count)
        refused(new, "members")


def test_members_that_overlap() -> None:
    """Each has its size, and together they have more than the file."""
    content = EXAMPLES[2].read_bytes()
    members = unpacked(content)
    entry = content[directory(content) :].index(b"theta.npy") - 46 + directory(content)
    size = content.index(b"PK\x01\x02") - content.index(b"PK\x03\x04") - 41
    new = bytearray(content)
    struct.pack_into("<2L", new, entry + 20, size, size)
    refused(summed(bytes(new)), "expected|received")
    assert len(members["theta.npy"]) < size


@pytest.mark.parametrize("number", EXAMPLES)
def test_a_member_twice(number: int) -> None:
    members = list(unpacked(EXAMPLES[number].read_bytes()).items())
    with pytest.warns(UserWarning, match="Duplicate"):
        content = packed([*members, members[1]])
    refused(content, "twice")


@pytest.mark.parametrize("number", EXAMPLES)
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_compressed_member(number: int, method: int) -> None:
    refused(packed(unpacked(EXAMPLES[number].read_bytes()), compression=method), "stored as it is")


def test_the_checksum() -> None:
    """None, another, one in capitals; the archive itself is whole."""
    members = unpacked(EXAMPLES[2].read_bytes())
    content = packed(members)
    load(content)
    refused(content[:-64] + b"0" * 64, "SHA-256 0000.*, received [0-9a-f]{64}")
    refused(content[:-64] + content[-64:].upper(), "SHA-256")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    refused(buffer.getvalue(), "expected a checksum at the end of the file, received none")


def test_a_flipped_bit_in_a_weight_is_named_as_damage() -> None:
    content = bytearray(EXAMPLES[2].read_bytes())
    content[content.index(b"theta.npy") + 9 + 128 + 40] ^= 1
    refused(bytes(content), "expected content with SHA-256")


def header(text: str, version: bytes = b"\x01\x00") -> bytes:
    raw = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(raw)) + raw


def shaped(shape: str) -> bytes:
    return header(f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}")


HEADERS = {
    "another magic": b"\x93NUMPX" + npy(np.zeros(34, "f4"))[6:],
    "another version": npy(np.zeros(34, "f4")).replace(b"\x01\x00", b"\x03\x00", 1),
    "nothing": b"",
    "magic alone": b"\x93NUMPY",
    "header cut": npy(np.zeros(34, "f4"))[:60],
    "a larger shape": shaped("(999999999,)"),
    "a negative shape": shaped("(-1,)"),
    "a huge shape": shaped("(99999999999999999, 99999999999999999)"),
    "nothing of a huge shape": shaped("(0, 99999999999999999, 999999999999999)"),
    "digits": shaped("(" + "9" * 40 + ",)"),
    "code": shaped("(__import__('os'),)"),
    "brackets": header("(" * 110),
    "minuses": header("-" * 110 + "1"),
    "many axes": npy(np.zeros((1,) * 33, "f4")),
    "columns": npy(np.zeros((2, 17), "f4", order="F")),
    "no width": header("{'descr': '<f0', 'fortran_order': False, 'shape': (34,), }"),
    "a wide type": header("{'descr': '<f9999999999', 'fortran_order': False, 'shape': (0,), }"),
    "a structure": header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (34,), }"),
    "a byte more": npy(np.zeros(34, "f4")) + b"\0",
    "a byte less": npy(np.zeros(34, "f4"))[:-1],
}


@pytest.mark.parametrize("number", EXAMPLES)
@pytest.mark.parametrize("name", HEADERS)
def test_the_header_of_an_array(name: str, number: int) -> None:
    members = {**unpacked(EXAMPLES[number].read_bytes()), "theta.npy": HEADERS[name]}
    refused(packed(members), "theta")
    if number == 2:
        refused(
            packed({**members, "theta.npy": npy(np.zeros(34, "f4")), "extra/a.npy": HEADERS[name]})
        )


def test_large_members_and_archives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of more than 2 GiB, which zipfile writes with fields of 64 bits: here it does so earlier."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    members = unpacked(EXAMPLES[2].read_bytes())
    content = packed(members)
    assert b"PK\x06\x06" in content
    same_weights(load(content), minidl.load_model(EXAMPLES[2]))
    model = minidl.load_model(EXAMPLES[2])
    model.save(tmp_path / "a")
    assert b"PK\x06\x06" in (tmp_path / "a").read_bytes()
    same_weights(minidl.load_model(tmp_path / "a"), model)
    # From the record of 64 bits on.
    for place in range(content.index(b"PK\x06\x06"), len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        refused(bytes(changed))
        try:
            other = load(summed(bytes(changed)))
        except minidl.FileFormatError:
            continue
        same_weights(other, model)


def test_an_archive_reads_no_more_than_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    content = EXAMPLES[2].read_bytes()
    archive = Archive(io.BytesIO(content))
    assert archive.read("config.json", 10_000) == unpacked(content)["config.json"]
    with pytest.raises(MalformedError, match="at most 100 bytes"):
        archive.read("config.json", 100)
    with pytest.raises(MalformedError, match="none"):
        archive.read("absent")
    monkeypatch.setattr(module, "MEMBERS", 3)
    refused(content, "at most 3 members, received 5")


def test_a_file_that_shrinks_while_it_is_read() -> None:
    """As a file on a network may: no short array."""
    file = io.BytesIO(EXAMPLES[2].read_bytes())
    archive = Archive(file)
    file.truncate(500)
    with pytest.raises(MalformedError, match="received"):
        archive.read("theta.npy")

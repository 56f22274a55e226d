"""Archives: zip files that are read only if every stated length is true.

:mod:`zipfile` writes an archive. The reader here, made for strangers' files, accepts less than
:mod:`zipfile`: only uncompressed members, each at the place that the directory states.
"""

from __future__ import annotations

import hashlib
import os
import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

#: Limits for the entries and the bytes of a directory.
MEMBERS, DIRECTORY = 4096, 1 << 20
_CHUNK = 1 << 20

#: Beginning of the comment; the digits of the SHA-256 follow and end the file.
MARK = b"minidl sha256 "
DIGITS = 64
_COMMENT = len(MARK) + DIGITS
#: Beginning of an HDF5 file: weights of Keras, or a whole model of Keras 2.
HDF5 = b"\x89HDF\r\n\x1a\n"

_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_WIDE = 0xFFFFFFFF  # in place of a size that needs 64 bits


class FileFormatError(ValueError):
    """The file is no model of minidl, or is damaged or forged.

    Attributes:
        file: the file's name.
        reason: the expected and the received content.
    """

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(file, reason)
        self.file = file
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.file}: {self.reason}"


class MalformedError(ValueError):
    """The file is malformed; raised by code that does not know the file's name."""


@dataclass(frozen=True)
class Member:
    """Place, size and CRC-32 of a member's bytes."""

    start: int
    size: int
    crc: int


class Archive:
    """The members of an archive, by name; the bytes of a member are read on demand.

    Args:
        file: a seekable file, open for reading.

    Attributes:
        members: name -> :class:`Member`; all places lie within the file.
        size: size of the file, in bytes.
        sum: the SHA-256 that the file states, or None.

    Raises:
        MalformedError: the file is no such archive.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, os.SEEK_END)
        comment = self.piece(max(self.size - _COMMENT, 0), min(_COMMENT, self.size))
        self.sum = None
        end = self.size - _END.size
        if comment.startswith(MARK):
            self.sum = comment[len(MARK) :].decode("ascii", "replace")
            end -= _COMMENT
        self.members = dict(self._directory(end))

    def piece(self, start: int, size: int) -> bytes:
        """``size`` bytes from ``start`` on.

        Raises:
            MalformedError: the file has fewer bytes.
        """
        if not 0 <= start <= start + size <= self.size:
            raise MalformedError(
                f"expected {size} bytes at {start}, received a file of {self.size}"
            )
        self._file.seek(start)
        found = self._file.read(size)
        if len(found) != size:
            raise MalformedError(f"expected {size} bytes at {start}, received {len(found)}")
        return found

    def read(self, name: str, limit: int | None = None) -> bytes:
        """The bytes of a member, after a comparison with the member's CRC-32.

        Raises:
            MalformedError: the member is missing, damaged, or longer than ``limit`` bytes.
        """
        if name not in self.members:
            raise MalformedError(f"expected {name} in the archive, received none")
        member = self.members[name]
        if limit is not None and member.size > limit:
            raise MalformedError(f"{name}: expected at most {limit} bytes, received {member.size}")
        content = self.piece(member.start, member.size)
        if zlib.crc32(content) != member.crc:
            raise MalformedError(f"{name}: expected the CRC-32 {member.crc:08x}, received another")
        return content

    def check_members(self) -> None:
        """Compare each member with the member's CRC-32.

        Raises:
            MalformedError: a member is damaged.
        """
        for name, member in self.members.items():
            crc = 0
            for chunk in self._chunks(member.start, member.size):
                crc = zlib.crc32(chunk, crc)
            if crc != member.crc:
                raise MalformedError(
                    f"{name}: expected the CRC-32 {member.crc:08x}, received {crc:08x}"
                )

    def check_sum(self) -> None:
        """Compare the file with the SHA-256 that the file states.

        Raises:
            MalformedError: the file is damaged, or states no SHA-256.
        """
        if self.sum is None:
            raise MalformedError("expected a checksum at the end of the file, received none")
        received = self.digest()
        if received != self.sum:
            raise MalformedError(f"expected content with SHA-256 {self.sum}, received {received}")

    def digest(self) -> str:
        """The SHA-256 of all bytes except the last 64."""
        digest = hashlib.sha256()
        for chunk in self._chunks(0, self.size - DIGITS):
            digest.update(chunk)
        return digest.hexdigest()

    def _chunks(self, start: int, size: int) -> Iterator[bytes]:
        for at in range(start, start + size, _CHUNK):
            yield self.piece(at, min(_CHUNK, start + size - at))

    def _directory(self, end: int) -> Iterator[tuple[str, Member]]:
        """The entries of the directory; the end record lies at ``end``."""
        count, length, start, where = self._end(end)
        if start + length != where:
            raise MalformedError(
                f"expected a directory of {where - start} bytes, received {length}"
            )
        if count > MEMBERS or length > DIRECTORY:
            raise MalformedError(f"expected at most {MEMBERS} members, received {count}")
        directory = self.piece(start, length)
        at, total = 0, 0
        seen: set[str] = set()
        for _ in range(count):
            if len(directory) - at < _ENTRY.size:
                raise MalformedError(f"expected {count} members, received {len(seen)}")
            fields = _ENTRY.unpack_from(directory, at)
            sign, _, _, flags, method, _, _, crc, packed, size, n, m, k, disk, _, mode, first = (
                fields
            )
            at += _ENTRY.size
            raw, extra = directory[at : at + n], directory[at + n : at + n + m]
            at += n + m + k
            if sign != b"PK\x01\x02" or at > len(directory):
                raise MalformedError("expected an entry of the directory, received other bytes")
            name = raw.decode("utf-8")
            size, packed, first = _wide(extra, size, packed, first)
            if flags & ~0x800 or method or packed != size:
                raise MalformedError(f"{name}: expected a member that is stored as it is")
            if stat.S_ISLNK(mode >> 16) or disk:
                raise MalformedError(f"{name}: expected a file, received a link")
            if name in seen:
                raise MalformedError(f"expected members of different names, received {name} twice")
            seen.add(name)
            total += size
            if total > start:
                raise MalformedError(f"expected members of at most {start} bytes, received {total}")
            yield name, Member(self._content(raw, first, size, start), size, crc)
        if at != len(directory):
            raise MalformedError(f"expected {count} members, received more")

    def _end(self, end: int) -> tuple[int, int, int, int]:
        """Number of entries, length, start and end of the directory."""
        if end < 0:
            raise MalformedError(f"expected an archive, received {self.size} bytes")
        if self.piece(0, len(HDF5)) == HDF5:
            raise MalformedError(
                "expected an archive, received a file of HDF5; load_weights reads weights alone, "
                "and Keras saves a model of such a file again under a name that ends in .keras"
            )
        sign, disk, first, here, count, length, start, comment = _END.unpack(
            self.piece(end, _END.size)
        )
        if sign != b"PK\x05\x06" or comment != self.size - end - _END.size:
            raise MalformedError("expected the end of an archive, received other bytes")
        if disk or first or here != count:
            raise MalformedError("expected an archive in one part")
        where = end - _END_64.size - _LOCATOR.size
        if where >= 0 and self.piece(end - _LOCATOR.size, 4) == b"PK\x06\x07":
            fields = _END_64.unpack(self.piece(where, _END_64.size))
            if fields[0] != b"PK\x06\x06" or fields[6] != fields[7]:
                raise MalformedError("expected the end of a large archive, received other bytes")
            return fields[7], fields[8], fields[9], where
        return count, length, start, end

    def _content(self, name: bytes, first: int, size: int, limit: int) -> int:
        """Place of a member's bytes, behind the member's own header."""
        fields = _LOCAL.unpack(self.piece(first, _LOCAL.size))
        start: int = first + _LOCAL.size + fields[-2] + fields[-1]
        named = fields[-2] == len(name) and self.piece(first + _LOCAL.size, len(name)) == name
        if fields[0] != b"PK\x03\x04" or not named or start + size > limit:
            raise MalformedError(f"expected the member {name!r} at {first}, received other bytes")
        return start


def _wide(extra: bytes, *sizes: int) -> list[int]:
    """The sizes of an entry; 64-bit sizes are taken from the extra field."""
    at, found = 0, b""
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            found = extra[at + 4 : at + 4 + length]
        at += 4 + length
    missing = sum(size == _WIDE for size in sizes)
    if len(found) < 8 * missing:
        raise MalformedError("expected the sizes of a large member, received none")
    values = iter(struct.unpack_from(f"<{missing}Q", found))
    return [next(values) if size == _WIDE else size for size in sizes]

"""Arrays in .npy form (numpy.lib.format), read without evaluating the header text."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.saving.archive import Archive, MalformedError

#: numpy.save writes 128 bytes for up to some ten axes.
HEADER = 1024
AXES = 32
#: Limit for the characters of a string, as in numpy.dtype.
CHARACTERS = 1 << 29

_HEADER = re.compile(
    rb"\{'descr': '([<>|=])([a-zA-Z])(\d{1,10})', 'fortran_order': (False|True), "
    rb"'shape': \(((?:\d{1,18}, ?)*\d{0,18})\), \} *\n"
)
# Kinds of numbers, and NumPy's sizes in bytes for each.
_SIZES: dict[bytes, Container[int]] = {
    b"f": (2, 4, 8),
    b"i": (1, 2, 4, 8),
    b"u": (1, 2, 4, 8),
    b"b": (1,),
}


@dataclass(frozen=True)
class _Header:
    """Type and shape of an array, and the place of the first element in the member."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int


def outline(archive: Archive, name: str) -> np.ndarray:
    """An array with the type and shape of the member ``name``, without memory for the numbers.

    Raises:
        MalformedError: the member is no array of numbers, or the size differs from the header.
    """
    found = _header(archive, name, _SIZES)
    return np.broadcast_to(np.zeros((), found.dtype), found.shape)


def array(archive: Archive, name: str) -> np.ndarray:
    """The numbers in the member ``name``, as a read-only array.

    Raises:
        MalformedError: the member is no array of numbers or is damaged, or the size differs from
            the header.
    """
    found = _header(archive, name, _SIZES)
    content = archive.read(name)
    return np.frombuffer(content, found.dtype, offset=found.start).reshape(found.shape)


def text(archive: Archive, name: str, limit: int) -> str:
    """The text in the member ``name``, an array of one string.

    Raises:
        MalformedError: the member is no such array, longer than ``limit`` bytes, or damaged.
    """
    found = _header(archive, name, {b"U": range(CHARACTERS)})
    if found.shape:
        raise MalformedError(f"{name}: expected a text, received an array of shape {found.shape}")
    return str(np.frombuffer(archive.read(name, limit), found.dtype, offset=found.start)[0])


def _header(archive: Archive, name: str, kinds: Mapping[bytes, Container[int]]) -> _Header:
    """The header of the member ``name``, after a comparison with the member's size."""
    if name not in archive.members:
        raise MalformedError(f"expected {name} in the archive, received none")
    member = archive.members[name]
    head = archive.piece(member.start, min(HEADER, member.size))
    start = 10 + int.from_bytes(head[8:10], "little")
    if head[:8] != b"\x93NUMPY\x01\x00" or start > len(head):
        raise MalformedError(
            f"{name}: expected an array of the .npy format 1.0, received other bytes"
        )
    found = _HEADER.fullmatch(head[10:start])
    if found is None:
        raise MalformedError(
            f"{name}: expected an array, received the header {head[10:start][:80]!r}"
        )
    order, kind, width, fortran, axes = found.groups()
    code = (order + kind + width).decode()
    shape = tuple(int(size) for size in axes.split(b",") if size.strip())
    if int(width) not in kinds.get(kind, ()):
        raise MalformedError(f"{name}: expected numbers, received an array of type {code}")
    if (fortran == b"True" and len(shape) > 1) or len(shape) > AXES:
        raise MalformedError(f"{name}: expected up to {AXES} axes in C order, received others")
    expected = math.prod(shape) * int(width) * (4 if kind == b"U" else 1)
    # NumPy multiplies the axes of an array without elements as well.
    overflows = math.prod(max(size, 1) for size in shape) >= 1 << 59
    if expected != member.size - start or overflows:
        received = f"{member.size - start} bytes"
        raise MalformedError(
            f"{name}: expected {expected} bytes for shape {shape}, received {received}"
        )
    return _Header(np.dtype(code), shape, start)

"""Files of models taken apart, changed and put together again, as a stranger may do."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

#: A small model as minidl wrote it in each format.
EXAMPLES = {n: Path(__file__).parents[1] / f"data/models/format-{n}.npz" for n in (1, 2)}

Members = dict[str, bytes]


def unpacked(content: bytes) -> Members:
    """The members of a file by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members: Mapping[str, bytes] | Iterable[tuple[Any, bytes]], **options: Any) -> bytes:
    """A file of members, with the checksum of format 2 if one of them is its configuration."""
    pairs = list(members.items() if isinstance(members, Mapping) else members)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, content in pairs:
            archive.writestr(name if isinstance(name, zipfile.ZipInfo) else str(name), content)
        if any(name == "config.json" for name, _ in pairs):
            archive.comment = b"minidl sha256 " + bytes(64)
    content = buffer.getvalue()
    return summed(content) if content[-64:] == bytes(64) else content


def summed(content: bytes) -> bytes:
    """A file of format 2 with the checksum that its other bytes have."""
    return content[:-64] + hashlib.sha256(content[:-64]).hexdigest().encode()


def npy(array: Any, **options: Any) -> bytes:
    """An array as a member."""
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def array(members: Members, name: str) -> np.ndarray:
    """An array out of a file."""
    found: np.ndarray = np.load(io.BytesIO(members[f"{name}.npy"]))
    return found


def config(members: Members) -> dict[str, Any]:
    """The configuration, of either format."""
    new = members.get("config.json")
    found: dict[str, Any] = json.loads(new or str(array(members, "config")))
    return found


def with_text(members: Members, text: str) -> Members:
    """The members with another text as configuration, in the format that they have."""
    if "config.json" in members:
        return {**members, "config.json": text.encode()}
    return {**members, "config.npy": npy(np.array(text))}


def with_config(members: Members, changed: Any) -> Members:
    """The members with another configuration."""
    return with_text(members, json.dumps(changed))

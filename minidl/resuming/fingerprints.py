"""Fingerprints of a training: the model, the arguments and the data that determine the numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from minidl.backend import backend_of, is_sparse
from minidl.names.configuration import arguments_of
from minidl.names.in_files import find_class

# Rows are hashed this many bytes at a time, so that no copy of all rows is made.
_PART = 1 << 24


def fingerprint(array: Any) -> dict[str, Any] | None:
    """Shape, type and a hash of every number of an array or CSR matrix; None of None.

    Args:
        array: rows, on the host or on a device.

    Returns:
        Texts and numbers that JSON can hold. Equal arrays have equal fingerprints. Different arrays
        have different fingerprints, but for a chance of 2⁻¹²⁸.
    """
    if array is None:
        return None
    parts = [array]
    if is_sparse(array):
        parts = [array.data, array.indices, array.indptr]
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(f"{part.shape} {part.dtype.str}".encode())
        for block in _blocks(part):
            digest.update(block)
    return {
        "shape": [int(size) for size in array.shape],
        "dtype": array.dtype.name,
        "content": digest.hexdigest(),
    }


def _blocks(array: Any) -> Iterator[Any]:
    """The bytes of an array, row by row."""
    backend = backend_of(array)
    rows = max(1, _PART * len(array) // max(1, array.nbytes))
    for start in range(0, len(array), rows):
        block = np.ascontiguousarray(backend.to_host(array[start : start + rows]))
        yield block.reshape(-1).view(np.uint8)


def differences(expected: Any, received: Any, name: str = "") -> list[str]:
    """Differences between two fingerprints, a text for each.

    Args:
        expected, received: of dictionaries, lists, texts and numbers.
        name: the place of both.
    """
    if isinstance(expected, Mapping) and isinstance(received, Mapping):
        if "content" in expected and "content" in received:
            return _different_arrays(expected, received, name)
        if expected.get("class") != received.get("class"):
            return [_differs(name, expected["class"], received["class"])]
        if "config" in expected and "config" in received:
            older = {**_defaults(received), **expected["config"]}
            return differences(older, received["config"], name)
        keys = [*expected, *(key for key in received if key not in expected)]
        found = [
            differences(expected.get(key), received.get(key), f"{name}.{key}" if name else key)
            for key in keys
        ]
        return [text for texts in found for text in texts]
    lists = isinstance(expected, list) and isinstance(received, list)
    if lists and len(expected) == len(received):
        pairs = enumerate(zip(expected, received, strict=True))
        return [text for i, (a, b) in pairs for text in differences(a, b, f"{name}[{i}]")]
    return [] if expected == received else [_differs(name, _short(expected), _short(received))]


def _defaults(described: Mapping[str, Any]) -> dict[str, Any]:
    """Default values of the arguments of an object, for a file that lacks an argument."""
    try:
        known = arguments_of(find_class(described.get("class", "")))
    except ValueError:
        return {}
    return {name: known[name].default for name in described["config"] if name in known}


def _different_arrays(
    expected: Mapping[str, Any], received: Mapping[str, Any], name: str
) -> list[str]:
    for key, what in (("shape", "shape"), ("dtype", "numbers of type")):
        if expected[key] != received[key]:
            return [f"{name}: expected {what} {expected[key]}, received {received[key]}"]
    same = expected["content"] == received["content"]
    return [] if same else [f"{name}: expected the same numbers, received others of that shape"]


def _differs(name: str, expected: Any, received: Any) -> str:
    return f"{name}: expected {expected}, received {received}"


def _short(value: Any) -> Any:
    """A value in a message: the class of a longer value, "some" of an array."""
    if isinstance(value, Mapping):
        return value.get("class") or ("some" if "content" in value else dict(value))
    if isinstance(value, list):
        return [_short(item) for item in value]
    return "none" if value is None else value

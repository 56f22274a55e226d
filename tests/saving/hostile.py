"""Files made of bytes that a fuzzer chooses, and what may come of them.

The first byte says what the others are: a whole file; the bytes of one member, or its edits, in a
file whose sums are right; a configuration's text; or edits of its entries.
"""

from __future__ import annotations

import copy
import gzip
import hashlib
import io
import json
import math
import struct
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import minidl
from minidl.datasets import DataFileError, imdb
from minidl.datasets._idx import IdxFile, read_idx
from minidl.names.register import entries, foreign, is_class
from tests.saving.packing import EXAMPLES, config, npy, packed, summed, unpacked, with_text

FILES = {number: path.read_bytes() for number, path in EXAMPLES.items()}
MEMBERS = {number: unpacked(content) for number, content in FILES.items()}
TEXTS = {number: json.dumps(config(members)) for number, members in MEMBERS.items()}
CLASSES = [each.full for each in entries if is_class(each.thing) and not foreign(each.full)]
VALUES: list[Any] = [
    *(None, True, False, -1, 0, 1, 2, 3, 255, 2**31, 2**53, 2**63, 2**64, 10**19, 10**30),
    *(0.5, -0.5, 1e-320, 1e300, 1e999, math.nan, "", "x", "relu", "softmax", "Input", "\0"),
    *([], {}, [1], [0], [2**40, 2**40], [[]], {"class": "Dense"}, {"config": {}}),
    *({"class": name, "config": {}} for name in CLASSES),
    {"class": "Input", "config": {"shape": [3]}},
    {"class": "Activation", "config": {"activation": "elu"}},
    {"class": "Rescaling", "config": {"scale": 1e300}},
    {"class": "Dense", "config": {"units": 10**9}},
    {"class": "LossMetric", "config": {"name": "a", "loss": {"class": "Adam", "config": {}}}},
]
KINDS = 6


def file_of(data: bytes) -> bytes:
    """The file that a fuzzer's bytes describe."""
    kind, number = (data[0] % KINDS, 1 + data[0] // KINDS % 2) if data else (0, 1)
    rest, members = data[1:], MEMBERS[number]
    if kind == 0:
        return rest
    if kind == 1:
        return summed(edited(FILES[2], rest))
    if kind == 2:
        if number == 2:
            return packed({**members, "config.json": rest})
        return packed(with_text(members, rest.decode("utf-8", "replace")))
    if kind == 3:
        changed = json.loads(TEXTS[number])
        choices = iter(rest)
        while (edits := next(choices, None)) is not None:
            changed = changed_entry(changed, choices, edits)
        return packed(with_text(members, json.dumps(changed)))
    names = [*members, "extra/a.npy", "extra.json", "extra/b/c.npy", "optimizer/w.npy"]
    name = names[rest[0] % len(names)] if rest else names[0]
    content = rest[1:] if kind == 4 else edited(members.get(name, npy(np.arange(3))), rest[1:])
    return packed({**members, name: content})


def edited(content: bytes, edits: bytes) -> bytes:
    """Bytes with others in their places: four of the edits say where, how and which."""
    new = bytearray(content)
    for place, kind, value in struct.iter_unpack("<HBB", edits[: len(edits) // 4 * 4]):
        at = place % (len(new) + 1)
        if kind % 4 == 0:
            new[at : at + 1] = bytes([value])
        elif kind % 4 == 1:
            new[at : at + value] = b""
        elif kind % 4 == 2:
            new[at:at] = bytes([value]) * (1 + kind // 4)
        else:
            new[at : at + 4] = struct.pack("<L", (1 << value % 33) - 1)
    return bytes(new)


def changed_entry(tree: Any, choices: Iterator[int], kind: int) -> Any:
    """A JSON tree with one entry replaced, removed, doubled or renamed."""
    if not isinstance(tree, dict | list) or not tree or kind % 8 == 7:
        return copy.deepcopy(VALUES[next(choices, 0) % len(VALUES)])
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
    key = keys[next(choices, 0) % len(keys)]
    if kind % 8 < 4:
        tree[key] = changed_entry(tree[key], choices, next(choices, 7))
    elif kind % 8 == 4:
        del tree[key]
    elif isinstance(tree, list):
        tree.insert(next(choices, 0) % (len(tree) + 1), copy.deepcopy(tree[key]))
    else:
        tree[str(VALUES[next(choices, 0) % len(VALUES)])] = tree.pop(key)
    return tree


def load(data: bytes) -> str:
    """Load the file that a fuzzer's bytes describe; "refused" or "loaded".

    Raises:
        Exception: anything else.
    """
    content = file_of(data)
    # What a model does takes longer than to load it: each fourth is enough.
    return load_file(content, thorough=len(content) % 4 == 0)


def load_file(content: bytes, thorough: bool = True) -> str:
    """:func:`load` of a file's own bytes; with ``thorough`` a model is also used."""
    try:
        model = minidl.load_model(io.BytesIO(content))
    except minidl.FileFormatError:
        return "refused"
    if thorough:
        check_loaded(model)
    return "loaded"


def check_loaded(model: minidl.Sequential) -> None:
    """A model out of any file is saved, loaded and, where it is small, used."""
    buffer = io.BytesIO()
    model.save(buffer)
    buffer.seek(0)
    other = minidl.load_model(buffer)
    np.testing.assert_array_equal(model.theta, other.theta)
    widths = [math.prod(layer.output_shape) for layer in model]
    if math.prod(model.input_row) + max(widths) < 1000 and len(widths) < 50:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            model.predict(np.ones((2, *model.input_row)))


def _object(items: list[Any]) -> np.ndarray:
    array = np.empty(len(items), object)
    array[:] = items
    return array


REVIEWS = {
    "x_train.npy": npy(_object([[1, 2], [3]])),
    "y_train.npy": npy(np.array([0, 1])),
    "x_test.npy": npy(_object([[4], [5, 70_000]])),
    "y_test.npy": npy(np.array([1, 0])),
}
IMAGES = struct.pack(">4B3I", 0, 0, 8, 3, 2, 3, 4) + bytes(range(24))


def read_data(data: bytes) -> str:
    """Read the data file that a fuzzer's bytes describe; "refused" or "loaded".

    Raises:
        Exception: anything else than :class:`DataFileError`.
    """
    kind, rest = (data[0] % 6 if data else 0), data[1:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        try:
            if kind < 3:
                (path / "imdb.npz").write_bytes(_reviews(kind, rest))
                imdb.load_csr(10, path)
            elif kind == 3:
                (path / "imdb_word_index.json").write_bytes(rest)
                imdb.get_word_index(path)
            else:
                packs = gzip.compress if kind == 5 else bytes
                (path / "images.gz").write_bytes(edited(packs(IMAGES), rest))
                (path / "images").write_bytes(edited(IMAGES, rest))
                read_idx(path / ("images.gz" if kind == 5 else "images"), _images())
        except DataFileError:
            return "refused"
    return "loaded"


def _reviews(kind: int, rest: bytes) -> bytes:
    if kind == 0:
        return edited(packed(REVIEWS), rest)
    name = list(REVIEWS)[rest[0] % 4] if rest else "x_train.npy"
    content = REVIEWS[name]
    # A pickle of the fuzzer's own behind the header, or an edited member.
    new = content[:128] + rest[1:] if kind == 1 else edited(content, rest[1:])
    return packed({**REVIEWS, name: new})


def _images() -> IdxFile:
    return IdxFile("images", (2, 3, 4), hashlib.sha256(IMAGES).hexdigest())


def seeds() -> dict[str, list[bytes]]:
    """What a fuzzer begins with."""
    models = [bytes([0]) + content for content in FILES.values()]
    models += [bytes([KINDS * (n - 1) + 2]) + text.encode() for n, text in TEXTS.items()]
    for number, members in MEMBERS.items():
        first = KINDS * (number - 1)
        models += [bytes([first + 3, 1, k, 2, k]) for k in range(10)]
        for place, content in enumerate(members.values()):
            models += [bytes([first + 4, place]) + content, bytes([first + 5, place])]
    models += [bytes([1, place, 0, 0, 255]) for place in range(0, 256, 16)]
    data = [bytes([kind]) for kind in range(6)]
    data += [bytes([1, k]) + content[128:] for k, content in enumerate(REVIEWS.values())]
    data += [b'\x03{"a": 1, "the": 2}']
    return {"models": models, "data": data}

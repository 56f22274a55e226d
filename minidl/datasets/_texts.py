"""Texts as lists of word ranks, in the layout of Keras's files: reading, encoding, limits."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minidl.datasets._files import DataFileError, check_sum
from minidl.datasets._npz import read_npz

Ints = NDArray[np.int64]
Texts = list[list[int]]

_MAX_RANK = 2**31 - 1


def read_texts(file: Path, x: str, y: str, where: str, classes: int) -> tuple[Texts, Ints]:
    """The texts and labels of two arrays of a file, in the file's order, checked.

    Args:
        file: an `.npz` file.
        x, y: names of the arrays.
        where: for messages, "in the train split".
        classes: labels are 0 up to this, without it.

    Raises:
        DataFileError: the file is damaged, or holds something else.
    """
    wanted = "labels 0 and 1" if classes == 2 else f"labels 0 to {classes - 1}"

    def fail(expected: str, received: object) -> DataFileError:
        return DataFileError(file, f"expected {expected} {where}, received {received}")

    texts, numbers = read_npz(file, (x, y))
    if isinstance(numbers, list) and set(map(type, numbers)) != {int}:
        raise fail(wanted, "something else")
    labels = np.asarray(numbers)
    if len(texts) != len(labels):
        raise fail("as many reviews as labels", f"{len(texts)} and {len(labels)}")
    if len(texts) == 0:
        raise fail("reviews", "none")
    if not isinstance(texts, list) or set(map(type, texts)) != {list}:
        raise fail("each review to be a list", "something else")
    kinds = set(map(type, chain.from_iterable(texts))) - {int}
    if kinds:
        raise fail("reviews of integers", f"a {kinds.pop().__name__}")
    for rank in (
        min(chain.from_iterable(texts), default=0),
        max(chain.from_iterable(texts), default=0),
    ):
        if not 0 <= rank <= _MAX_RANK:
            raise fail(f"word ranks from 0 to {_MAX_RANK}", rank)
    if labels.dtype.kind not in "iu" or not np.isin(labels, range(classes)).all():
        values = np.unique(labels)[:5] if labels.dtype.kind in "biuf" else ""
        raise fail(wanted, f"{labels.dtype} values {values}")
    return texts, labels.astype(np.int64)


def encoded(texts: Texts, start_char: int | None, index_from: int) -> tuple[Ints, Ints]:
    """All texts' word indices in one array, and the offset at which each text begins.

    Text i is `indices[offsets[i]:offsets[i + 1]]`, with `start_char` first unless that is None.
    """
    start = [] if start_char is None else [start_char - index_from]
    offsets = np.zeros(len(texts) + 1, np.int64)
    lengths = (len(start) + len(text) for text in texts)
    np.cumsum(np.fromiter(lengths, np.int64, len(texts)), out=offsets[1:])
    words = chain.from_iterable(chain(start, text) for text in texts)
    indices = np.fromiter(words, np.int64, count=int(offsets[-1]))
    indices += index_from
    return indices, offsets


def check_num_words(num_words: int | None) -> None:
    """Raise ValueError for a number of words below 1."""
    if num_words is not None and num_words < 1:
        raise ValueError(f"num_words: expected None or at least 1, received {num_words}")


def shorter(indices: Ints, offsets: Ints, labels: Ints, maxlen: int) -> tuple[Ints, Ints, Ints]:
    """The texts of fewer than `maxlen` indices."""
    lengths = np.diff(offsets)
    kept = lengths < maxlen
    offsets = np.concatenate([[0], np.cumsum(lengths[kept])])
    return indices[np.repeat(kept, lengths)], offsets, labels[kept]


def limited(
    indices: Ints, offsets: Ints, skip_top: int, end: int, oov_char: int | None
) -> NDArray[np.object_]:
    """The texts as lists, in which `oov_char` stands for indices outside `skip_top` … `end` - 1.

    Where `oov_char` is None such indices are left out. `indices` is overwritten.
    """
    inside = (indices >= skip_top) & (indices < end)
    if oov_char is None:
        offsets = np.concatenate([[0], np.cumsum(inside)])[offsets]
        indices = indices[inside]
    else:
        indices[~inside] = oov_char
    flat = indices.tolist()
    x = np.empty(len(offsets) - 1, object)
    for row in range(len(x)):
        x[row] = flat[offsets[row] : offsets[row + 1]]
    return x


def read_word_index(file: Path) -> dict[str, int]:
    """Word -> rank, of a JSON file.

    Raises:
        DataFileError: the file holds something else, or differs from its listed sum.
    """
    check_listed_sum(file)
    try:
        index = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataFileError(file, f"expected JSON, received {error}") from error
    if not isinstance(index, dict) or not all(type(rank) is int for rank in index.values()):
        raise DataFileError(file, "expected one JSON object of integers, received something else")
    return index


def check_listed_sum(file: Path) -> None:
    """Compare `file` with its line, if any, in a neighbouring `SHA256SUMS` of sha256sum."""
    sums = file.parent / "SHA256SUMS"
    if not sums.is_file():
        return
    for line in sums.read_text("utf-8", "replace").splitlines():
        digest, _, name = line.partition(" ")
        if name.strip().lstrip("*") == file.name:
            check_sum(file, f"sha256:{digest.lower()}")

"""Default names of layers, networks and metrics, as in Keras."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from minidl.backend.session import clearing

_counts: dict[str, Iterator[int]] = {}
clearing.append(_counts.clear)


def chosen(name: str | None, kind: type) -> str:
    """The name that a user gives an object of a class, or the next of the class.

    Raises:
        TypeError: no text, or an empty one.
    """
    if name is None:
        return next_name(kind.__name__)
    if not (isinstance(name, str) and name):
        raise TypeError(f"name: expected a text that is not empty, received {name!r}")
    return name


def next_name(kind: str) -> str:
    """Keras's names for layers and networks: dense, dense_1, …; ReLU -> re_lu, re_lu_1, …."""
    words = words_of(kind)
    count = next(_counts.setdefault(words, itertools.count()))  # one at a time, in any thread
    return words if count == 0 else f"{words}_{count}"


def words_of(kind: str) -> str:
    """A class's name in small letters: batch_normalization."""
    # Keras splits ReLU and LeakyReLU as re_lu and leaky_re_lu; so does the pattern.
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=.)(?=[A-Z][a-z])", "_", kind).lower()

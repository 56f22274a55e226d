"""The content of a file, checked without making a network."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from minidl.backend import BackendUnavailableError
from minidl.saving import arrays
from minidl.saving.archive import Archive, FileFormatError, MalformedError
from minidl.saving.text import check, parsed

FORMAT = 2
#: Limits for the bytes of text: a layer takes some 600, a value in a History some 20.
CONFIG, EXTRA = 16 << 20, 64 << 20
# Limit for the letters of a reason, which may quote the file.
_SHOWN = 500

_TEXTS = {False: ("config.npy",), True: ("config.json", "extra.json")}  # before format 2, and since


@dataclass(frozen=True)
class Extra:
    """Content of a file beside the model.

    Attributes:
        values: JSON: numbers, texts, lists, and dictionaries with texts as keys.
        arrays: arrays of numbers; a name has letters, digits and ``_ . - /``.
    """

    values: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Saved:
    """Content of a file.

    Attributes:
        config: the result of :func:`minidl.saving.describe`, and "format".
        arrays: the model's vectors: "theta", "statistics", "optimizer/m" ….
        extra: the content beside the model.
    """

    config: dict[str, Any]
    arrays: dict[str, np.ndarray]
    extra: Extra


def read_file(source: Any) -> Saved:
    """The content of a file, after a comparison of the checksums.

    Args:
        source: a path, or a file object that is open for reading bytes.

    Raises:
        FileNotFoundError, PermissionError, IsADirectoryError: the file cannot be opened.
        FileFormatError: the file holds no model, is damaged or forged, or has a newer format.
    """
    with opened(source) as archive:
        return read(archive)


def read(archive: Archive, *, numbers: bool = True) -> Saved:
    """The content of an archive.

    Args:
        archive: archive of the file.
        numbers: whether the numbers of the arrays are read and the SHA-256 is compared; if not,
            arrays have only types and shapes.

    Raises:
        MalformedError: the archive holds no model, or is damaged.
    """
    config = _config(archive)
    new = config["format"] > 1
    if new and numbers:
        archive.check_sum()
    check(config)
    vectors: dict[str, np.ndarray] = {}
    extra = Extra()
    for name in archive.members.keys() - _TEXTS[new]:
        stem = name.removesuffix(".npy")
        own = stem in ("theta", "statistics") or _is_path(stem, "optimizer/")
        if stem == name or not (own or (new and _is_path(stem, "extra/"))):
            raise MalformedError(f"expected the members of a model, received {name!r}")
        array = (arrays.array if numbers else arrays.outline)(archive, name)
        if own:
            vectors[stem] = array
        else:
            extra.arrays[stem.removeprefix("extra/")] = array
    if new and "extra.json" in archive.members:
        text = archive.read("extra.json", EXTRA).decode("utf-8")
        extra.values.update(parsed(text, finite=False))
    return Saved(config, vectors, extra)


@contextlib.contextmanager
def opened(source: Any, content: str = "a model saved by minidl") -> Iterator[Archive]:
    """The archive in ``source``.

    Args:
        source: a path, or a file object that is open for reading bytes.
        content: the expected content, for messages.

    Raises:
        FileFormatError: replaces every error of the block that only the file can cause.
    """
    with contextlib.ExitStack() as stack:
        if is_path(source):
            name, file = os.fsdecode(source), stack.enter_context(regular(source))
        else:
            name, file = str(getattr(source, "name", "a file object")), _rest(source)
        try:
            yield Archive(file)
        except (OSError, MemoryError, BackendUnavailableError):
            raise
        except MalformedError as error:
            raise FileFormatError(name, str(error)[:_SHOWN]) from None
        # Classes named in a file may raise any error for wrong arguments.
        except Exception as error:
            shown = f"{type(error).__name__}: {error}"[:_SHOWN]
            reason = f"expected {content}, received {shown}"
            raise FileFormatError(name, reason) from error


def is_path(source: Any) -> bool:
    """True for a path, False for a file object; some paths also have the methods of files."""
    return isinstance(source, str | bytes | os.PathLike)


def regular(source: Any) -> BinaryIO:
    """A regular file, open for reading; a FIFO would wait, and a device might never end."""

    def without_waiting(path: str, flags: int) -> int:
        return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))

    path = os.fspath(source)
    if os.path.isdir(path):
        said = "expected a file, received a folder; fit(resume=...) takes a folder of checkpoints"
        raise IsADirectoryError(errno.EISDIR, said, path)
    file = open(path, "rb", opener=without_waiting)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise FileFormatError(os.fsdecode(path), "expected a file, received a device or a FIFO")
    return file


def _rest(source: Any) -> BinaryIO:
    """The bytes of a file object from the current position on."""
    if not hasattr(source, "read"):
        kind = type(source).__name__
        raise TypeError(f"expected a path or a file that is open for reading, received {kind}")
    content = source.read()
    if not isinstance(content, bytes | bytearray | memoryview):
        kind = type(content).__name__
        raise TypeError(f"expected a file that is open for reading bytes, received {kind} from it")
    return io.BytesIO(content)


def _config(archive: Archive) -> dict[str, Any]:
    """The configuration, in either format."""
    if "config.json" in archive.members:
        if "metadata.json" in archive.members:
            raise MalformedError(
                "expected a model of minidl's form, received one of Keras's; rename the file so "
                "that its name ends in .keras"
            )
        known, text = range(2, FORMAT + 1), archive.read("config.json", CONFIG).decode("utf-8")
    elif "config.npy" in archive.members:
        known, text = range(1, 2), arrays.text(archive, "config.npy", 4 * CONFIG)
    else:
        raise MalformedError(f"expected a model's config, received {sorted(archive.members)[:9]}")
    config = parsed(text)
    if "gathered_rate" in config and "accumulated_learning_rate" not in config:  # older files
        config["accumulated_learning_rate"] = config.pop("gathered_rate")
    for metric in _listed(config.get("metrics")):
        if metric.get("class") == "Accuracy" and "class_numbers" in (metric.get("config") or ()):
            metric["class"] = "ChosenAccuracy"  # its name in older files
    version = config.get("format")
    if type(version) is not int or version not in known:
        raise MalformedError(f"expected a format up to {FORMAT}, received {version!r}")
    if "weights" in config:
        raise MalformedError(
            "expected a model, received weights alone; make the model and call its load_weights"
        )
    return config


def _listed(entries: Any) -> list[dict[str, Any]]:
    """The dictionaries of a list; entries of other kinds are refused later."""
    return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []


def _is_path(name: str, start: str) -> bool:
    """True if ``name`` is ``start`` and then plain names with slashes in between."""
    parts = name.removeprefix(start).split("/")
    return name.startswith(start) and all(
        part.strip(".") and part.isascii() and not set(part) - _LETTERS for part in parts
    )


_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")

"""CIFAR-10: 60,000 colour images, 32 x 32, in ten classes.

Krizhevsky, "Learning multiple layers of features from tiny images", 2009
(https://www.cs.toronto.edu/~kriz/cifar.html).
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minidl.datasets._batches import read_batch
from minidl.datasets._files import DataFileError, Source, load_file
from minidl.datasets._texts import check_listed_sum

CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

Bytes = NDArray[np.uint8]

_SOURCE = Source(
    title="CIFAR-10",
    folder="cifar-10",
    files=("cifar-10-python.tar.gz",),
    mirrors=("https://www.cs.toronto.edu/~kriz/",),
)
# The sum that Keras's source gives for its file.
_SUM = "sha256:6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
_FOLDER = "cifar-10-batches-py"
_TRAIN, _TEST = tuple(f"data_batch_{k}" for k in range(1, 6)), "test_batch"
_SHAPE = (3, 32, 32)
# A batch of 10,000 images has 31 MB.
_LARGEST = 1 << 26


def load_data(
    path: str | os.PathLike[str] | None = None,
) -> tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]:
    """`(x_train, y_train), (x_test, y_test)` of CIFAR-10.

    Images are uint8 of shape (50000, 32, 32, 3) and (10000, 32, 32, 3), red, green and blue last;
    labels are uint8 of shape (50000, 1) and (10000, 1), indices into `CLASS_NAMES`.

    Args:
        path: `cifar-10-python.tar.gz`, or a folder with it or with the extracted folder
            `cifar-10-batches-py`. The default is the search of `minidl.datasets`.

    Raises:
        DataNotFoundError: the file is not there and cannot be downloaded.
        DataFileError: a file is damaged, or its pickle asks for more than an array of bytes, lists
            and integers; no named function is executed. A download must have the SHA-256 that Keras
            publishes, and any archive that of its line in a `SHA256SUMS` beside it.
    """
    forms = (f"-{_FOLDER.removeprefix('cifar-10-')}/{_TEST}", "-python.tar.gz")
    return load_file(_SOURCE, "cifar-10", _read, path, suffixes=forms, download_sum=_SUM)


def _read(file: Path) -> tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]:
    """All batches of an archive, or of the folder that a test batch lies in."""
    batches: dict[str, tuple[Bytes, Bytes]] = {}
    for name, content, place in _extracted(file) if file.name == _TEST else _packed(file):
        batches[name] = _batch(content, place)
    missing = [name for name in (*_TRAIN, _TEST) if name not in batches]
    if missing:
        raise DataFileError(file, f"expected a batch {missing[0]}, received none")
    parts = [batches[name] for name in _TRAIN]
    train = np.concatenate([x for x, _ in parts]), np.concatenate([y for _, y in parts])
    return train, batches[_TEST]


def _extracted(file: Path) -> Iterator[tuple[str, bytes, Path]]:
    for name in (*_TRAIN, _TEST):
        batch = file.parent / name
        if batch.is_file():
            if batch.stat().st_size > _LARGEST:
                raise DataFileError(batch, f"expected at most {_LARGEST} bytes, received more")
            yield name, batch.read_bytes(), batch


def _packed(file: Path) -> Iterator[tuple[str, bytes, Path]]:
    check_listed_sum(file)
    try:
        with tarfile.open(file, "r:gz") as archive:
            for member in archive:
                folder, _, name = member.name.rpartition("/")
                if member.size > _LARGEST:
                    raise DataFileError(file, f"{member.name}: expected at most {_LARGEST} bytes")
                if folder == _FOLDER and name in (*_TRAIN, _TEST) and member.isreg():
                    content = archive.extractfile(member)
                    assert content is not None
                    yield name, content.read(), file
    except DataFileError:
        raise
    # A damaged archive raises any error of tarfile and zlib.
    except Exception as error:
        raise DataFileError(file, f"expected a .tar.gz archive, received {error}") from error


def _batch(content: bytes, file: Path) -> tuple[Bytes, Bytes]:
    """Images, red, green and blue last, and labels (rows, 1)."""
    data, labels = read_batch(content, file, int(np.prod(_SHAPE)))
    if not set(labels) <= set(range(len(CLASS_NAMES))):
        raise DataFileError(file, f"expected labels 0 to 9, received {max(labels)}")
    images = data.reshape(-1, *_SHAPE).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), np.array(labels, np.uint8).reshape(-1, 1)

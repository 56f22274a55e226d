"""IDX files, the format of MNIST and Fashion-MNIST, read in one pass that also takes the SHA-256.

An IDX file is a magic number (two zero bytes, the type code, the number of axes), one big-endian
uint32 length per axis, and the values in C order (http://yann.lecun.com/exdb/mnist/).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from minidl.datasets._files import DataFileError, DataNotFoundError, Source, load_file

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]

_UINT8 = 0x08  # IDX's type code
_CHUNK = 1 << 20


@dataclass(frozen=True)
class IdxFile:
    """Requirements on one file: name without `.gz`, shape, and SHA-256 when decompressed."""

    name: str
    shape: tuple[int, ...]
    sha256: str


@dataclass(frozen=True)
class IdxDataset:
    """A data set of four IDX files: training images and labels, test images and labels."""

    source: Source
    files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]


def mnist_like(
    title: str,
    folder: str,
    mirrors: tuple[str, ...],
    sums: tuple[str, str, str, str],
    debian_package: str | None = None,
) -> IdxDataset:
    """MNIST or a data set made in its likeness: same file names, same shapes, other sums."""
    files = (
        IdxFile("train-images-idx3-ubyte", (60000, 28, 28), sums[0]),
        IdxFile("train-labels-idx1-ubyte", (60000,), sums[1]),
        IdxFile("t10k-images-idx3-ubyte", (10000, 28, 28), sums[2]),
        IdxFile("t10k-labels-idx1-ubyte", (10000,), sums[3]),
    )
    names = tuple(file.name for file in files)
    return IdxDataset(Source(title, folder, names, mirrors, debian_package), files)


def load_idx(
    dataset: IdxDataset, path: str | os.PathLike[str] | None
) -> tuple[tuple[Images, Labels], tuple[Images, Labels]]:
    """`(x_train, y_train), (x_test, y_test)`, each a new uint8 array.

    Each file may be decompressed or end in `.gz`; both are checked by the same SHA-256.

    Raises:
        DataNotFoundError, DataFileError: see `minidl.datasets`.
    """
    if path is not None and Path(path).expanduser().is_file():
        raise DataNotFoundError(
            f"path: expected the folder that holds the four files of {dataset.source.title}, "
            f"received the file {os.fspath(path)}"
        )

    def load(expected: IdxFile) -> NDArray[np.uint8]:
        return load_file(
            dataset.source,
            expected.name,
            lambda file: read_idx(file, expected),
            path,
            suffixes=("", ".gz"),
        )

    x_train, y_train, x_test, y_test = (load(expected) for expected in dataset.files)
    return (x_train, y_train), (x_test, y_test)


def read_idx(file: Path, expected: IdxFile) -> NDArray[np.uint8]:
    """The array in `file`, decompressed on the way if the name ends in `.gz`.

    Raises:
        DataFileError: the gzip stream is damaged or cut short, or magic number, shape, size or
            SHA-256 differ from `expected`.
    """
    try:
        if file.suffix == ".gz":
            with gzip.open(file) as stream:
                return _read(stream, file, expected)
        with open(file, "rb") as plain:
            return _read(plain, file, expected)
    except EOFError as error:
        raise DataFileError(file, "expected a whole gzip file, received one cut short") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataFileError(file, f"expected an intact gzip file, received {error}") from error


def _read(stream: io.BufferedIOBase, file: Path, expected: IdxFile) -> NDArray[np.uint8]:
    axes = len(expected.shape)
    header = stream.read(4 + 4 * axes)
    magic = bytes([0, 0, _UINT8, axes])
    if header[:4] != magic:
        raise DataFileError(
            file, f"expected the IDX magic number {magic.hex()}, received {header[:4].hex()!r}"
        )
    if len(header) < 4 + 4 * axes:
        raise DataFileError(
            file, f"expected a header of {4 + 4 * axes} bytes, received {len(header)}"
        )
    shape = struct.unpack(f">{axes}I", header[4:])
    if shape != expected.shape:
        raise DataFileError(file, f"expected shape {expected.shape}, received {shape}")

    digest = hashlib.sha256(header)
    array = np.empty(expected.shape, np.uint8)
    values = array.data.cast("B")
    filled = 0
    while filled < len(values):
        received = stream.readinto(values[filled : filled + _CHUNK])
        if not received:
            raise DataFileError(
                file, f"expected {len(header) + len(values)} bytes, received {len(header) + filled}"
            )
        digest.update(values[filled : filled + received])
        filled += received
    # Reading past the end also makes gzip compare its own checksum.
    if stream.read(1):
        raise DataFileError(
            file, f"expected {len(header) + len(values)} bytes, received more than that"
        )
    if digest.hexdigest() != expected.sha256:
        raise DataFileError(
            file,
            f"expected content with SHA-256 {expected.sha256}, received {digest.hexdigest()} "
            "(MNIST and Fashion-MNIST share their file names: in MINIDL_DATA keep them in folders "
            "of their own, mnist and fashion-mnist)",
        )
    return array

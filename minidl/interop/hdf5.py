"""Arrays in HDF5 files, by the package h5py.

A file may come from a stranger. A dataset may refer to another file, unpack to any size, or consist
of parts of other datasets. This module reads only uncompressed arrays inside the file itself, which
take no more memory than the file is long.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any, BinaryIO

import numpy as np

from minidl.saving.archive import MalformedError

#: The package, its extra, and its purpose, for :func:`minidl.interop.errors.package`.
PACKAGE = "h5py", "keras-files", "a file of Keras"

# Groups around an array; the library's time grows with the square of their number.
_DEPTH = 64


def written(h5py: Any, groups: Iterable[str], arrays: Mapping[str, Any]) -> bytes:
    """The content of a file with the arrays.

    Args:
        h5py: the module, from :func:`package`.
        groups: paths of groups to create even without arrays.
        arrays: path -> array.
    """
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for group in groups:
            file.create_group(group)
        for path, values in arrays.items():
            file.create_dataset(path, data=values)
    return buffer.getvalue()


def read(
    h5py: Any, file: BinaryIO, size: int, wanted: Callable[[str], bool]
) -> dict[str, np.ndarray]:
    """The arrays of a file, by path; links are not followed.

    Args:
        h5py: the module, from :func:`package`.
        file: a file open for reading.
        size: size of the file, in bytes.
        wanted: function of a path; False leaves the array out.

    Raises:
        MalformedError: the file is no HDF5 file or is damaged, or an array is no plain block of
            numbers.
    """
    found: dict[str, np.ndarray] = {}
    left = size

    def visit(name: str, item: Any) -> None:
        nonlocal left
        if name.count("/") > _DEPTH:
            raise MalformedError(f"expected groups within up to {_DEPTH} others, received more")
        if isinstance(item, h5py.Dataset) and wanted(name):
            _check(h5py, name, item, left)
            found[name] = np.asarray(item[()])
            left -= found[name].nbytes

    try:
        with h5py.File(file, "r") as content:
            content.visititems(visit)
    except (MalformedError, MemoryError):
        raise
    # The library has many errors for a damaged file: OSError, RuntimeError, KeyError, TypeError …
    except Exception as error:
        raise MalformedError(f"expected an HDF5 file, received another: {error}") from error
    return found


def _check(h5py: Any, name: str, dataset: Any, left: int) -> None:
    """Raise unless the dataset is a block of numbers within the file."""
    plan = dataset.id.get_create_plist()
    plain = plan.get_layout() in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT)
    if not plain or (plan.get_layout() == h5py.h5d.CONTIGUOUS and plan.get_external_count()):
        raise MalformedError(f"{name}: expected numbers that lie in the file as they are")
    if dataset.dtype.kind not in "fiub" or dataset.dtype.itemsize > 8:
        raise MalformedError(f"{name}: expected numbers, received {dataset.dtype}")
    if dataset.shape is None or dataset.nbytes != dataset.id.get_storage_size():
        raise MalformedError(f"{name}: expected as many bytes as the shape needs, received others")
    if dataset.nbytes > left:
        raise MalformedError(f"{name}: expected numbers of the size of the file, received more")

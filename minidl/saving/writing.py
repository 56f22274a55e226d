"""Writer for the newest file format."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from minidl.saving.archive import DIGITS, MARK, Archive
from minidl.saving.arrays import HEADER
from minidl.saving.reading import FORMAT, Extra

#: Endings of Keras's HDF5 models, which minidl does not write.
_OLD = (".h5", ".hdf5")


def check_ending(filepath: Any) -> None:
    """Refuse the ending of Keras's HDF5 models, a form that minidl does not write.

    Raises:
        ValueError: the path ends in ``.h5`` or ``.hdf5``.
    """
    path = os.fsdecode(filepath)
    if path.lower().endswith(_OLD):
        raise ValueError(
            f"{path}: models are not written in Keras's HDF5 form; expected the ending .keras, "
            "which Keras reads, too, or .npz, minidl's own form; save_weights writes weights alone "
            "as .weights.h5"
        )


def write(
    file: BinaryIO, config: Mapping[str, Any], vectors: Mapping[str, Any], extra: Extra
) -> None:
    """Write an archive that ends with the SHA-256 of the bytes before.

    Args:
        file: an empty, seekable file, open for writing and reading.
        config: configuration as JSON.
        vectors: name -> array, on the host.
        extra: content beside the model.

    Raises:
        ValueError, TypeError: JSON cannot hold a value, or an array holds objects.
    """
    archive = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED)
    try:
        _write(archive, "config.json", json.dumps({"format": FORMAT, **config}, allow_nan=False))
        for name, vector in vectors.items():
            _write(archive, f"{name}.npy", vector)
        if extra.values:
            _write(archive, "extra.json", json.dumps(extra.values))
        for name, array in extra.arrays.items():
            _write(archive, f"extra/{name}.npy", array)
        archive.comment = MARK + bytes(DIGITS)
        archive.close()
    except BaseException:
        # Not closed: closing a half-written entry would fail and hide the first error.
        archive.fp = None
        raise
    # zipfile completes the headers last, so the sum is over the finished file.
    digits = Archive(file).digest()
    file.seek(-DIGITS, os.SEEK_END)
    file.write(digits.encode())
    file.flush()


def _write(archive: zipfile.ZipFile, name: str, content: Any) -> None:
    # An entry without a date: the same model makes the same file.
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    if isinstance(content, str):
        archive.writestr(entry, content.encode())
        return
    array = np.asarray(content, order="C")
    large = array.nbytes + HEADER > zipfile.ZIP64_LIMIT
    with archive.open(entry, "w", force_zip64=large) as member:
        np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)

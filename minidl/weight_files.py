"""Files of a model's tensors alone: ``.npz``, or ``.weights.h5``, which Keras reads and writes.

Both name a tensor by the layer's place: ``layers/dense/vars/0`` is the kernel of the first Dense,
``layers/dense_1/vars/1`` the bias of the second, ``layers/sequential/layers/dense/vars/0`` the
kernel of a Dense in a model within the model. The order within a layer is that of
``layer.weights``. So names of layers do not count, which change from one model to the next.

A ``.npz`` is an archive as of :mod:`minidl.saving`; ``numpy.load`` reads its arrays, too.
``.weights.h5`` needs the package h5py, ``pip install 'minidl[keras-files]'``.
"""

from __future__ import annotations

import io
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from minidl.layers.base import Layer, words_of
from minidl.replacing import replacing
from minidl.saving import Extra, FileFormatError
from minidl.saving.archive import MalformedError
from minidl.saving.arrays import array
from minidl.saving.reading import opened
from minidl.saving.writing import write
from minidl.stack import Stack

_H5, _NPZ = ".weights.h5", ".npz"


def save(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Write all tensors of a model, built here if necessary, to a file.

    Args:
        model: the model.
        filepath: ends in ``.npz`` or ``.weights.h5``.
        overwrite: whether a file that is there is replaced; default True.

    Raises:
        ValueError: another ending.
        FileExistsError: there is a file, and ``overwrite`` is False.
        ImportError: h5py is needed and missing.
        OSError: the file cannot be written.
    """
    path, ending = _path(filepath)
    model.build()
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path} is there already; expected overwrite=True, or another name")
    layers = list(_places(model))
    copies = iter(model.weights_of([layer for _, layer in layers]))
    found = {}
    for place, layer in layers:
        for index, _ in enumerate((*layer.tensors, *layer.statistics)):
            found[f"{place}/vars/{index}"] = next(copies)
    if ending == _H5:
        content = _as_h5(found, [place for place, _ in layers])
    with replacing(path) as file:
        if ending == _H5:
            file.write(content)
        else:
            write(file, {"weights": list(found)}, found, Extra())


def load(model: Any, filepath: Any, skip_mismatch: bool = False) -> None:
    """Overwrite all tensors of a model with those of a file.

    Args:
        model: of known input shape.
        filepath: ends in ``.npz`` or ``.weights.h5``.
        skip_mismatch: whether layers that do not fit keep their weights, with a warning.

    Raises:
        FileNotFoundError, PermissionError, IsADirectoryError: the file cannot be opened.
        FileFormatError: no file of weights, or a damaged one. It is a ValueError.
        ValueError: another ending, or layers that do not fit.
        ImportError: h5py is needed and missing.
    """
    path, ending = _path(filepath)
    model.build()
    given = _from_h5(path) if ending == _H5 else _from_npz(path)
    layers, values, wrong = [], [], []
    for place, layer in _places(model):
        keys = (*layer.tensors, *layer.statistics)
        known = [given.pop(f"{place}/vars/{index}", None) for index in range(len(keys))]
        expected = [getattr(layer, key).shape for key in keys]
        received = [None if each is None else each.shape for each in known]
        if expected != received:
            wrong.append(
                f"{layer.name}: expected tensors of shapes {expected}, received {received}"
            )
            continue
        layers.append(layer)
        values += known
    left = sorted({name.partition("/vars/")[0] for name in given})
    if left:
        wrong.append(f"expected the tensors of {model.name}, received more: {', '.join(left)}")
    if wrong and not skip_mismatch:
        raise ValueError(f"{path}: {'; '.join(wrong)}")
    for sentence in wrong:
        warnings.warn(f"{path}: {sentence}; left out", stacklevel=3)
    model.set_weights_of(layers, values)


def _path(filepath: Any) -> tuple[str, str]:
    path = os.fspath(filepath)
    for ending in (_H5, _NPZ):
        if path.endswith(ending):
            return path, ending
    raise ValueError(
        f"expected a path that ends in {_NPZ} or {_H5}, received {path!r}; save() and load_model() "
        "are for whole models"
    )


def _places(model: Any, before: str = "") -> Iterator[tuple[str, Layer]]:
    """The layers of a model, each with its place."""
    counts: dict[str, int] = {}
    for entry in model.entries:
        kind = "Sequential" if isinstance(entry, Stack) else type(entry).__name__
        words = words_of(kind)
        count = counts[words] = counts.get(words, -1) + 1
        place = f"{before}layers/{words}" + (f"_{count}" if count else "")
        if isinstance(entry, Stack):
            yield from _places(entry, f"{place}/")
        else:
            yield place, entry


def _from_npz(path: str) -> dict[str, np.ndarray]:
    with opened(path) as archive:
        archive.check_members()
        names = [name[: -len(".npy")] for name in archive.members if name.endswith(".npy")]
        if not all(_is_place(name) for name in names):
            raise MalformedError("expected a file of save_weights, received another one")
        return {name: array(archive, f"{name}.npy") for name in names}


def _is_place(name: str) -> bool:
    return re.fullmatch(r"layers/.+/vars/\d+", name) is not None


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f"{_H5} needs the package h5py: pip install 'minidl[keras-files]'; or choose {_NPZ}"
        ) from error
    return h5py


def _as_h5(found: Mapping[str, np.ndarray], places: list[str]) -> bytes:
    buffer = io.BytesIO()
    with _h5py().File(buffer, "w") as file:
        for place in places:
            file.create_group(f"{place}/vars")
        for name, values in found.items():
            file.create_dataset(name, data=values)
    return buffer.getvalue()


def _from_h5(path: str) -> dict[str, np.ndarray]:
    h5py = _h5py()
    with open(path, "rb") as opened_file:
        return _read_h5(h5py, path, opened_file)


def _read_h5(h5py: Any, path: str, file: BinaryIO) -> dict[str, np.ndarray]:
    """The tensors of the layers; an optimizer's, and counts of random numbers, are left out."""
    found: dict[str, np.ndarray] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and _is_place(name) and "seed_generator" not in name:
            if item.dtype.kind not in "fiub" or item.size > os.path.getsize(path):
                raise FileFormatError(path, f"{name}: expected numbers of the size of the file")
            found[name] = item[()]

    try:
        with h5py.File(file, "r") as content:
            content.visititems(visit)
    except OSError as error:
        raise FileFormatError(path, f"expected an HDF5 file, received another: {error}") from error
    return found

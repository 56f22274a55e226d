"""Files of a model's tensors alone: ``.npz``, ``.safetensors``, or Keras's ``.weights.h5``.

All three name a tensor by the layer's place: ``layers/dense/vars/0`` is the kernel of the first
Dense, ``layers/dense_1/vars/1`` the bias of the second, ``layers/sequential/layers/dense/vars/0``
the kernel of a Dense in a model within the model. The order within a layer is that of
``layer.weights``. So names of layers do not count, which change from one model to the next.

A ``.npz`` is an archive as of :mod:`minidl.saving`; ``numpy.load`` reads its arrays, too.
``.weights.h5`` needs the package h5py, ``pip install 'minidl[keras-files]'``, and ``.safetensors``
the package safetensors, ``pip install 'minidl[safetensors]'``.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from minidl.interop import hdf5, safetensors
from minidl.interop.errors import package
from minidl.layers.base import Layer
from minidl.layers.names import words_of
from minidl.network.stack import Stack
from minidl.saving import Extra, FileFormatError
from minidl.saving.archive import MalformedError
from minidl.saving.arrays import array
from minidl.saving.atomic import may_replace, replacing
from minidl.saving.reading import opened, regular
from minidl.saving.writing import write

_H5, _NPZ, _SAFE = ".weights.h5", ".npz", ".safetensors"


def save(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Write all tensors of a model, built here if necessary, to a file.

    Args:
        model: the model.
        filepath: ends in ``.npz``, ``.weights.h5`` or ``.safetensors``.
        overwrite: whether a file that is there is replaced; default True.

    Raises:
        ValueError: another ending.
        FileExistsError: there is a file, and ``overwrite`` is False.
        ImportError: h5py, or safetensors, is needed and missing.
        OSError: the file cannot be written.
    """
    path, ending = _path(filepath)
    model.build()
    may_replace(path, overwrite)
    layers = list(places(model, ending == _H5))
    found = tensors(model, layers)
    content = b""
    if ending == _H5:
        content = hdf5.written(
            package(*hdf5.PACKAGE, _NPZ), groups(place for place, _ in layers), found
        )
    elif ending == _SAFE:
        content = safetensors.written(package(*safetensors.PACKAGE, _NPZ), found)
    with replacing(path) as file:
        if ending == _NPZ:
            write(file, {"weights": list(found)}, found, Extra())
        else:
            file.write(content)


def load(model: Any, filepath: Any, skip_mismatch: bool = False) -> None:
    """Overwrite all tensors of a model with those of a file.

    Args:
        model: of known input shape.
        filepath: ends in ``.npz``, ``.weights.h5`` or ``.safetensors``.
        skip_mismatch: whether layers that do not fit keep their weights, with a warning.

    Raises:
        FileNotFoundError, PermissionError, IsADirectoryError: the file cannot be opened.
        FileFormatError: no file of weights, or a damaged one. It is a ValueError.
        ValueError: another ending, or layers that do not fit.
        ImportError: h5py, or safetensors, is needed and missing.
    """
    path, ending = _path(filepath)
    model.build()
    given = {_H5: _from_h5, _NPZ: _from_npz, _SAFE: _from_safetensors}[ending](path)
    layers, values, wrong = [], [], []
    for place, layer in places(model, ending == _H5):
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
    try:
        model.set_weights_of(layers, values)
    except ValueError as error:  # NaN or infinity
        raise FileFormatError(path, str(error)) from error


def _path(filepath: Any) -> tuple[str, str]:
    path = os.fsdecode(filepath)
    for ending in (_H5, _NPZ, _SAFE):
        if path.endswith(ending):
            return path, ending
    raise ValueError(
        f"expected a path that ends in {_NPZ}, {_H5} or {_SAFE}, received {path!r}; save() and "
        "load_model() are for whole models"
    )


def places(model: Any, functional: bool, before: str = "") -> Iterator[tuple[str, Layer]]:
    """The layers of a model, each with its place.

    Args:
        model: the model.
        functional: True for Keras's names of models in the functional form; False if all models are
            called alike.
        before: beginning of each place.
    """
    counts: dict[str, int] = {}
    for entry in model.entries:
        kind = type(entry).__name__
        if isinstance(entry, Stack):
            kind = "Functional" if functional and entry.shows_input else "Sequential"
        words = words_of(kind)
        count = counts[words] = counts.get(words, -1) + 1
        place = f"{before}layers/{words}" + (f"_{count}" if count else "")
        if isinstance(entry, Stack):
            yield from places(entry, functional, f"{place}/")
        else:
            yield place, entry


def tensors(model: Any, layers: Sequence[tuple[str, Layer]]) -> dict[str, np.ndarray]:
    """Copies of the tensors of layers, by their places in a file.

    Args:
        model: built.
        layers: of :func:`places`.
    """
    copies = iter(model.weights_of([layer for _, layer in layers]))
    return {
        f"{place}/vars/{index}": next(copies)
        for place, layer in layers
        for index in range(len(layer.tensors) + len(layer.statistics))
    }


def groups(found: Iterable[str]) -> list[str]:
    """Groups of a file of Keras, empty or not: of each layer, and of the models around the layers.

    Args:
        found: the places of the layers.
    """
    layers = list(found)
    models = {f"{place[: place.rindex('layers/')]}vars" for place in layers}
    return [*sorted(models), *(f"{place}/vars" for place in layers)]


def _from_npz(path: str) -> dict[str, np.ndarray]:
    with opened(path) as archive:
        archive.check_members()
        names = [name[: -len(".npy")] for name in archive.members if name.endswith(".npy")]
        _check_places(names)
        return {name: array(archive, f"{name}.npy") for name in names}


def _check_places(names: Iterable[str]) -> None:
    if not all(_is_place(name) for name in names):
        raise MalformedError(
            "expected a file of save_weights, received another one, such as a "
            "model's, which load_model reads"
        )


def _is_place(name: str) -> bool:
    return re.fullmatch(r"layers/.+/vars/\d+", name) is not None


def _from_h5(path: str) -> dict[str, np.ndarray]:
    """The tensors of the layers; an optimizer's, and counts of random numbers, are left out."""
    h5py = package(*hdf5.PACKAGE, _NPZ)
    with regular(path) as file:
        try:
            return hdf5.read(h5py, file, os.path.getsize(path), _is_tensor)
        except MalformedError as error:
            raise FileFormatError(path, str(error)) from error


def _from_safetensors(path: str) -> dict[str, np.ndarray]:
    numpy = package(*safetensors.PACKAGE, _NPZ)
    with regular(path) as file:
        content = file.read()
    try:
        found = safetensors.read(numpy, content)
        _check_places(found)
    except MalformedError as error:
        raise FileFormatError(path, str(error)) from error
    return found


def _is_tensor(name: str) -> bool:
    return _is_place(name) and "seed_generator" not in name

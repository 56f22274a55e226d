"""A ``.keras`` file as a model."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from minidl import losses, metrics, optimizers
from minidl.backend import current
from minidl.interop import hdf5
from minidl.interop.errors import package
from minidl.interop.keras import optimizers as states
from minidl.interop.keras.decoding import NAME, decode
from minidl.interop.keras.rows import Reader
from minidl.names.in_files import reading
from minidl.saving.archive import Archive, MalformedError
from minidl.saving.models import check_finite
from minidl.saving.reading import CONFIG, Extra, Saved, opened
from minidl.saving.text import METRICS, parsed

METADATA, CONFIGURATION, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
_METADATA = 1 << 16
#: Metrics that a warning names.
_NAMED = 9


def is_keras(filepath: Any) -> bool:
    """True if a path ends in .keras and the file holds Keras's form, not minidl's own.

    Raises:
        OSError: the file cannot be opened.
        FileFormatError: the file is no archive.
    """
    if not os.fsdecode(os.fspath(filepath)).endswith(".keras"):
        return False
    with opened(filepath) as archive:
        return METADATA in archive.members


def load(
    filepath: Any,
    kind: Callable[..., Any],
    custom_objects: Mapping[str, Any] | None = None,
    allow_nonfinite: bool = False,
    compiled: bool = True,
) -> Any:
    """The model in a ``.keras`` file, under the backend in use.

    If minidl lacks the file's optimizer or loss, a warning names the missing part and the model is
    not compiled. Metrics that minidl lacks are left out, with a warning. Masks and
    shuffles are drawn anew; Keras's seeds have no meaning here.

    Args:
        filepath: path of the file.
        kind: the class of the model, Sequential.
        custom_objects: name -> class, for classes of the file that minidl does not know.
        allow_nonfinite: whether tensors may hold NaN and infinity; default False.
        compiled: False leaves optimizer, loss and metrics of the file unread; default True.

    Raises:
        FileNotFoundError, PermissionError, IsADirectoryError: the file cannot be opened.
        FileFormatError: the file holds no Keras 3 model or is damaged, or minidl lacks some
            layers; the message names all missing layers.
        ImportError: h5py is missing.
    """
    current()  # raises if the backend is missing, which is no fault of the file
    h5py = package(*hdf5.PACKAGE, ".npz, and save the model with minidl")
    with reading(custom_objects), opened(filepath, "a model of Keras 3") as archive:
        config = _configuration(archive)
        reader = Reader(config)
        reader.build()
        arrays = _arrays(h5py, archive, reader.dtype)
        values = _tensors(reader, arrays)
        if not allow_nonfinite:
            check_finite(Saved({}, arrays, Extra()))
        with np.errstate(all="ignore"):  # initial values are drawn and overwritten
            model = reader.row.model(kind, reader.dtype)
            model.build()
        _fill(model, reader, values)
        if compiled:
            _compile(model, config.get("compile_config"), os.fsdecode(os.fspath(filepath)))
        if model.optimizer is not None:
            states.fill(model, arrays)
    return model


def _configuration(archive: Archive) -> dict[str, Any]:
    """The model's JSON; the file must be of Keras 3."""
    for name in (METADATA, CONFIGURATION, WEIGHTS):
        if name not in archive.members:
            received = sorted(archive.members)[:9]
            raise MalformedError(f"expected {name} in a file of Keras 3, received {received}")
    about = parsed(archive.read(METADATA, _METADATA).decode("utf-8"))
    version = str(about.get("keras_version"))[:20]
    if not version.startswith("3."):
        raise MalformedError(f"expected a file of Keras 3, received one of Keras {version}")
    return parsed(archive.read(CONFIGURATION, CONFIG).decode("utf-8"))


def _arrays(h5py: Any, archive: Archive, dtype: str) -> dict[str, np.ndarray]:
    """All arrays; floats are cast to the model's type, where large numbers become infinite."""
    content = archive.read(WEIGHTS)
    found = hdf5.read(h5py, io.BytesIO(content), len(content), _is_wanted)
    with np.errstate(over="ignore"):
        return {
            name: array.astype(dtype, copy=False) if array.dtype.kind == "f" else array
            for name, array in found.items()
        }


def _is_wanted(path: str) -> bool:
    """True for tensors of layers and optimizer; counts of random numbers are Keras's alone."""
    return path.startswith(("layers/", "optimizer/")) and "seed_generator" not in path


def _tensors(reader: Reader, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """The tensors of all layers, in order.

    Raises:
        MalformedError: a tensor is missing, has the wrong shape, or belongs to no layer.
    """
    left = {path for path in arrays if path.startswith("layers/")}
    found = []
    for place, layer in reader.places:
        wanted = (*layer.tensors.values(), *layer.statistics.values())
        for index, tensor in enumerate(wanted):
            path = f"{place}/vars/{index}"
            array = arrays.get(path)
            if array is None or array.shape != tensor.shape:
                received = "none" if array is None else f"shape {array.shape}"
                raise MalformedError(f"{path}: expected shape {tensor.shape}, received {received}")
            left.discard(path)
            found.append(array)
    if left:
        raise MalformedError(f"expected the tensors of the layers, received {sorted(left)[:9]}")
    return found


def _fill(model: Any, reader: Reader, values: list[np.ndarray]) -> None:
    """Put the tensors into the layers."""
    rest = iter(values)
    with model.backend.here:
        for _, layer in reader.places:
            for key in (*layer.tensors, *layer.statistics):
                getattr(layer, key)[...] = model.backend.to_device(next(rest).astype(model.dtype))


def _compile(model: Any, config: Any, path: str) -> None:
    """Compile as the file says; warn where minidl lacks a part."""
    if not isinstance(config, dict) or config.get("loss") is None or "optimizer" not in config:
        return
    part = "optimizer"
    try:
        optimizer = optimizers.get(decode(config["optimizer"]))
        if type(optimizer).__name__ not in states.GROUPS:
            raise ValueError(f"optimizer: expected one of Keras's, received {optimizer!r}")
        part = "loss"
        loss = losses.compiled(decode(config["loss"]), decode(config.get("loss_weights")))
        part = "metrics"
        plain, weighted = (_flat(config.get(each)) for each in ("metrics", "weighted_metrics"))
        if len(plain) + len(weighted) > METRICS:
            raise MalformedError(f"expected at most {METRICS} metrics, received more")
        lacking: list[str] = []
        found = [list(_known(some, loss, lacking)) for some in (plain, weighted)]
        model.compile(optimizer, loss, metrics=found[0], weighted_metrics=found[1])
        if lacking:
            warnings.warn(
                f"{path}: the model is compiled without the metrics that minidl lacks, "
                f"{'; '.join(lacking[:_NAMED])}; loss and optimizer are the file's",
                stacklevel=4,
            )
    except MalformedError:
        raise
    except (ValueError, TypeError) as error:
        warnings.warn(
            f"{path}: the model is not compiled, because minidl lacks a part of its {part}: "
            f"{str(error)[:500]}; call compile(...) before fit, which begins with a new optimizer",
            stacklevel=4,
        )


def _flat(metrics: Any) -> list[Any]:
    """A file's metrics in one list; Keras nests lists, and names outputs, for several outputs."""
    found = metrics if isinstance(metrics, dict) and "class_name" in metrics else None
    if found is None and isinstance(metrics, dict):
        return [each for some in metrics.values() for each in _flat(some)]
    if isinstance(metrics, list):
        return [each for some in metrics for each in _flat(some)]
    return [] if metrics is None else [metrics]


def _known(given: list[Any], loss: Any, lacking: list[str]) -> Iterator[Any]:
    """The metrics that minidl has; for each other metric, name and reason go to ``lacking``."""
    for each in given:
        try:
            yield metrics.get(decode(each), loss)
        except MalformedError:
            raise
        except (ValueError, TypeError) as error:
            lacking.append(f"{_name(each)[:NAME]!r}: {str(error)[:500]}")


def _name(metric: Any) -> str:
    """A metric's name in a file, or the name of its class."""
    config = metric.get("config") if isinstance(metric, dict) else metric
    if isinstance(config, dict):
        config = config.get("name") or metric.get("class_name")
    return str(config)

"""A model as a ``.keras`` file."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from minidl.backend.sparse import outside
from minidl.interop import hdf5
from minidl.interop.errors import package
from minidl.interop.keras import encoding, optimizers
from minidl.interop.keras.loading import CONFIGURATION, METADATA, WEIGHTS
from minidl.losses import Huber
from minidl.metrics import LossMetric, Metric
from minidl.names.in_files import noting
from minidl.network.concurrency import undisturbed
from minidl.network.stack import Stack
from minidl.saving import weight_files
from minidl.saving.atomic import replacing

ENDING = ".keras"
#: Keras's version of this form; Keras 3.0 reads all but models in the functional form.
_VERSION = "3.6.0"


def save(model: Any, filepath: Any) -> None:
    """Write a model to a file that Keras reads; an old file is replaced once the new is complete.

    A warning names each Huber loss of another delta than 1, which Keras reads but does not write.

    Args:
        model: any model; built here if necessary.
        filepath: a path that ends in ``.keras``.

    Raises:
        ValueError: the file cannot hold a layer, the optimizer, the loss or a metric; the message
            names all of them.
        ImportError: h5py is missing.
        OSError: the file cannot be written.
    """
    h5py = package(*hdf5.PACKAGE, ".npz")
    model.build()
    config, arrays, groups = undisturbed(model, lambda: (_config(model), *_arrays(model)))
    content = hdf5.written(h5py, groups, arrays)
    with replacing(filepath) as file:
        _write(file, config, content)
    for delta in _deltas(model):
        warnings.warn(
            f"{filepath}: Keras reads the Huber loss's delta={delta} from this file, and leaves "
            "delta out of files that it writes; there the loss is one of delta=1",
            stacklevel=outside(),
        )


def _deltas(model: Any) -> Iterator[float]:
    """Each delta other than 1 of the Huber losses, the loss and those among the metrics."""
    for each in (model.loss, *(model._metrics if model.optimizer is not None else ())):
        loss = each.loss if isinstance(each, LossMetric) else each
        if isinstance(loss, Huber) and loss.delta != 1:
            yield float(loss.delta)


def _write(file: BinaryIO, config: dict[str, Any], weights: bytes) -> None:
    members: dict[str, str | bytes] = {
        METADATA: json.dumps({"keras_version": _VERSION}),
        CONFIGURATION: json.dumps(config, allow_nan=False),
        WEIGHTS: weights,
    }
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name)  # without a date: the same model makes the same file
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)


def _arrays(model: Any) -> tuple[dict[str, np.ndarray], list[str]]:
    """Arrays by place in the file, and the groups, of which some may be empty."""
    places = list(weight_files.places(model, functional=True))
    found = weight_files.tensors(model, places)
    state = optimizers.state(model) if model.optimizer is not None else {}
    return found | state, weight_files.groups(place for place, _ in places)


def _config(model: Any) -> dict[str, Any]:
    problems: list[str] = []
    with noting():
        config = _model(model, model.dtype.name, problems)
        if model.optimizer is not None:
            config["compile_config"] = _training(model, problems)
    if problems:
        raise ValueError(
            f"a file of Keras cannot hold {'; '.join(problems)}. Expected a path that ends in "
            f"another way than {ENDING}, for a file of minidl's"
        )
    return config


def _model(model: Any, dtype: str, problems: list[str]) -> dict[str, Any]:
    """A model as JSON; nested models compute in the same type."""
    functional = model.shows_input
    if "/" in model.name:
        problems.append(f"{model.name!r} ({type(model).__name__}): Keras's names have no slash")
    source = model.source
    rows = None if source is None else source.batch_size
    name = source.name if source is not None else "input_layer"
    while source is None and any(name == each.name for each in model.entries):
        name += "_"
    first = {"name": name, "batch_shape": [rows, *model.leaves[0].input_shape], "dtype": dtype}
    layers = [encoding.item("keras.layers", "InputLayer", first)]
    inputs = []
    for each in model.entries:
        if isinstance(each, Stack):
            layers.append(_model(each, dtype, problems))
            inputs.append(each.leaves[0].input_shape)
        else:
            layers += _layer(each, dtype, problems)
            inputs.append(each.input_shape)
    config: dict[str, Any] = {"name": model.name, "trainable": model.trainable, "layers": layers}
    if not functional:
        return encoding.item("keras", "Sequential", {**config, "dtype": encoding.policy(dtype)})
    if not problems:
        names = list(_chain(layers, inputs, dtype))
        config |= {"input_layers": [names[0], 0, 0], "output_layers": [names[-1], 0, 0]}
    found = encoding.item("keras.src.models.functional", "Functional", config)
    return {**found, "registered_name": "Functional"}


def _layer(each: Any, dtype: str, problems: list[str]) -> list[dict[str, Any]]:
    """The layer in a list, or an empty list and a sentence among the problems."""
    try:
        return [encoding.layer(each, dtype)]
    except ValueError as error:
        problems.append(f"{each.name!r} ({type(each).__name__}): {error}")
        return []


def _chain(layers: list[dict[str, Any]], shapes: list[Any], dtype: str) -> Iterator[str]:
    """Note the input of each layer, the output of the layer before; yield the layers' names."""
    before = None
    for layer, shape in zip(layers, [None, *shapes], strict=False):
        layer["name"], layer["inbound_nodes"] = layer["config"]["name"], []
        if before is not None:
            about = {"shape": [None, *shape], "dtype": dtype, "keras_history": [before, 0, 0]}
            tensor = {"class_name": "__keras_tensor__", "config": about}
            layer["inbound_nodes"] = [{"args": [tensor], "kwargs": {}}]
        before = layer["name"]
        yield before


def _training(model: Any, problems: list[str]) -> dict[str, Any]:
    """The arguments of ``compile``."""
    found: dict[str, Any] = {"metrics": [], "weighted_metrics": []}
    weight = model._loss.weight
    found["loss_weights"] = None if weight == 1 else weight
    for name, part in (("optimizer", model.optimizer), ("loss", model._loss)):
        found[name] = _part(name, part, problems)
    for each in model._metrics:
        place = "weighted_metrics" if each.weighted else "metrics"
        found[place].append(_part(each.name, each, problems))
    return found


def _part(name: str, part: Any, problems: list[str]) -> Any:
    """The part; or None, and a sentence among the problems."""
    try:
        return encoding.metric(part) if isinstance(part, Metric) else encoding.encode(part)
    except ValueError as error:
        problems.append(f"{name!r}: {error}")
        return None

"""Models written to files, and models made from files."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from minidl import losses, metrics
from minidl.backend import current
from minidl.layers import Input, Layer
from minidl.layers.shapes import shape_of
from minidl.losses import Loss
from minidl.names.in_files import noting, reading
from minidl.network.concurrency import undisturbed
from minidl.optimizers import Optimizer
from minidl.saving.archive import Archive, MalformedError
from minidl.saving.atomic import may_replace, replacing
from minidl.saving.codec import decode, decode_row, describe, flat
from minidl.saving.reading import Extra, Saved, is_path, opened, read
from minidl.saving.text import LAYERS
from minidl.saving.writing import check_ending, write


def save_model(
    model: Any, filepath: Any, extra: Extra | None = None, *, overwrite: bool = True
) -> None:
    """Write the model to ``filepath``; an older file is replaced once the new file is complete.

    Before the replacement, the new file's checksums, sizes and classes are read again.

    Args:
        model: any model; built here if necessary.
        filepath: a path, see :func:`minidl.saving.atomic.replacing`; or a file object that is open
            for writing bytes.
        extra: content beside the model; None for nothing.
        overwrite: whether an existing file is replaced; default True.

    Raises:
        ValueError: the file could not be loaded again; or two classes of the model have the same
            name; or the path ends in ``.h5`` or ``.hdf5``.
        TypeError: ``filepath`` is neither a path nor a file object.
        FileExistsError: the file exists, and ``overwrite`` is False.
        OSError: the file cannot be written.
    """
    if not is_path(filepath) and not hasattr(filepath, "write"):
        kind = type(filepath).__name__
        raise TypeError(f"expected a path or a file that is open for writing, received {kind}")
    if is_path(filepath):
        check_ending(filepath)
        may_replace(filepath, overwrite)
    model.build()
    with noting() as own:
        config, vectors = undisturbed(model, lambda: (describe(model), _vectors(model)))

    def fill(file: BinaryIO) -> None:
        write(file, config, vectors, extra or Extra())
        with reading(own):
            _prove(file)

    if is_path(filepath):
        with replacing(filepath) as file:
            fill(file)
        return
    buffer = io.BytesIO()
    fill(buffer)
    left = buffer.getbuffer()
    while left:
        # An unbuffered file may accept only a part.
        left = left[filepath.write(left) :]


def _vectors(model: Any) -> dict[str, np.ndarray]:
    """Copies of everything that training changes, so that training may continue meanwhile."""
    vectors = {"theta": model.theta, "statistics": model.statistics.theta}
    if model.optimizer is not None:
        for name, vector in model.optimizer.state.items():
            vectors[f"optimizer/{name}"] = vector
    return {name: np.array(model.backend.to_host(vector)) for name, vector in vectors.items()}


def load_model(
    source: Any,
    kind: Callable[..., Any],
    custom_objects: Mapping[str, Any] | None = None,
    allow_nonfinite: bool = False,
    compiled: bool = True,
) -> Any:
    """The model that :func:`save_model` wrote, under the backend in use.

    Args:
        source: a path, or a file object that is open for reading bytes.
        kind: the class of the model, Sequential.
        custom_objects: name -> class or activation function that is not registered.
        allow_nonfinite: whether vectors may hold NaN and infinity; default False.
        compiled: False leaves optimizer, loss and metrics of the file unread; default True.

    Raises:
        FileNotFoundError, PermissionError, IsADirectoryError: the file cannot be opened.
        FileFormatError: the file holds no model, is damaged or forged, or has a newer format.
    """
    return load_with_extra(source, kind, custom_objects, allow_nonfinite, compiled)[0]


def load_with_extra(
    source: Any,
    kind: Callable[..., Any],
    custom_objects: Mapping[str, Any] | None = None,
    allow_nonfinite: bool = False,
    compiled: bool = True,
) -> tuple[Any, Extra]:
    """The model and the extra content of one file.

    Arguments and errors are as for :func:`load_model`.
    """
    current()  # raises if the backend is missing, which is no fault of the file
    with reading(custom_objects), opened(source) as archive:
        saved = read(archive)
        if not compiled:
            saved = _without_training(saved)
        row, training = _parts(saved)
        if not allow_nonfinite:
            check_finite(saved)
        config = saved.config
        first = Input(tuple(config["input_shape"]))
        model = of_row(kind, [first, *row], config["name"], config["dtype"])
        model.shows_input = "shows_input" in config
        if training:
            optimizer, loss, plain, weighted = training
            model.compile(optimizer, loss, metrics=plain, weighted_metrics=weighted)
        # Initial values are drawn and overwritten: a stranger's initializer may exceed float32.
        with np.errstate(all="ignore"):
            model.build()
    fill(model, saved)
    return model, saved.extra


def of_row(kind: Callable[..., Any], row: list[Any], name: str, dtype: Any) -> Any:
    """A model of layers and of rows (name, layers), which become nested models."""
    entries = [
        each if isinstance(each, Layer) else of_row(kind, each[1], each[0], dtype) for each in row
    ]
    return kind(entries, name=name, dtype=dtype)


def _without_training(saved: Saved) -> Saved:
    """The file's network, as if the model had not been compiled."""
    config = {name: item for name, item in saved.config.items() if name != "optimizer"}
    kept = {name: each for name, each in saved.arrays.items() if not name.startswith("optimizer/")}
    return Saved(config, kept, saved.extra)


def fill(model: Any, saved: Saved) -> None:
    """Put a file's numbers into a model of the same network and optimizer.

    Args:
        model: a new model, compiled if the file has an optimizer.
        saved: content from :func:`read_file`.

    Raises:
        ValueError: the file belongs to another network or another optimizer.
    """
    config, arrays = saved.config, saved.arrays
    model.seed = config["seed"]
    model.step = config["step"]
    model.build()
    for index, layer in enumerate(layer for layer in model.leaves if layer.draws):
        layer.address(model.seed, index)
    _put(model, "theta", model.theta, arrays)
    _put(model, "statistics", model.statistics.theta, arrays)
    optimizer = model.optimizer
    if optimizer is None or "optimizer" not in config:
        return
    optimizer.batches = config["iterations"]
    optimizer.accumulated_learning_rate = float(config.get("accumulated_learning_rate", 0))
    if optimizer.batches:
        optimizer.build(model.theta, model.parameters)
        for name, vector in optimizer.state.items():
            _put(model, f"optimizer/{name}", vector, arrays)


def check_finite(saved: Saved) -> None:
    """Raise if a vector of the model holds NaN or infinity.

    Raises:
        ValueError: names the vector.
    """
    for name, array in saved.arrays.items():
        # NaN and infinity show in minimum and maximum, without an array of booleans.
        if array.size and not np.isfinite([array.min(), array.max()]).all():
            raise MalformedError(
                f"{name}: expected finite numbers, received NaN or infinity "
                "(load_model(..., allow_nonfinite=True) takes them)"
            )


def _put(model: Any, name: str, vector: Any, arrays: dict[str, np.ndarray]) -> None:
    array = arrays.get(name)
    if array is None or array.shape != vector.shape:
        received = "none" if array is None else f"shape {array.shape}"
        raise ValueError(f"{name}: expected {vector.size} numbers, received {received}")
    vector[...] = model.backend.to_device(array.astype(model.dtype))


def _prove(file: BinaryIO) -> None:
    """Raise unless the file loads: make layers, optimizer, loss and metrics from the file."""
    try:
        archive = Archive(file)
        archive.check_members()
        _parts(read(archive, numbers=False))
    except (ValueError, TypeError) as error:
        raise ValueError(f"cannot save: the file could not be loaded again: {error}") from error


_Training = tuple[Optimizer, Loss, list[Any], list[Any]]


def _parts(saved: Saved) -> tuple[list[Any], _Training | None]:
    """The row of layers; and optimizer, loss, metrics and weighted metrics of a compiled model.

    Raises:
        ValueError, TypeError: an object cannot be made, or an array is missing, is unknown, or
            has the wrong size or type for the layers.
    """
    config = saved.config
    row = decode_row(config["layers"])
    layers = list(flat(row))
    if not 1 <= len(layers) <= LAYERS:
        raise MalformedError(f"expected 1 to {LAYERS} layers, received {len(layers)}")
    if any(isinstance(layer, Input) for layer in layers):
        raise MalformedError("expected layers that compute, received Input among them")
    _check_names(row)
    sizes = _sizes(layers, shape_of(config["input_shape"]))
    training = None
    if "optimizer" in config:
        optimizer, loss = decode(config["optimizer"], Optimizer), decode(config["loss"], Loss)
        optimizer.get_config()  # raises if the learning rate is no valid schedule
        loss = losses.compiled(loss, config.get("loss_weights"))
        plain, weighted = (
            [metrics.get(decode(item, metrics.Metric), loss) for item in config.get(name, [])]
            for name in ("metrics", "weighted_metrics")
        )
        training = optimizer, loss, plain, weighted
        # Raises if a tensor without weight decay belongs to no layer.
        optimizer.without_decay(
            f"{layer.name}/{tensor.name}" for layer in layers for tensor in layer.tensors.values()
        )
        slots = [f"optimizer/{slot}" for slot in optimizer.all_slots]
        needed = dict.fromkeys(slots, sizes["theta"])
        # Before the first step, the state may be missing.
        if config["iterations"] or needed.keys() & saved.arrays.keys():
            sizes |= needed
    for name in sizes.keys() ^ saved.arrays.keys():
        received = "none" if name in sizes else "it"
        raise MalformedError(f"expected the arrays {sorted(sizes)}, received {received}: {name}")
    for name, size in sizes.items():
        array = saved.arrays[name]
        if array.shape != (size,):
            raise MalformedError(f"{name}: expected {size} numbers, received shape {array.shape}")
        if array.dtype.newbyteorder("=") != np.dtype(config["dtype"]):
            raise MalformedError(f"{name}: expected {config['dtype']}, received {array.dtype}")
    return row, training


def _check_names(row: list[Any]) -> None:
    names = [each.name if isinstance(each, Layer) else each[0] for each in row]
    if len({*names}) < len(names):
        raise MalformedError("expected layers of different names, received one twice")
    for each in row:
        if not isinstance(each, Layer):
            _check_names(each[1])


def _sizes(layers: list[Layer], shape: tuple[int, ...]) -> dict[str, int]:
    """The numbers of parameters and of statistics; nothing is allocated for the count."""

    def counted() -> Iterator[tuple[int, int]]:
        nonlocal shape
        for layer in layers:
            if layer.declared_shape not in (None, shape):
                raise MalformedError(f"{layer.name}: expected the input_shape {shape}")
            layer.build(shape)
            shape = layer.output_shape
            yield _count(layer.tensors), _count(layer.statistics)

    found = list(counted())
    return {"theta": sum(n for n, _ in found), "statistics": sum(n for _, n in found)}


def _count(tensors: Any) -> int:
    return sum(math.prod(tensor.shape) for tensor in tensors.values())

"""A model's weights as a safetensors file with the names and shapes of PyTorch's ``state_dict``."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from minidl.interop.errors import ConversionError, file_name, package
from minidl.interop.pytorch.modules import Module, modules_of
from minidl.saving import FileFormatError
from minidl.saving.atomic import replacing

_NUMBERS = ("F16", "F32", "F64", "I64")


def save_state_dict(model: Any, path: str | os.PathLike[str]) -> None:
    """Write the ``state_dict`` that :func:`minidl.interop.to_torch` gives a model.

    The package torch is not needed. PyTorch reads the file with
    ``module.load_state_dict(safetensors.torch.load_file(path))``.

    Args:
        model: any model; built here if the input shape is known.
        path: path of the file, ``model.safetensors``; an existing file is replaced.

    Raises:
        ConversionError: PyTorch has no module for a layer, which the message names.
        ImportError: the package safetensors is missing.
        OSError: the file cannot be written.
        ValueError: the shape of a row is not known yet.
    """
    safetensors = package("safetensors.numpy", "torch", "save_state_dict")
    named = {
        f"{index}.{name}": np.ascontiguousarray(values).reshape(values.shape)
        for index, module in enumerate(modules_of(model))
        for name, values in module.state.items()
    }
    content = safetensors.save(named)
    with replacing(path) as file:
        file.write(content)


def load_state_dict(model: Any, path: str | os.PathLike[str]) -> None:
    """Overwrite a model's weights with a ``state_dict`` of PyTorch's, a safetensors file.

    Args:
        model: a model of known input shape; :func:`minidl.interop.to_torch` would make the same
            module.
        path: path of a file by ``safetensors.torch.save_file(module.state_dict(), path)``.

    Raises:
        FileFormatError: the file is no safetensors file, or is damaged.
        ConversionError: the model has no place for a tensor: another name or shape, a gamma or beta
            that the layer lacks, or a weight behind a Rescaling or Normalization, which PyTorch's
            weights contain.
        ImportError: the package safetensors is missing.
        OSError: the file cannot be read.
    """
    name = file_name(path)
    modules = modules_of(model)
    wanted = {
        f"{index}.{key}": (module, key, values)
        for index, module in enumerate(modules)
        for key, values in module.state.items()
        if key != "num_batches_tracked"
    }
    given = _read(name)
    given = {k: v for k, v in given.items() if not k.endswith(".num_batches_tracked")}
    if given.keys() != wanted.keys():
        raise ConversionError(
            f"{name}: expected the tensors {sorted(wanted)}, received {sorted(given)}"
        )
    tensors: dict[int, dict[str, np.ndarray]] = {}
    for key, (module, inner, values) in wanted.items():
        tensors.setdefault(id(module), {}).update(
            _fitting(name, key, module, inner, values, given[key])
        )
    layers, arrays = [], []
    for module in modules:
        if id(module) in tensors:
            found = tensors[id(module)]
            layers.append(module.layer)
            arrays += [found[k] for k in (*module.layer.tensors, *module.layer.statistics)]
    try:
        model.set_weights_of(layers, arrays)
    except ValueError as error:
        raise FileFormatError(name, str(error)) from error


def _fitting(
    file: str, key: str, module: Module, name: str, values: np.ndarray, given: np.ndarray
) -> dict[str, np.ndarray]:
    """The layer's tensor for a tensor of the file, by attribute."""
    if given.shape != values.shape:
        raise ConversionError(
            f"{file}: {key}: expected shape {values.shape}, received {given.shape}"
        )
    if name in module.names:
        attribute = module.names[name]
        shape = getattr(module.layer, attribute).shape
        return {attribute: given.T if attribute == "W" else given.reshape(shape)}
    if module.kind == "Linear":
        raise ConversionError(
            f"{file}: {key}: expected a model without Rescaling or Normalization before "
            f"{module.layer}, because the file's weights contain them; use from_torch"
        )
    if (given != values).any():
        raise ConversionError(f"{file}: {key}: {module.layer} has no such parameter")
    return {}


def _read(path: str) -> dict[str, np.ndarray]:
    """All tensors of a file."""
    safetensors = package("safetensors", "torch", "load_state_dict")
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            found = {}
            for key in file.keys():  # noqa: SIM118 - no mapping
                kind = file.get_slice(key).get_dtype()
                if kind not in _NUMBERS:
                    raise FileFormatError(
                        path, f"{key}: expected numbers of {', '.join(_NUMBERS)}, received {kind}"
                    )
                found[key] = file.get_tensor(key)
            return found
    except safetensors.SafetensorError as error:
        raise FileFormatError(path, f"expected a safetensors file: {error}") from error

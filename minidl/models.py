"""Models: the public names of networks; functions that clone, load and save a model.

The methods of a model are in the package :mod:`minidl.model`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl import saving
from minidl.interop import keras
from minidl.layers.names import next_name
from minidl.model import cloning, functional
from minidl.model.sequential import Sequential
from minidl.network import Network
from minidl.saving.reading import is_path

__all__ = [
    "Model",
    "Network",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_json",
    "save_model",
]


class Model(Sequential):
    """The row of layers from ``inputs`` to ``outputs``; see :mod:`minidl.model.functional`.

    Args:
        inputs: an Input, or the output of a layer that was called on one.
        outputs: the output of a later layer of the row.
        name: made from "functional" and a number if left out.

    Raises:
        TypeError, ValueError: several inputs or outputs, or no row between the two.
    """

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        if inputs is None or outputs is None:
            raise TypeError(
                "Model: expected inputs and outputs; put layers without an Input in Sequential, "
                "and write what is missing as a layer, with forward and backward"
            )
        self.shows_input = True
        row = functional.chain(inputs, outputs)
        super().__init__(row, name or next_name("Functional"), dtype)
        self.build()

    @property
    def _kind(self) -> type[Any]:
        return Sequential

    def _empty(self) -> Sequential:
        return Sequential(name=self.name, dtype=self.dtype)

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        return Sequential.from_config(config, custom_objects)


def clone_model(model: Sequential, clone_function: Any = None) -> Sequential:
    """A model of new layers with the same arguments, and with new initial weights.

    Args:
        model: any.
        clone_function: makes a new layer from a layer, by default with the same arguments.
    """
    more = () if clone_function is None else (clone_function,)
    made: Sequential = cloning.clone(Sequential, model, *more)
    return made


def model_from_json(
    json_string: str, custom_objects: Mapping[str, Any] | None = None
) -> Sequential:
    """A model of the layers that :meth:`Sequential.to_json` described, with new weights.

    Args:
        json_string: the text.
        custom_objects: as for :func:`load_model`.

    Raises:
        ValueError, TypeError: the text does not describe a model.
    """
    made: Sequential = cloning.from_text(Sequential, json_string, custom_objects)
    return made


def load_model(
    filepath: Any,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,  # noqa: A002
    allow_nonfinite: bool = False,
) -> Sequential:
    """The model that :meth:`Sequential.save` wrote, under the backend in use.

    The file may come from a stranger: it holds names and numbers, and no code to run. The memory
    and the time of loading follow from the size of the file.

    Args:
        filepath: a path, or a file object that is open for reading bytes. A path that ends in
            ``.keras`` may name a file of Keras 3; see :mod:`minidl.interop.keras`.
        custom_objects: classes, and activation functions, that the file names and
            :func:`minidl.register` does not know, by their names: {"Scale": Scale}.
        compile: whether the model comes back compiled, with the optimizer's state; default True.
            With False the optimizer, the loss and the metrics of the file are not read, and may be
            of unknown classes.
        allow_nonfinite: whether weights may be NaN or infinite; default False.

    Raises:
        FileNotFoundError, PermissionError, IsADirectoryError: no file that can be read.
        FileFormatError: no file of a model, a damaged file, a newer format, or an unknown class in
            the file. It is a ValueError; the message names the file and the reason.
        ImportError: a file of Keras, and no package h5py.
    """
    read = keras.load if is_path(filepath) and keras.is_keras(filepath) else saving.load_model
    model: Sequential = read(filepath, Sequential, custom_objects, allow_nonfinite, compile)
    return model


def save_model(model: Sequential, filepath: Any, overwrite: bool = True) -> None:
    """Call ``model.save(filepath, overwrite)``, which describes the arguments and the errors."""
    model.save(filepath, overwrite)

"""Small helpers with Keras's names."""

from __future__ import annotations

from minidl.backend.session import clear_session
from minidl.data.pydataset import PyDataset
from minidl.saving.serialization import (
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from minidl.seeds import set_random_seed
from minidl.utils.categorical import to_categorical
from minidl.utils.drawing import plot_model
from minidl.utils.files import get_file
from minidl.utils.norms import normalize

#: Keras's older name.
Sequence = PyDataset
CustomObjectScope = custom_object_scope

__all__ = [
    "CustomObjectScope",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "normalize",
    "plot_model",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "to_categorical",
]

"""Models in files: one NumPy .npz archive of numbers and names, without code and without pickles.

A file of format 2 is a zip archive of uncompressed members:

    config.json             class names and arguments of the layers, the optimizer, the loss and the
                            metrics; the seed and the counts of steps.
    theta.npy               all trainable parameters, one vector.
    statistics.npy          the running statistics, one vector.
    optimizer/NAME.npy      the optimizer's state, vectors of theta's size.
    extra.json, extra/….npy extra content (:class:`Extra`), for example of a checkpoint.

After :func:`load_model`, training continues as if it had never stopped. The archive's comment is
``minidl sha256 `` and 64 digits, the SHA-256 of all bytes before the digits: ``head -c -64 FILE |
sha256sum`` prints the same digits. A file of format 1, the older format, has no extra content and
only the checksums of the zip archive. minidl will always read both formats.

Files may come from strangers. Before memory is allocated, the stated sizes are compared with the
size of the file, and the number of parameters with the layers. Nothing in a file is run.

``models.py`` saves and loads. ``writing.py`` writes an archive, and ``reading.py`` reads an archive
without making a network, both with ``archive.py`` (zip) and ``arrays.py`` (.npy). ``atomic.py``
replaces the old file. ``codec.py`` makes JSON of objects, ``text.py`` of a configuration, and
``json_values.py`` of values. ``weight_files.py`` has files of weights alone, ``serialization.py``
names of Keras.
"""

from __future__ import annotations

from minidl.saving.archive import FileFormatError
from minidl.saving.codec import describe
from minidl.saving.models import fill, load_model, load_with_extra, save_model
from minidl.saving.reading import Extra, Saved, read_file
from minidl.saving.serialization import (
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)

#: Keras's second name for custom_object_scope.
CustomObjectScope = custom_object_scope

__all__ = [
    "CustomObjectScope",
    "Extra",
    "FileFormatError",
    "Saved",
    "custom_object_scope",
    "describe",
    "deserialize_keras_object",
    "fill",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_with_extra",
    "read_file",
    "register_keras_serializable",
    "save_model",
    "serialize_keras_object",
]

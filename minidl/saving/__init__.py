"""Models in files: one NumPy .npz archive of numbers and names, without code and without pickles.

A file of format 2 holds, in a zip archive whose members are not compressed,

    config.json             the layers, the optimizer, the loss and the metrics by class name, with
                            their arguments; the seed and the counts of steps
    theta.npy               all trainable parameters, one vector
    statistics.npy          what training moves by other means
    optimizer/NAME.npy      the optimizer's state, a vector of theta's size each
    extra.json, extra/….npy what somebody stored beside the model (:class:`Extra`)

so that training goes on after :func:`load_model` as if it had not stopped. The archive's comment is
``minidl sha256 `` and the SHA-256 of all bytes before its 64 digits: ``head -c -64 FILE |
sha256sum`` prints it. A file of format 1, which minidl 0.1 wrote, has no extra content and no
checksum but those of the zip archive; it is read for ever.

Files may come from strangers. Sizes are compared with what the file has, and the number of
parameters with the layers, before anything is allocated; nothing that a file says is run.
"""

from __future__ import annotations

from minidl.saving.archive import FileFormatError
from minidl.saving.codec import describe
from minidl.saving.models import fill, load_model, load_with_extra, save_model
from minidl.saving.reading import Extra, Saved, read_file

__all__ = [
    "Extra",
    "FileFormatError",
    "Saved",
    "describe",
    "fill",
    "load_model",
    "load_with_extra",
    "read_file",
    "save_model",
]

"""Keras 3 files that end in ``.keras``: a model, the weights and the optimizer's state.

A file is a zip archive of ``metadata.json``; ``config.json``, names and arguments of the layers,
of the optimizer, the loss and the metrics; and ``model.weights.h5``, the tensors followed by the
optimizer's state. Keras describes the form in :mod:`keras.saving`.

The reader looks up a class name of the file among minidl's classes and the caller's
``custom_objects``. Nothing in the file is run: no Lambda, no function, no module named there.
"""

from __future__ import annotations

from minidl.interop.keras.loading import is_keras, load
from minidl.interop.keras.saving import ENDING, save

__all__ = ["ENDING", "is_keras", "load", "save"]

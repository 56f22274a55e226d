"""Files of Keras 3 that end in ``.keras``: a model with its weights and its optimizer's state.

A file is a zip archive of ``metadata.json``; ``config.json``, names and arguments of the layers,
of the optimizer, the loss and the metrics; and ``model.weights.h5``, the tensors, and the
optimizer's state after them. Keras describes the form in :mod:`keras.saving`.

The name of a class in the file is looked up among minidl's classes and those that the reader hands
over. Nothing in the file is run: no Lambda, no function, no module named there.
"""

from __future__ import annotations

from minidl.interop.keras.loading import is_keras, load
from minidl.interop.keras.saving import ENDING, save

__all__ = ["ENDING", "is_keras", "load", "save"]

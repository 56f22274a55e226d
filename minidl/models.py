"""The models: what a network is by name, and how one comes back from a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minidl import saving
from minidl.network import Network
from minidl.training import Sequential

__all__ = ["Network", "Sequential", "load_model"]


def load_model(
    filepath: Any,
    custom_objects: Mapping[str, Any] | None = None,
    allow_nonfinite: bool = False,
) -> Sequential:
    """The model that :meth:`Sequential.save` wrote, under the backend in use.

    The file may come from a stranger: it holds names and numbers, and nothing of it is run. What
    loading takes of memory and time follows from the size of the file.

    Args:
        filepath: a path, or a file object that is open for reading bytes.
        custom_objects: classes, and activation functions, that the file names and
            :func:`minidl.register` does not know, by their names: {"Scale": Scale}.
        allow_nonfinite: whether weights may be NaN or infinite; default False.

    Raises:
        FileNotFoundError, PermissionError, IsADirectoryError: no file that can be read.
        FileFormatError: no file of a model, or a damaged one, or one of a newer format, or one that
            names an unknown class. It is a ValueError; the message names the file and the reason.
    """
    model: Sequential = saving.load_model(filepath, Sequential, custom_objects, allow_nonfinite)
    return model

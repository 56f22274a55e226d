"""The models: what a network is by name, and how one comes back from a file."""

from __future__ import annotations

import os

from minidl import saving
from minidl.network import Network
from minidl.training import Sequential

__all__ = ["Network", "Sequential", "load_model"]


def load_model(filepath: str | os.PathLike[str]) -> Sequential:
    """The model that :meth:`Sequential.save` wrote, under the backend in use.

    Raises:
        FileNotFoundError, PermissionError, IsADirectoryError: no file that can be read.
        ValueError: not such a file, a damaged one, or one of a newer format.
    """
    model: Sequential = saving.load_model(filepath, Sequential)
    return model

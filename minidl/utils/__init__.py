"""Small helpers with Keras's names."""

from __future__ import annotations

from minidl.backend.session import clear_session
from minidl.seeds import set_random_seed
from minidl.utils.categorical import to_categorical
from minidl.utils.drawing import plot_model
from minidl.utils.files import get_file
from minidl.utils.norms import normalize

__all__ = [
    "clear_session",
    "get_file",
    "normalize",
    "plot_model",
    "set_random_seed",
    "to_categorical",
]

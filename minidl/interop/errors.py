"""The error of models that one side lacks, and checks that all formats share."""

from __future__ import annotations

import importlib
import os
from typing import Any

from minidl.saving import FileFormatError


class ConversionError(ValueError):
    """Error of a sound model that the other format cannot hold, or that minidl has no layers for.

    The message names the layers, or the operators, and another way. A file that is broken is a
    :class:`minidl.FileFormatError` instead.
    """


def file_name(path: Any) -> str:
    """The name of a file to read, which is no device and no FIFO: reading these may never end.

    Raises:
        FileFormatError: it is one.
        TypeError: no path.
    """
    if not isinstance(path, str | bytes | os.PathLike) or b"\0" in os.fsencode(path):
        raise TypeError(f"expected the path of a file, received {type(path).__name__}")
    name = os.fsdecode(path)
    if os.path.exists(name) and not (os.path.isfile(name) or os.path.isdir(name)):
        raise FileFormatError(name, "expected a file, received a device or a FIFO")
    return name


def package(name: str, extra: str, purpose: str) -> Any:
    """The package of an extra.

    Raises:
        ImportError: the package is missing; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{purpose} needs the package {name}: pip install 'minidl[{extra}]'"
        ) from error

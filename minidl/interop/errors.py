"""The error of models that one side lacks, and checks that all formats share."""

from __future__ import annotations

import importlib
import os
from typing import Any

from minidl.saving.reading import regular


class ConversionError(ValueError):
    """Error of a sound model that the other format cannot hold, or that minidl has no layers for.

    The message names the layers, or the operators, and another way. A file that is broken is a
    :class:`minidl.FileFormatError` instead.
    """


def file_name(path: Any) -> str:
    """The name of a file that can be opened, for packages that take a name.

    Raises:
        FileFormatError: a device or a FIFO, which may never end.
        TypeError: no path.
        OSError: the file cannot be read.
    """
    if not isinstance(path, str | bytes | os.PathLike) or b"\0" in os.fsencode(path):
        raise TypeError(f"expected the path of a file, received {type(path).__name__}")
    regular(path).close()
    return os.fsdecode(path)


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

"""The error for models that cannot be converted, and checks that all formats share."""

from __future__ import annotations

import importlib
import os
from typing import Any

from minidl.saving.reading import regular


class ConversionError(ValueError):
    """A sound model cannot be converted: the other format, or minidl, lacks a layer.

    The message names the layers, or the operators, and another way. A broken file raises
    :class:`minidl.FileFormatError` instead.
    """


def file_name(path: Any) -> str:
    """The name of a file that can be opened, for packages that take a name.

    Raises:
        FileFormatError: the path names a device or a FIFO, which may never end.
        TypeError: the argument is no path.
        OSError: the file cannot be read.
    """
    if not isinstance(path, str | bytes | os.PathLike) or b"\0" in os.fsencode(path):
        raise TypeError(f"expected the path of a file, received {type(path).__name__}")
    regular(path).close()
    return os.fsdecode(path)


def package(name: str, extra: str, purpose: str, instead: str = "") -> Any:
    """Import a module of a package that an extra installs.

    Args:
        name: name of the module.
        extra: the extra of minidl.
        purpose: beginning of the message.
        instead: for the message, the ending of a file name that needs no such package.

    Raises:
        ImportError: the package is missing; the message tells how to install the package.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        other = f"; or choose a path that ends in {instead}" if instead else ""
        raise ImportError(
            f"{purpose} needs the package {name.partition('.')[0]}: pip install "
            f"'minidl[{extra}]'{other}"
        ) from error

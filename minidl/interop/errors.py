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


def package(name: str, extra: str, purpose: str, instead: str = "") -> Any:
    """A module of a package that an extra installs.

    Args:
        name: of the module.
        extra: of minidl.
        purpose: begins the message.
        instead: the end of a path that needs no such package, for the message.

    Raises:
        ImportError: the package is missing; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        other = f"; or choose a path that ends in {instead}" if instead else ""
        raise ImportError(
            f"{purpose} needs the package {name.partition('.')[0]}: pip install "
            f"'minidl[{extra}]'{other}"
        ) from error

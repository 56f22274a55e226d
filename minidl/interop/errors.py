"""The error of models that one side has and the other side lacks."""

from __future__ import annotations

import importlib
from typing import Any


class ConversionError(ValueError):
    """Error of a sound model that the other format cannot hold, or that minidl has no layers for.

    The message names the layers, or the operators, and another way. A file that is broken is a
    :class:`minidl.FileFormatError` instead.
    """


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

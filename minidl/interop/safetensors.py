"""Arrays in safetensors files, by the package safetensors.

The package compares each size that a file states with the length of the file, and runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.saving.archive import MalformedError

#: The module, its extra, and its purpose, for :func:`minidl.interop.errors.package`.
PACKAGE = "safetensors.numpy", "safetensors", "a file of safetensors"

# Kinds of numbers that both NumPy and the package have.
_KINDS = "fiub"


def written(numpy: Any, arrays: Mapping[str, np.ndarray]) -> bytes:
    """The content of a file with the arrays.

    Args:
        numpy: the module, from :func:`package`.
        arrays: name -> array.
    """
    content: bytes = numpy.save({k: np.ascontiguousarray(v) for k, v in arrays.items()})
    return content


def read(numpy: Any, content: bytes) -> dict[str, np.ndarray]:
    """The arrays of a file, by name.

    Args:
        numpy: the module, from :func:`package`.
        content: content of the file.

    Raises:
        MalformedError: no safetensors file, a damaged file, or a type of numbers that NumPy lacks.
    """
    try:
        found: dict[str, np.ndarray] = numpy.load(content)
    except MemoryError:
        raise
    # The package raises an error of its own, and KeyError for types that NumPy lacks.
    except Exception as error:
        raise MalformedError(
            f"expected a file of safetensors, received another: {error}"
        ) from error
    for name, array in found.items():
        if array.dtype.kind not in _KINDS:
            raise MalformedError(f"{name}: expected numbers, received {array.dtype}")
    return found

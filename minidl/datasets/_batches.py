"""A dictionary of bytes, lists and one array of bytes out of a pickle, with nothing executed.

CIFAR's batches are pickles of Python 2. See :mod:`minidl.datasets._unpickling`.
"""

from __future__ import annotations

import io
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.datasets._files import DataFileError
from minidl.datasets._opcodes import check_memo
from minidl.datasets._unpickling import Reconstruct, Restricted, numpy_names


def read_batch(content: bytes, file: Path, columns: int) -> tuple[NDArray[np.uint8], list[int]]:
    """The array `data` (rows, columns) and the list `labels` of a pickled batch.

    Args:
        content: the pickle.
        file: for messages.
        columns: of the array.

    Raises:
        DataFileError: damaged, or the pickle asks for anything but an array of bytes, lists,
            bytes and integers.
    """
    try:
        check_memo(content)
        batch = _BatchUnpickler(io.BytesIO(content), encoding="bytes").load()
        if not isinstance(batch, dict):
            raise pickle.UnpicklingError(f"a pickled {type(batch).__name__}")
        found = {_text(key): value for key, value in batch.items() if isinstance(key, bytes | str)}
        data, labels = found.get("data"), found.get("labels")
        if not isinstance(data, _ArrayStandIn) or not isinstance(labels, list):
            raise pickle.UnpicklingError("no data or no labels")
        pixels = data.array()
        if pixels.shape != (len(labels), columns):
            raise pickle.UnpicklingError(f"data of shape {pixels.shape}, {len(labels)} labels")
        if set(map(type, labels)) != {int}:
            raise pickle.UnpicklingError("labels that are no integers")
    except Exception as error:  # a forged or damaged pickle can raise any error
        raise DataFileError(
            file,
            f"expected a batch of data (rows, {columns}) and labels, received "
            f"{str(error) or type(error).__name__}",
        ) from error
    return pixels, labels


def _text(key: bytes | str) -> str:
    return key.decode("latin-1") if isinstance(key, bytes) else key


class _DtypeStandIn:
    """Stands for the dtype of bytes without a sign."""

    __slots__ = ()

    def __setstate__(self, state: object) -> None:
        """Byte order and the like, which single bytes have not."""


class _ArrayStandIn:
    """Stands for an array: the state as it was read."""

    __slots__ = ("_state",)
    _state: tuple[Any, ...]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._state = state

    def array(self) -> NDArray[np.uint8]:
        """The array, of the pickle's own bytes."""
        _, shape, dtype, by_columns, values = self._state
        if not isinstance(dtype, _DtypeStandIn) or by_columns:
            raise pickle.UnpicklingError("an array of another type or order")
        sizes = isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape)
        if not sizes or not isinstance(values, bytes) or math.prod(shape) != len(values):
            raise pickle.UnpicklingError("an array whose shape and bytes disagree")
        found: NDArray[np.uint8] = np.frombuffer(values, np.uint8).reshape(shape)
        return found


class _DtypeName:
    __slots__ = ()

    def __call__(self, code: bytes | str, *_: object) -> _DtypeStandIn:
        if not isinstance(code, bytes | str) or _text(code) != "u1":
            raise pickle.UnpicklingError(f"the dtype {code!r}")
        return _DtypeStandIn()


class _ReconstructName(Reconstruct):
    __slots__ = ()
    array = _ArrayStandIn


class _BatchUnpickler(Restricted):
    """Reads a pickled batch; see the module's docstring."""

    admitted = numpy_names(_DtypeName(), _reconstruct=_ReconstructName())

"""Lists and integers out of an `.npz` file with pickled object arrays, with nothing executed.

NumPy stores an array of lists as a pickle, and a pickle may call anything importable. The unpickler
here answers the few names that NumPy writes for such an array with plain Python stand-ins, never
with NumPy's classes: with NumPy's a forged pickle could build arrays over any memory.
Every other name is refused.
"""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.datasets._files import DataFileError
from minidl.datasets._opcodes import check_memo
from minidl.datasets._unpickling import Reconstruct, Restricted, numpy_names

# Deflated lists of integers become some three times as large, an array of labels 30 times.
_RATIO, _SMALL = 100, 1 << 20
_HEADER = 1000  # bytes of a header: that of one axis has 118

_INTEGER_CODES = frozenset({"i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"})


def read_npz(file: Path, names: Sequence[str]) -> list[list[Any] | NDArray[Any]]:
    """The one-dimensional arrays `names` of `file`: a list for each array of objects.

    The lists hold lists, integers and other plain Python values from the file; the caller checks
    the values.

    Raises:
        DataFileError: the file is damaged, lacks one of `names`, or its pickle asks for anything
            but an array of objects, lists and integers.
    """
    contents = members(file, names)
    return [_read_npy(each, file, name) for each, name in zip(contents, names, strict=True)]


def members(file: Path, names: Sequence[str]) -> list[bytes]:
    """The content of the `.npy` members of these names.

    Raises:
        DataFileError: the file is damaged, or lacks one of `names`.
    """
    content = io.BytesIO(file.read_bytes())
    try:
        with zipfile.ZipFile(content) as archive:
            missing = [name for name in names if f"{name}.npy" not in archive.namelist()]
            if missing:
                raise DataFileError(
                    file, f"expected arrays {', '.join(names)}, received none named {missing[0]}"
                )
            found = [archive.getinfo(f"{name}.npy") for name in names]
            return [_unpacked(archive, member) for member in found]
    except (DataFileError, MemoryError):
        raise
    # A damaged archive raises any error of zipfile and zlib.
    except Exception as error:
        raise DataFileError(file, f"expected an intact .npz file, received {error}") from error


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The bytes of a member, in memory of the file's own size."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("a compression that NumPy does not write")
    if member.file_size > _RATIO * member.compress_size + _SMALL:
        sizes = f"{member.compress_size} bytes that become {member.file_size}"
        raise ValueError(f"{sizes}: the file may be hostile")
    with archive.open(member) as stream:
        content = stream.read(member.file_size)
        # Reading to the end compares the CRC that the archive holds.
        if len(content) != member.file_size or stream.read(1):
            raise ValueError(f"{len(content)} bytes in place of {member.file_size}")
    return content


def opened(content: bytes) -> tuple[io.BytesIO, tuple[int, ...], np.dtype[Any]]:
    """A stream behind the header of a `.npy` member, the shape and the type.

    Raises:
        ValueError: no such header, or one longer than NumPy's.
    """
    if int.from_bytes(content[8:10], "little") > _HEADER:
        raise ValueError("a header longer than NumPy's")
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    else:
        raise ValueError(f"version {version} of the .npy format")
    return stream, shape, dtype


def array_of(content: bytes) -> NDArray[Any]:
    """The array of numbers in a `.npy` member.

    Raises:
        ValueError: objects, or a shape that the bytes do not fill.
    """
    stream, shape, dtype = opened(content)
    if dtype.hasobject:
        raise ValueError("objects, which stand in a pickle")
    if math.prod(shape) * dtype.itemsize != len(content) - stream.tell():
        raise ValueError(f"shape {shape} over {len(content) - stream.tell()} bytes")
    stream.seek(0)
    array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
    return array


def _read_npy(content: bytes, file: Path, name: str) -> list[Any] | NDArray[Any]:
    """The array in one `.npy` member (format: numpy.lib.format)."""
    try:
        stream, shape, dtype = opened(content)
        if len(shape) != 1:
            raise ValueError(f"shape {shape}")
        if dtype == np.dtype(object):
            check_memo(content, stream.tell())
            items = _ListUnpickler(stream).load_items()
            if len(items) != shape[0]:
                raise ValueError(f"shape {shape} over {len(items)} items")
            # One list can stand in many places, and would become large only when it is used.
            total = sum(len(item) for item in items if isinstance(item, list))
            if total > len(content):
                raise ValueError(f"lists of {total} items in {len(content)} bytes")
            return items
        return array_of(content)
    except Exception as error:  # a forged or damaged pickle can raise any error
        raise DataFileError(
            file,
            f"expected {name} to be a one-dimensional array of lists and integers, "
            f"received {str(error) or type(error).__name__}",
        ) from error


class _DtypeStandIn:
    """Stands for a `numpy.dtype`: code, such as `O8` or `i8`, and byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: str) -> None:
        self.code = code
        self.order = "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        # (version, byte order, subdtype, names, fields, size, alignment, flags)
        self.order = state[1]


class _ArrayStandIn:
    """Stands for an array of objects: the list of the items."""

    __slots__ = ("items",)
    items: list[Any]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, _, items = state
        if not isinstance(dtype, _DtypeStandIn) or not dtype.code.startswith("O"):
            raise pickle.UnpicklingError("an array whose items are not objects")
        if not isinstance(items, list) or shape != (len(items),):
            raise pickle.UnpicklingError("an array whose shape and items disagree")
        self.items = items


class _DtypeName:
    __slots__ = ()

    def __call__(self, code: str, *_: object) -> _DtypeStandIn:
        if code not in _INTEGER_CODES and code not in ("O", "O4", "O8"):
            raise pickle.UnpicklingError(f"the dtype {code!r}")
        return _DtypeStandIn(code)


class _ReconstructName(Reconstruct):
    __slots__ = ()
    array = _ArrayStandIn


class _ScalarName:
    __slots__ = ()

    def __call__(self, dtype: object, data: bytes) -> int:
        if not isinstance(dtype, _DtypeStandIn) or dtype.code not in _INTEGER_CODES:
            raise pickle.UnpicklingError("a scalar that is no integer")
        if len(data) != int(dtype.code[1]):
            raise pickle.UnpicklingError(f"an integer {dtype.code} of {len(data)} bytes")
        return int.from_bytes(
            data, "big" if dtype.order == ">" else "little", signed=dtype.code[0] == "i"
        )


class _ListUnpickler(Restricted):
    """Reads a pickled array of objects as a list; see the module's docstring."""

    admitted = numpy_names(_DtypeName(), _reconstruct=_ReconstructName(), scalar=_ScalarName())

    def load_items(self) -> list[Any]:
        """The items of the array that the pickle holds."""
        array = self.load()
        if not isinstance(array, _ArrayStandIn):
            raise pickle.UnpicklingError(f"a pickled {type(array).__name__}")
        return array.items

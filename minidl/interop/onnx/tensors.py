"""ONNX files, read with distrust: no tensor has more numbers than the file has bytes for."""

from __future__ import annotations

import math
import os
import re
import stat
from typing import Any

import numpy as np

from minidl.interop.errors import package
from minidl.interop.onnx.functions import onnx
from minidl.saving import FileFormatError
from minidl.saving.archive import MalformedError

#: Types of tensors that are read: types of attributes and weights, and booleans.
_TYPES = {1: np.float32, 10: np.float16, 11: np.float64, 6: np.int32, 7: np.int64, 9: np.bool_}
_FIELDS = {
    1: "float_data", 10: "int32_data", 11: "double_data", 6: "int32_data", 7: "int64_data",
    9: "int32_data",
}  # fmt: skip
_EXTERNAL = 1  # TensorProto.DataLocation
_COUNT = re.compile(r"[0-9]{1,18}")
#: File names that lead to no other folder, on any system.
_NAME = re.compile(r"[^/\\:\0]*[^/\\:\0.]")


def read_model(name: str) -> Any:
    """The ModelProto of a file, with tensors still unchecked.

    Raises:
        FileFormatError: the file is no ONNX file.
        OSError: the file cannot be read.
    """
    with open(name, "rb") as file:
        content = file.read()
    proto = onnx().ModelProto()
    try:
        proto.ParseFromString(content)
    except package("google.protobuf.message", "onnx", "ONNX").DecodeError as error:
        raise FileFormatError(
            str(name), f"expected a file of ONNX, received another: {error}"
        ) from error
    if not proto.HasField("graph") or not proto.opset_import:
        raise FileFormatError(name, "expected a graph and the versions of its operators")
    return proto


class Beside:
    """The files beside an ONNX file, in which exporters such as PyTorch's keep the numbers.

    Args:
        path: path of the ONNX file.
    """

    def __init__(self, path: str) -> None:
        self._folder = os.path.dirname(path)
        self._read: dict[str, int] = {}

    def read(self, tensor: Any, size: int) -> bytes:
        """The bytes of a tensor.

        Raises:
            MalformedError: the name might lead out of the folder, no plain file has the name, or
                the file has fewer bytes than the tensors.
        """
        said = {str(each.key): str(each.value) for each in tensor.external_data}
        name = said.get("location", "")
        start, length = (said.get(key, "0") for key in ("offset", "length"))
        if not _NAME.fullmatch(name) or not all(map(_COUNT.fullmatch, (start, length))):
            raise MalformedError(
                f"tensor {tensor.name!r}: expected the name of a file beside this one, and numbers "
                f"for its offset and length, received {said}"
            )
        path = os.path.join(self._folder, name)
        try:
            found = os.lstat(path)
        except OSError as error:
            raise MalformedError(f"expected the file {path} beside this one: {error}") from error
        self._read[name] = self._read.get(name, 0) + size
        if (
            not stat.S_ISREG(found.st_mode)
            or ("length" in said and int(length) != size)
            or int(start) + size > found.st_size
            # Tensors that share bytes could be many more than the file has.
            or self._read[name] > found.st_size
        ):
            raise MalformedError(
                f"tensor {tensor.name!r}: expected a plain file with {size} bytes at {start}, and "
                f"room for other tensors beside, received {path} of {found.st_size} bytes, length "
                f"{length}"
            )
        with open(path, "rb") as file:
            file.seek(int(start))
            return file.read(size)


def array(tensor: Any, beside: Beside | None = None) -> np.ndarray:
    """The numbers of a TensorProto.

    Args:
        tensor: a tensor of the file.
        beside: reader of the files beside; None if the numbers must be in the ONNX file itself.

    Raises:
        MalformedError: the type or the count of the numbers is wrong, or the tensor lies in a file
            in another folder.
    """
    shape, kind = tuple(tensor.dims), tensor.data_type
    if kind not in _TYPES:
        known = ", ".join(np.dtype(each).name for each in _TYPES.values())
        raise MalformedError(f"tensor {tensor.name!r}: expected {known}, received type {kind}")
    if any(size < 0 for size in shape) or len(shape) > 8:
        raise MalformedError(f"tensor {tensor.name!r}: expected a shape, received {shape[:9]}")
    dtype, count = np.dtype(_TYPES[kind]).newbyteorder("<"), math.prod(shape)
    elsewhere = tensor.data_location == _EXTERNAL or bool(tensor.external_data)
    if elsewhere:
        if beside is None:
            raise MalformedError(f"tensor {tensor.name!r}: expected numbers in the file itself")
        raw = beside.read(tensor, count * dtype.itemsize)
        return np.frombuffer(raw, dtype).astype(dtype.newbyteorder("=")).reshape(shape)
    if tensor.HasField("raw_data"):
        received = len(tensor.raw_data) / dtype.itemsize
    else:
        received = len(getattr(tensor, _FIELDS[kind]))
    if received != count:
        raise MalformedError(
            f"tensor {tensor.name!r}: expected {count} numbers for the shape {shape}, received "
            f"{received:g}"
        )
    if tensor.HasField("raw_data"):
        values = np.frombuffer(tensor.raw_data, dtype)
    else:
        given = np.array(getattr(tensor, _FIELDS[kind]), None if kind != 10 else np.int64)
        values = given.astype(np.uint16).view(np.float16) if kind == 10 else given.astype(dtype)
    return values.astype(dtype.newbyteorder("=")).reshape(shape)


def constant(node: Any) -> np.ndarray:
    """The value of a node Constant.

    Raises:
        MalformedError: the value is not numeric.
    """
    for attribute in node.attribute:
        if attribute.name == "value":
            return array(attribute.t)
        if attribute.name == "value_float":
            return np.array(attribute.f, np.float32)
        if attribute.name == "value_floats":
            return np.array(attribute.floats, np.float32)
        if attribute.name == "value_int":
            return np.array(attribute.i, np.int64)
        if attribute.name == "value_ints":
            return np.array(attribute.ints, np.int64)
    raise MalformedError(f"node {node.name!r}: expected a constant of numbers, received another")

"""Files of ONNX, read with distrust: no tensor has more numbers than the file has bytes for."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

from minidl.interop.errors import package
from minidl.interop.onnx_functions import onnx
from minidl.saving import FileFormatError
from minidl.saving.archive import MalformedError

#: Types of tensors that are read: numbers of an attribute's or a weight's kind.
_TYPES = {1: np.float32, 10: np.float16, 11: np.float64, 6: np.int32, 7: np.int64}
_FIELDS = {
    1: "float_data", 10: "int32_data", 11: "double_data", 6: "int32_data", 7: "int64_data",
}  # fmt: skip
_EXTERNAL = 1  # TensorProto.DataLocation


def read_model(path: str | os.PathLike[str]) -> Any:
    """The ModelProto of a file; tensors are not looked at yet, and other files never.

    Raises:
        FileFormatError: no file of ONNX.
        OSError: the file cannot be read.
    """
    name = os.fspath(path)
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
        raise FileFormatError(str(name), "expected a graph and the versions of its operators")
    return proto


def array(tensor: Any) -> np.ndarray:
    """The numbers of a TensorProto.

    Raises:
        MalformedError: the tensor lies in another file, has another kind of numbers, or more or
            fewer than its shape says.
    """
    shape, kind = tuple(tensor.dims), tensor.data_type
    if tensor.data_location == _EXTERNAL or tensor.external_data:
        raise MalformedError(
            f"tensor {tensor.name!r}: expected numbers in the file itself, received the name of "
            "another file; write the model with save_as_external_data=False"
        )
    if kind not in _TYPES:
        known = ", ".join(np.dtype(each).name for each in _TYPES.values())
        raise MalformedError(f"tensor {tensor.name!r}: expected {known}, received type {kind}")
    if any(size < 0 for size in shape) or len(shape) > 8:
        raise MalformedError(f"tensor {tensor.name!r}: expected a shape, received {shape[:9]}")
    dtype, count = np.dtype(_TYPES[kind]).newbyteorder("<"), math.prod(shape)
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
        MalformedError: the value is none of numbers.
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

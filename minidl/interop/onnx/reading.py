"""A network from an ONNX file."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from minidl.interop.assembly import assembled
from minidl.interop.errors import ConversionError, file_name
from minidl.interop.onnx.activations import ACTIVATIONS, gated, own_function
from minidl.interop.onnx.builder import Builder
from minidl.interop.onnx.chain import Chain, Step
from minidl.interop.onnx.functions import DOMAIN
from minidl.interop.onnx.layers import LAYERS
from minidl.interop.onnx.tensors import Beside, read_model
from minidl.layers.base import Shape
from minidl.saving import FileFormatError
from minidl.saving.archive import MalformedError

#: The oldest opset that is read; operators of older opsets have other meanings.
OLDEST = 7
_READERS = {**LAYERS, **ACTIVATIONS}
#: Largest number of inputs of an operator; operators that are not listed have one input.
_INPUTS = {
    "Gemm": 3, "MatMul": 2, "Add": 2, "Sub": 2, "Mul": 2, "Div": 2, "BatchNormalization": 5,
    "LayerNormalization": 3, "PRelu": 2, "Reshape": 2, "Clip": 3, "Dropout": 3,
}  # fmt: skip
_KNOWN = ", ".join(_READERS)
_DOUBLE = 11  # TensorProto.DOUBLE


def from_onnx(path: str | os.PathLike[str], output: str | None = None) -> Any:
    """The model in an ONNX file, made of minidl's layers, so that training can continue.

    The graph is a row of operators from one input to the output: Gemm or MatMul, Add, Sub, Mul and
    Div with constants, activations, BatchNormalization, LayerNormalization, Flatten, Reshape,
    Identity, Cast, Dropout, and scikit-learn's Scaler. Files of dense networks from PyTorch, Keras
    (tf2onnx) and scikit-learn (perceptrons, skl2onnx) have this form. Constants before or after a
    product are put into the product's weights. A plain activation becomes the Dense layer's own.
    Dropout is left out, and float16 becomes float32. Both probabilities of a perceptron of two
    classes, 1 - p and p of a sigmoid p of z, become a softmax of two units: a first column of zeros
    stands before the weights and biases of z, because softmax(0, z) = (1 - p, p).

    The file may come from a stranger: no code is run, and memory follows from the file's size.
    Numbers may be in a second file of the same folder, as PyTorch writes by default. Files in other
    folders are never opened.

    Args:
        path: path of the file.
        output: name of the value to compute if the file has several outputs, or if only a part of
            the graph is wanted: "probabilities". Default None, the only output.

    Raises:
        FileFormatError: the file is no ONNX file or is damaged, or tensors lie in other folders.
        ConversionError: the graph is no such row, or minidl lacks a layer for an operator.
        ImportError: the package onnx is missing.
        OSError: the file cannot be read.
    """
    name = file_name(path)
    proto = read_model(name)
    try:
        # A number that is not finite is refused later, as a weight.
        with np.errstate(all="ignore"):
            return _model(proto, Beside(name), output)
    except MalformedError as error:
        raise FileFormatError(name, str(error)) from error
    except ConversionError as error:
        raise ConversionError(f"{name}: {error}") from error


def _model(proto: Any, beside: Beside, output: str | None) -> Any:
    opset = max(
        [each.version for each in proto.opset_import if each.domain in ("", "ai.onnx")] or [0]
    )
    if opset < OLDEST:
        raise ConversionError(f"expected operators of opset {OLDEST} or newer, received {opset}")
    if proto.graph.sparse_initializer:
        raise ConversionError("expected dense tensors, received sparse ones")
    chain = Chain(proto.graph, beside)
    source, steps = chain.steps(output)
    start = next(each for each in chain.inputs if each.name == source)
    shape, dtype = _row_shape(start), _dtype(steps, start)
    functions = {each.name: each for each in proto.functions if each.domain == DOMAIN}
    builder = Builder(shape)
    for step in steps:
        try:
            if step.operator.startswith(f"{DOMAIN}."):
                own_function(builder, step, functions, dtype)
            else:
                _read(step, builder)
        except (ConversionError, MalformedError):
            raise
        except ValueError as error:  # a number that the layer refuses
            raise ConversionError(f"operator {step}: {error}") from error
    try:
        return assembled(builder.parts(), shape, dtype, None)
    except ConversionError:
        raise
    except ValueError as error:
        raise MalformedError(str(error)) from error


def _read(step: Step, builder: Builder) -> None:
    """Append the layer of an operator; an operator with too many inputs is refused."""
    if step.gate is not None:
        gated(builder, step, step.gate)
        return
    if step.operator not in _READERS:
        raise ConversionError(f"operator {step}: minidl has no layer for it; expected {_KNOWN}")
    most = _INPUTS.get(step.operator, 1)
    if len(step.node.input) > most:
        raise ConversionError(
            f"operator {step}: expected at most {most} inputs, received {len(step.node.input)}"
        )
    _READERS[step.operator](builder, step)


def _row_shape(value: Any) -> Shape:
    """The shape of a row of an input, without the axis of rows."""
    sizes = [each.dim_value for each in value.type.tensor_type.shape.dim]
    if len(sizes) < 2 or len(sizes) > 8 or any(size < 1 for size in sizes[1:]):
        raise ConversionError(
            f"input {value.name!r}: expected rows of a known shape, (N, 784), received {sizes}, "
            "where 0 stands for an unknown size"
        )
    return tuple(sizes[1:])


def _dtype(steps: list[Step], start: Any) -> Any:
    """float64 if a constant, or without float constants the input, is float64; else float32."""
    found = {each.dtype for step in steps for each in step.constants.values()}
    if not any(each.kind == "f" for each in found):
        return np.float64 if start.type.tensor_type.elem_type == _DOUBLE else np.float32
    return np.float64 if np.dtype(np.float64) in found else np.float32

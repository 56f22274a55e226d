"""Layers for the operators of ONNX that have weights, constants or shapes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from minidl import layers as kinds
from minidl.interop.errors import ConversionError
from minidl.interop.onnx.attributes import attributes
from minidl.interop.onnx.builder import Builder
from minidl.interop.onnx.chain import Step
from minidl.layers.base import Shape


def _gemm(builder: Builder, step: Step) -> None:
    given = attributes(step.node, alpha=1.0, beta=1.0, transA=0, transB=0)
    W = step.constants.get(1)
    if W is None or given["transA"]:
        raise ConversionError(f"operator {step}: expected rows on the left, W on the right")
    product = builder.product(step, W.T if given["transB"] else W)
    product.W = product.W * given["alpha"]
    if 2 in step.constants:
        builder.affine(step, offset=step.constants[2] * np.float64(given["beta"]))


def _matmul(builder: Builder, step: Step) -> None:
    attributes(step.node)
    builder.product(step, step.constants.get(1, np.empty(0)))


def _arithmetic(builder: Builder, step: Step) -> None:
    """Add, Sub, Mul, Div with constants."""
    attributes(step.node)
    if len(step.constants) != 1:
        raise ConversionError(f"operator {step}: expected two inputs, one of them a constant")
    constant = next(iter(step.constants.values())).astype(np.float64)
    if step.operator == "Add":
        builder.affine(step, offset=constant)
    elif step.operator == "Sub" and step.place == 0:
        builder.affine(step, offset=-constant)
    elif step.operator == "Sub":
        builder.affine(step, -1.0, constant)
    elif step.operator == "Mul":
        builder.affine(step, constant)
    elif step.place == 0 and constant.all():
        builder.affine(step, 1 / constant)
    else:
        raise ConversionError(f"operator {step}: expected a division by constants, none of them 0")


def _negative(builder: Builder, step: Step) -> None:
    builder.affine(step, -1.0)


def _scaler(builder: Builder, step: Step) -> None:
    """y = (x - offset) · scale, scikit-learn's StandardScaler."""
    given = attributes(step.node, offset=[0.0], scale=[1.0])
    offset, scale = (np.array(given[name], np.float64) for name in ("offset", "scale"))
    builder.affine(step, offset=-offset)
    builder.affine(step, scale)


def _batchnorm(builder: Builder, step: Step) -> None:
    given = attributes(step.node, epsilon=1e-5, momentum=0.9, training_mode=0, spatial=1)
    names = ("gamma", "beta", "moving_mean", "moving_variance")
    if given["training_mode"] or [*step.constants] != [1, 2, 3, 4]:
        raise ConversionError(f"operator {step}: expected it in inference, with four constants")
    tensors = {
        k: builder.vector(step, v) for k, v in zip(names, step.constants.values(), strict=True)
    }
    if not (0 <= given["momentum"] < 1 and given["epsilon"] > 0):
        raise ConversionError(f"operator {step}: expected 0 <= momentum < 1 and epsilon > 0")
    layer = kinds.BatchNormalization(momentum=given["momentum"], epsilon=given["epsilon"])
    builder.layer(layer, **tensors)


def _layernorm(builder: Builder, step: Step) -> None:
    given = attributes(step.node, axis=-1, epsilon=1e-5, stash_type=1)
    if given["axis"] not in (-1, 1) or not given["epsilon"] > 0 or 1 not in step.constants:
        raise ConversionError(f"operator {step}: expected axis=-1, epsilon > 0 and a scale")
    names = {1: "gamma", 2: "beta"}
    tensors = {names[k]: builder.vector(step, v) for k, v in step.constants.items()}
    layer = kinds.LayerNormalization(epsilon=given["epsilon"], center="beta" in tensors)
    builder.layer(layer, **tensors)


def _prelu(builder: Builder, step: Step) -> None:
    attributes(step.node)
    slope = builder.row(step, step.constants.get(1, np.empty((0, 0))))
    if slope.size not in (1, math.prod(builder.shape)) or math.prod(builder.shape) > 1 << 24:
        raise ConversionError(f"operator {step}: expected one slope, or one for each feature")
    builder.layer(kinds.PReLU(), alpha=np.broadcast_to(slope, builder.shape))


def _flatten(builder: Builder, step: Step) -> None:
    if attributes(step.node, axis=1)["axis"] != 1:
        raise ConversionError(f"operator {step}: expected axis=1, which keeps the rows")
    _reshaped(builder, (math.prod(builder.shape),))


def _reshape(builder: Builder, step: Step) -> None:
    attributes(step.node, allowzero=0)
    given = step.constants.get(1, np.empty(0))
    sizes = [int(size) for size in given] if given.ndim == 1 and given.dtype.kind == "i" else []
    shape = (0, *builder.shape)
    sizes = [shape[k] if size == 0 and 0 < k < len(shape) else size for k, size in enumerate(sizes)]
    row, size = sizes[1:], math.prod(builder.shape)
    known = math.prod(each for each in row if each != -1)
    if row.count(-1) == 1 and sizes[0] != -1 and known > 0 and size % known == 0:
        row[row.index(-1)] = size // known
    if sizes[:1] not in ([0], [-1]) or any(each < 1 for each in row) or math.prod(row) != size:
        raise ConversionError(
            f"operator {step}: expected rows that stay rows, (0, ...) or (-1, ...), and as many "
            f"numbers in each, received {given.tolist()} for rows of shape {builder.shape}"
        )
    _reshaped(builder, tuple(row))


def _reshaped(builder: Builder, shape: Shape) -> None:
    if shape != builder.shape:
        builder.layer(kinds.Flatten() if len(shape) == 1 else kinds.Reshape(shape))
        builder.shape = shape


LAYERS: dict[str, Callable[[Builder, Step], None]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Add": _arithmetic,
    "Sub": _arithmetic,
    "Mul": _arithmetic,
    "Div": _arithmetic,
    "Neg": _negative,
    "BatchNormalization": _batchnorm,
    "LayerNormalization": _layernorm,
    "PRelu": _prelu,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "ai.onnx.ml.Scaler": _scaler,
}

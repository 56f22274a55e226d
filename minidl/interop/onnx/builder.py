"""Layers put together from the products, scales and functions of an ONNX file."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import layers as kinds
from minidl.interop.assembly import Part
from minidl.interop.errors import ConversionError
from minidl.interop.onnx.chain import Step
from minidl.layers.base import Shape
from minidl.layers.normalization import EPSILON


class Product:
    """y = x W + b, still open: a later factor or offset of y changes W and b."""

    def __init__(self, W: np.ndarray) -> None:
        self.W = W.astype(np.float64)
        self.b: np.ndarray | None = None


class Scale:
    """y = x · scale + offset, element by element."""

    def __init__(self, scale: Any, offset: Any) -> None:
        self.scale, self.offset = np.float64(scale), np.float64(offset)


class Builder:
    """The layers so far, and the shape of the last layer's rows.

    Args:
        shape: shape of an input row.

    Attributes:
        found: layers with tensors, products and scales, in order.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.found: list[Part | Product | Scale] = []

    def layer(self, layer: kinds.Layer, **tensors: np.ndarray) -> None:
        """Append a layer."""
        self.found.append((layer, tensors))

    def features(self, step: Step) -> int:
        """The number of features of a row, which must be flat."""
        if len(self.shape) != 1:
            raise ConversionError(
                f"operator {step}: expected rows of features, received rows of shape {self.shape}"
            )
        return self.shape[0]

    def vector(self, step: Step, values: np.ndarray) -> np.ndarray:
        """A tensor with a number for each feature."""
        if values.shape != (self.features(step),):
            raise ConversionError(
                f"operator {step}: expected {self.features(step)} numbers, those of a row, "
                f"received an array of shape {values.shape}"
            )
        return values

    def product(self, step: Step, W: np.ndarray) -> Product:
        """Append x W."""
        if step.place != 0 or W.ndim != 2 or len(W) != self.features(step) or W.shape[1] < 1:
            raise ConversionError(
                f"operator {step}: expected a matrix of {self.features(step)} rows on the right, "
                f"received one of shape {W.shape}"
            )
        self.shape = (W.shape[1],)
        product = Product(W)
        self.found.append(product)
        return product

    def both_classes(self, step: Step) -> None:
        """Make a softmax of 0 and z, which is 1 - p and p, of the sigmoid p of one number z."""
        layer = self.found.pop() if self.found else None
        sigmoid = isinstance(layer, tuple) and getattr(layer[0], "function", None)
        if self.shape != (1,) or getattr(sigmoid, "name", None) != "sigmoid":
            raise ConversionError(
                f"operator {step}: expected 1 - p and p of a sigmoid p of one unit, received rows "
                f"of shape {self.shape}; output={step.node.input[1]!r} reads the network up to p"
            )
        last = self.found[-1] if self.found else None
        if not isinstance(last, Product):
            last = Product(np.ones((1, 1)))
            self.found.append(last)
        last.W = np.pad(last.W, ((0, 0), (1, 0)))
        last.b = None if last.b is None else np.pad(last.b, (1, 0))
        self.shape = (2,)
        self.layer(kinds.Activation("softmax"))

    def affine(self, step: Step, scale: Any = 1.0, offset: Any = None) -> None:
        """Append x · scale + offset; directly after a product, the numbers go into W and b."""
        scale = self.row(step, np.asarray(scale))
        moved = 0.0 if offset is None else self.row(step, np.asarray(offset))
        last = self.found[-1] if self.found else None
        if isinstance(last, Product):
            last.W = last.W * scale
            if last.b is not None or offset is not None:
                b = 0.0 if last.b is None else last.b
                last.b = np.broadcast_to(b * scale + moved, last.W.shape[1])
        elif isinstance(last, Scale):
            last.offset = last.offset * scale + moved
            last.scale = last.scale * scale
        else:
            self.found.append(Scale(scale, moved))

    def row(self, step: Step, values: np.ndarray) -> np.ndarray:
        """Constants of a shape that broadcasts to a row."""
        row = (1, *self.shape)
        if values.dtype.kind not in "fiu" or _broadcast(values.shape, row) != row:
            raise ConversionError(
                f"operator {step}: expected constants for rows of shape {self.shape}, received "
                f"an array of shape {values.shape}"
            )
        return values[0] if values.ndim > len(self.shape) else values

    def parts(self) -> list[Part]:
        """All entries as layers.

        Raises:
            ConversionError: constants that no layer holds.
        """
        parts: list[Part] = []
        held: Scale | None = None
        for entry in self.found:
            if isinstance(entry, Product):
                parts.append(_dense(entry, held))
                held = None
                continue
            if held is not None:
                raise _no_scale()
            if isinstance(entry, Scale):
                layer = _scaling(entry)
                held = entry if layer is None else None
                parts += [(each, {}) for each in layer or []]
            else:
                parts.append(entry)
        if held is not None:
            raise _no_scale()
        return parts


def _dense(product: Product, before: Scale | None) -> Part:
    """The layer of a product after an optional scale: (x s + o) W + b = x (s W) + (o W + b)."""
    W, b = product.W, product.b
    if before is not None:
        inputs = len(W)
        b = np.broadcast_to(before.offset, inputs) @ W + (0.0 if b is None else b)
        W = np.broadcast_to(before.scale, inputs)[:, None] * W
    tensors = {"W": W} if b is None else {"W": W, "b": b}
    return kinds.Dense(W.shape[1], use_bias=b is not None), tensors


def _scaling(scale: Scale) -> list[kinds.Layer] | None:
    """The layers of a scale, at most one; None if no layer holds the scale."""
    s, o = np.broadcast_arrays(scale.scale, scale.offset)
    if (s == 1).all() and (o == 0).all():
        return []
    if (s == s.flat[0]).all() and (o == o.flat[0]).all():
        return [kinds.Rescaling(float(s.flat[0]), float(o.flat[0]))]
    s, o = (each.reshape(-1, s.shape[-1]) for each in (s, o))
    if (s != s[0]).any() or (o != o[0]).any() or (s <= 0).any() or (1 / s <= EPSILON).any():
        return None
    return [kinds.Normalization(mean=-o[0] / s[0], variance=1 / s[0] ** 2)]


def _no_scale() -> ConversionError:
    return ConversionError(
        "expected factors above 0, one for each feature, or a product (Gemm, MatMul) before or "
        "after; received other constants between two functions, which no layer holds"
    )


def _broadcast(shape: Shape, row: Shape) -> Shape | None:
    try:
        return np.broadcast_shapes(shape, row)
    except ValueError:
        return None

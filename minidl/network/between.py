"""Arrays that go from one layer to the next, as the network computes with them.

minidl's layers make nothing else. A layer of somebody else's may have constants in float64, or
return the transpose of an array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels.sums import convert
from minidl.layers.base import Layer


class ShapeError(ValueError):
    """A layer has returned an array of another shape than it has to."""


def outputs(network: Any, layer: Layer, y: Any, rows: int) -> Any:
    """``y``, which a layer's ``forward`` has returned for so many rows, as the next one takes it.

    Raises:
        TypeError: no array.
        ShapeError: an array of another shape.
    """
    if not hasattr(y, "dtype"):
        raise TypeError(
            f"{layer.name}: expected forward to return the outputs, received {_said(y)}"
        )
    if y.shape != (rows, *layer.output_shape):
        raise ShapeError(
            f"{layer.name}: expected forward to return an array of shape "
            f"{(rows, *layer.output_shape)}, as build has set output_shape, received {y.shape}"
        )
    return _as_computed(network, y) if layer.computes else y


def handed(network: Any, dy: Any) -> Any:
    """``dy``, the gradient at the network's outputs, as its last layer takes it.

    Raises:
        ShapeError: an array of another shape.
    """
    if dy.shape[1:] != network.output_row:
        raise ShapeError(
            f"{network.name}: expected dy to be the gradient at outputs of shape "
            f"{(len(dy), *network.output_row)}, received shape {dy.shape}"
        )
    return _as_computed(network, dy)


def gradient(network: Any, layer: Layer, dx: Any, rows: int) -> Any:
    """``dx``, which a layer's ``backward`` has returned for so many rows, for the one before it.

    Raises:
        TypeError: no array, though the layer before it needs one.
        ShapeError: an array of another shape.
    """
    if not layer.needs_dx:
        return dx
    told = f"{layer.name}: expected backward to return the gradient at the inputs"
    if not hasattr(dx, "dtype"):
        raise TypeError(f"{told}, received {_said(dx)}")
    if dx.shape != (rows, *layer.input_shape):
        raise ShapeError(
            f"{told}, of shape {(rows, *layer.input_shape)}, received shape {dx.shape}"
        )
    return _as_computed(network, dx)


def _as_computed(network: Any, array: Any) -> Any:
    """The array in the network's type, C-contiguous: a copy where it is not so already.

    An array of fewer digits keeps its type: the digits are lost, and the gradient check says so.
    """
    if array.dtype == network.dtype and array.flags.c_contiguous:
        return array
    narrow = array.dtype.kind == "f" and array.dtype.itemsize < np.dtype(network.dtype).itemsize
    dtype = array.dtype if narrow else network.dtype
    return convert(array, out=network.backend.xp.empty(array.shape, dtype=dtype))


def _said(value: Any) -> str:
    return "None" if value is None else type(value).__name__

"""Arrays between layers, checked, and converted to the type and the order of the network.

The layers of minidl return no other arrays. A user's layer may have constants in float64, or
return the transpose of an array.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.kernels.sums import convert
from minidl.layers.base import Layer


class ShapeError(ValueError):
    """A layer has returned an array of the wrong shape."""


def outputs(network: Any, layer: Layer, y: Any, rows: int) -> Any:
    """``y``, the result of a layer's ``forward`` for ``rows`` rows, as input of the next layer.

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
    """``dy``, the gradient at the network's outputs, as input of the last layer's ``backward``.

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
    """``dx``, the result of a layer's ``backward`` for ``rows`` rows, for the layer before.

    Raises:
        TypeError: no array, though the layer before needs one.
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
    """The array in the network's type, C-contiguous; a copy only where needed.

    An array of fewer digits keeps its type: the digits are lost, and the gradient check says so.
    """
    if array.dtype == network.dtype and array.flags.c_contiguous:
        return array
    narrow = array.dtype.kind == "f" and array.dtype.itemsize < np.dtype(network.dtype).itemsize
    dtype = array.dtype if narrow else network.dtype
    return convert(array, out=network.backend.xp.empty(array.shape, dtype=dtype))


def _said(value: Any) -> str:
    return "None" if value is None else type(value).__name__

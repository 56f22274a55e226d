"""Arrays on their way through a network, checked, and converted to the network's type of numbers.

Rows that enter come from anywhere. Layers of minidl return arrays of the right type and order. A
user's layer may have constants in float64, or return the transpose of an array.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.backend import is_sparse
from minidl.backend.sparse import canonical, outside
from minidl.kernels.sums import convert
from minidl.layers import Dense
from minidl.layers.base import Layer
from minidl.network.stack import Stack


class ShapeError(ValueError):
    """A layer has returned an array of the wrong shape."""


def check_sparse(network: Stack) -> None:
    """Raise unless the first layer that computes is Dense, the only layer that takes CSR rows.

    Raises:
        TypeError: names the layer and the remedy.
    """
    first = next((layer for layer in network.leaves if layer.computes), None)
    if not isinstance(first, Dense):
        raise TypeError(
            "expected Dense as the first layer that computes, because x is a sparse matrix, "
            f"received {first}; put a Dense layer there, or convert x with .toarray()"
        )


def rows(network: Stack, x: Any) -> Any:
    """Rows on the network's device, of any type of numbers.

    Raises:
        TypeError: a sparse matrix for another layer than Dense.
        ValueError: no rows, or no numbers.
    """
    if is_sparse(x):
        x = _csr(network, x)
    if network.backend.name == "cupy" and isinstance(x, np.ndarray):
        note_of_moving()
    x = network.backend.to_device(x)
    if x.dtype.kind not in "biuf" or x.ndim == 0 or x.shape[0] == 0:
        raise ValueError(f"expected rows of numbers, received {x.dtype} of shape {x.shape}")
    return x


def converted(network: Any, x: Any) -> Any:
    """Rows for the first layer: converted into a buffer of the network if need be.

    Args:
        network: built, with buffers for as many rows.
        x: the result of :func:`rows`.
    """
    taken = x.dtype == network.dtype or (
        x.dtype.kind in "ui" and x.dtype.isnative and _computes_on_integers(network.leaves)
    )
    aligned = not isinstance(x, np.ndarray) or x.flags.aligned
    if is_sparse(x) or (taken and x.flags.c_contiguous and aligned):
        return x
    if network._x is None:
        shape = (network.rows, *network.input_row)
        network._x = network.backend.xp.empty(shape, dtype=network.dtype)
    return convert(x, out=network._x[: len(x)])


def _csr(network: Stack, x: Any) -> Any:
    """A sparse matrix in CSR, canonical and of the network's type.

    Raises:
        TypeError: the network does not take sparse rows.
    """
    check_sparse(network)
    if x.format != "csr" or not x.has_canonical_format:
        x = canonical(x)
    converts = x.dtype != network.dtype and x.dtype.kind in "biuf"
    return x.astype(network.dtype) if converts else x


def _computes_on_integers(layers: Sequence[Layer]) -> bool:
    """True if the layers up to the first that computes take integers unconverted."""
    for layer in layers:
        if layer.tensors or not layer.accepts_integers:
            return False
        if layer.computes:
            return True
    return False


@functools.cache
def note_of_moving() -> None:
    """Warn once: rows on the host are moved to the device, which takes longer than a step."""
    warnings.warn(
        "a NumPy array was handed to a network on the device and is copied there, as it will be at "
        "each call; copy it once, with minidl.backend.to_device(x)",
        stacklevel=outside(),
    )


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


def output_gradient(network: Any, dy: Any) -> Any:
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


def input_gradient(network: Any, layer: Layer, dx: Any, rows: int) -> Any:
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

"""Rows that enter a network, brought to the network's device and type of numbers."""

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
        x.dtype.kind in "ui" and x.dtype.isnative and computes_on_integers(network.leaves)
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


def computes_on_integers(layers: Sequence[Layer]) -> bool:
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

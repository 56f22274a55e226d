"""Rows that come into a network otherwise than it computes with them: sparse, whole, elsewhere."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from typing import Any

from minidl.backend.sparse import canonical, outside
from minidl.layers import Dense
from minidl.layers.base import Layer
from minidl.stack import Stack


def check_sparse(network: Stack) -> None:
    """Raise where the first layer that computes is no Dense, which alone takes CSR rows.

    Raises:
        TypeError: names the layer and the remedy.
    """
    first = next((layer for layer in network.leaves if layer.computes), None)
    if not isinstance(first, Dense):
        raise TypeError(
            "expected Dense as the first layer that computes, because x is a sparse matrix, "
            f"received {first}; put a Dense layer there, or convert x with .toarray()"
        )


def sparse(network: Stack, x: Any) -> Any:
    """A sparse matrix in CSR, canonical and of the network's type.

    Raises:
        TypeError: the network does not take one.
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

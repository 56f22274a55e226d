"""Tensors of layers, counted, read and overwritten from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl import checks
from minidl.backend import backend_of
from minidl.layers.base import Layer
from minidl.network.concurrency import Instead, undisturbed
from minidl.network.stack import Stack


def tensors(layers: Sequence[Layer]) -> list[Any]:
    """Views of all tensors, layer by layer: trainable tensors, then statistics (as Keras)."""
    return [getattr(layer, key) for layer in layers for key in (*layer.tensors, *layer.statistics)]


def count_params(network: Stack) -> int:
    """Number of all parameters, trainable or not."""
    network.build()
    return int(network.theta.size + network.statistics.theta.size)


def get_weights(network: Stack) -> list[np.ndarray]:
    """Copies of all tensors, layer by layer: trainable tensors, then statistics (as Keras)."""
    network.build()
    return copies(network, network.leaves)


def set_weights(network: Stack, weights: Sequence[Any]) -> None:
    """Overwrite all tensors with arrays in the order of :meth:`get_weights`.

    Raises:
        ValueError: another number of arrays, another shape, or a value that is not finite.
    """
    network.build()
    overwrite(network, network.leaves, weights)


def copies(network: Stack, layers: Sequence[Layer]) -> list[np.ndarray]:
    """Copies on the host of the tensors of some layers, in the order of :func:`tensors`.

    Args:
        network: built.
        layers: of the network.
    """
    to_host = network.backend.to_host
    return undisturbed(network, lambda: [to_host(view).copy() for view in tensors(layers)])


def overwrite(network: Stack, layers: Sequence[Layer], weights: Sequence[Any]) -> None:
    """Overwrite the tensors of some layers.

    Args:
        network: built.
        layers: of the network.
        weights: arrays in the order of :func:`tensors`.

    Raises:
        TypeError: no numbers.
        ValueError: another number of arrays, another shape, or a value that is not finite.
    """
    views = tensors(layers)
    given = [checks.array(f"array {place}", weight) for place, weight in enumerate(weights)]
    hosts = [backend_of(weight).to_host(weight) for weight in given]
    arrays = [np.asarray(host, dtype=network.dtype) for host in hosts]
    expected, received = [v.shape for v in views], [a.shape for a in arrays]
    if expected != received:
        raise ValueError(f"set_weights: expected arrays of shapes {expected}, received {received}")
    for index, array in enumerate(arrays):
        if not np.isfinite(array).all():
            raise ValueError(f"expected finite weights, received NaN or infinity in array {index}")
    with network.traffic.lock, network.backend.here, Instead(network):
        for view, array in zip(views, arrays, strict=True):
            view[...] = network.backend.to_device(array)

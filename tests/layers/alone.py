"""A layer on its own, run as the oracle runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import minidl
from minidl.layers import Layer
from minidl.models import Network
from tests.oracle import LayerPass
from tests.specs import Spec


def alone(layer: Layer, input_shape: tuple[int, ...], rows: int, dtype: Any = "float64") -> Network:
    """A network of one layer whose input gradient is computed too.

    A network leaves that out for its first layer, so call the layer's own backward.
    """
    minidl.utils.set_random_seed(1)
    network = Network([layer], dtype=dtype)
    network.build(input_shape)
    layer.needs_dx = True
    network.bind(rows)
    return network


def layer_pass(
    spec: Spec,
    x: np.ndarray,
    dy: np.ndarray,
    weights: Sequence[Any] | None = None,
    training: bool = False,
) -> LayerPass:
    """What :func:`tests.oracle.layer` does, by minidl."""
    layer = spec.make(minidl)
    network = alone(layer, x.shape[1:], len(x))
    if weights is not None:
        network.set_weights(weights)
    y = layer.forward(x, training).copy()
    dx = layer.backward(dy.copy()).copy()
    gradients = [network.parameters.gradient(entry).copy() for entry in network.parameters]
    return LayerPass(y, dx, gradients, network.get_weights())

"""Check of one layer, or of one activation function, at a random point."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import activations
from minidl.gradient_check.conduct import forward, on_host
from minidl.gradient_check.passes import INPUT, Pass, WeightHead
from minidl.gradient_check.report import Result
from minidl.layers import Activation, Layer
from minidl.network import Network


def check_layer(
    layer: Layer,
    shape: Any = None,
    rows: int = 3,
    x: Any = None,
    training: bool | None = None,
    step: int = 0,
    seed: int = 0,
) -> Result:
    """Check a layer's gradients, of parameters and input, at a random point.

    The function is Σ dy · y with random dy, plus the layer's penalties. Parameters are moved away
    from the initial values, because zeros and ones hide mistakes. Statistics come from one
    training pass over other rows.

    Args:
        layer: a new layer, in no network; free again afterwards.
        shape: shape of one row, such as (4,); not needed with x or for a layer of known shape.
        rows: number of rows of the batch.
        x: (N, *shape), float64, for a layer that does not accept every number; default normal.
        training: True or False for one mode; default both.
        step: step of the random numbers, for a layer that draws.
        seed: seed of the point and of the directions.

    Raises:
        GradientError, KinkError and more: as :func:`check_network`.
        ValueError: the layer is in a network, or no shape is known.
    """
    if layer.owner is not None or layer.sealed:
        raise ValueError(
            f"layer {layer.name!r} is in a network already, or was; expected a new layer, because "
            "the check changes weights"
        )
    random = np.random.default_rng([seed, 2])
    network = Network([layer], name=f"{layer.name} ({type(layer).__name__})", dtype="float64")
    try:
        network.seed = seed
        if x is not None:
            x = on_host(f"{network.name}: {INPUT}", x)
            shape = x.shape[1:]
        if shape is None and network.input_row is None:
            raise ValueError(
                f"{layer.name}: expected the shape of one row, such as shape=(4,), or rows x; "
                "received neither"
            )
        network.build(shape)
        x = random.normal(size=(rows, *(network.input_row or ()))) if x is None else x
        layer.needs_dx = True
        network.bind(len(x))
        _move(network, random)
        # Statistics other than the initial values.
        forward(network, network.backend.to_device(x[::-1] * 1.5), True, step)
        y = (len(x), *network.output_row)
        dy = random.choice([-1.0, 1.0], y) * random.uniform(0.5, 1.5, y)
        return Pass(network, WeightHead(dy, network.backend), x, step).check(
            network.name, training, seed
        )
    finally:
        # Free again; another network can build the layer from scratch.
        layer.owner, layer.sealed = None, False


def _move(network: Network, random: np.random.Generator) -> None:
    """Move parameters to a generic place: no entry is 0, and all signs stay."""
    theta = network.backend.to_host(network.theta)
    share = random.choice([-1.0, 1.0], theta.shape) * random.uniform(0.1, 0.5, theta.shape)
    moved = np.where(theta == 0, share, theta * (1 + share))
    network.theta[...] = network.backend.to_device(moved)


def check_activation(
    activation: str | activations.ActivationFunction,
    shape: Any = (5,),
    rows: int = 3,
    x: Any = None,
    seed: int = 0,
) -> Result:
    """Check an activation function, by name or as an object, as a layer.

    Args:
        activation: a name such as "relu", or an
            :class:`~minidl.activations.ActivationFunction`.
        shape, rows, x, seed: as for :func:`check_layer`.

    Raises:
        GradientError, KinkError and more: as :func:`check_network`.
        ValueError, TypeError: no such activation.
    """
    function = activations.get(activation)
    return check_layer(Activation(function, name=function.name), shape, rows, x, False, seed=seed)

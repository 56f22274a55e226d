"""A network made of layers, and of tensors from another format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minidl.layers import Activation, Dense, Identity
from minidl.layers.base import Layer, Shape
from minidl.layers.input import Input
from minidl.model.sequential import Sequential

#: A layer, and its tensors by attribute: W, b, gamma, ….
Part = tuple[Layer, Mapping[str, np.ndarray]]


def assembled(parts: Iterable[Part], input_shape: Shape, dtype: Any, name: str | None) -> Any:
    """Return a built Sequential of the layers, with the given tensors.

    A plain activation behind a Dense layer without activation becomes the Dense layer's own.

    Args:
        parts: layers, each with tensors that suit its shapes.
        input_shape: shape of one row.
        dtype: type of the network's numbers.
        name: name of the network, or None.

    Raises:
        ValueError: a tensor is not finite, or does not have the layer's shape.
    """
    joined = list(_joined(parts)) or [(Identity(), {})]
    layers = [layer for layer, _ in joined]
    model = Sequential([Input(input_shape), *layers], name=name, dtype=np.dtype(dtype).name)
    model.build()
    for layer, tensors in joined:
        keys = (*layer.tensors, *layer.statistics)
        model.set_weights_of([layer], [tensors[key] for key in keys])
    return model


def _joined(parts: Iterable[Part]) -> Iterable[Part]:
    before: Part | None = None
    for layer, tensors in parts:
        if before is not None and type(layer) is Activation and isinstance(before[0], Dense):
            config = {**before[0].get_config(), "activation": layer.function}
            trainable = config.pop("trainable", True)
            dense = Dense(**config)
            dense.trainable = trainable
            yield dense, before[1]
            before = None
            continue
        if before is not None:
            yield before
        before = (layer, tensors)
    if before is not None:
        yield before

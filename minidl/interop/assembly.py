"""A network made of layers and the tensors that another format has for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minidl.layers import Activation, Dense, Identity
from minidl.layers.base import Layer, Shape
from minidl.layers.input import Input
from minidl.model.sequential import Sequential

#: A layer and its tensors by attribute: W, b, gamma, ….
Part = tuple[Layer, Mapping[str, np.ndarray]]


def assembled(parts: Iterable[Part], input_shape: Shape, dtype: Any, name: str | None) -> Any:
    """The Sequential of some layers, built, with their tensors.

    A plain activation behind a Dense layer without one becomes the layer's own.

    Args:
        parts: the layers; their tensors suit the shapes.
        input_shape: of one row.
        dtype: of the network.
        name: of the network, or None.

    Raises:
        ValueError: a tensor is not finite, or has another shape than the layer's.
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

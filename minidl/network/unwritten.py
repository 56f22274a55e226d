"""The first backward pass of a layer of one's own: does it overwrite the gradients?

A gradient that ``backward`` leaves as it was is 0 in the first step: training goes on with a wrong
gradient, and nothing tells. So before the layer's first backward pass each number of the gradients
is a mark. Where a mark is left after the pass, ``backward`` has written nothing, or has added to
the mark, which is so large that the sum is the mark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minidl.backend.own import Look
from minidl.backend.recorder import recorder
from minidl.layers.base import Layer

#: A number of no gradient, by the type's size: nearly the largest, with digits of its own. It is
#: finite, because a layer may multiply by 0 before it adds.
MARKS = {4: np.float32(2.7182817e38), 8: np.float64(1.4142135623730951e308)}


class UnwrittenError(ValueError):
    """A layer's ``backward`` has left a gradient, or a part of it, as it was."""


def doubted(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers with tensors whose methods are not minidl's."""
    own = Look()
    return tuple(layer for layer in layers if layer.tensors and not own(layer))


def first_looked_at(
    network: Any, layer: Layer, backward: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """``backward``, with a look in the first pass that trains a layer of one's own.

    Args:
        network: of the layer; its ``unproved`` layers are still to be looked at.
        layer: of which the tensors are.
        backward: a method of the layer.
    """
    if layer not in network.unproved or not layer.trainable or recorder.tape is not None:
        return backward

    def first(dy: Any) -> Any:
        dx = looked_at(layer, backward, dy)
        network.unproved = tuple(each for each in network.unproved if each is not layer)
        return dx

    return first


def looked_at(layer: Layer, backward: Callable[[Any], Any], dy: Any) -> Any:
    """The result of ``backward(dy)``.

    Args:
        layer: of which the tensors are.
        backward: a method of the layer.
        dy: its argument.

    Raises:
        UnwrittenError: names layer and tensor, and says what ``backward`` has to do.
    """
    asked = {key: tensor for key, tensor in layer.tensors.items() if tensor.trainable}
    gradients = {key: getattr(layer, f"d{key}") for key in asked}
    for gradient in gradients.values():
        gradient[...] = _mark(gradient)
    left = dict.fromkeys(gradients, 0)
    try:
        dx = backward(dy)
    finally:
        for key, gradient in gradients.items():
            marked = gradient == _mark(gradient)
            left[key] = int(marked.sum())
            if left[key]:
                gradient[marked] = 0
    for key, count in left.items():
        if count:
            size = gradients[key].size
            part = "all" if count == size else f"{count} of {size}"
            raise UnwrittenError(
                f"{layer.name}: expected backward to overwrite self.d{key}, the gradient of the "
                f"tensor {asked[key].name!r}, received {part} of its numbers as they were; "
                f"write self.d{key}[...] = … in each pass, with 0 where the loss does not depend "
                f"on a number; += adds to what an earlier step has left there"
            )
    return dx


def _mark(gradient: Any) -> Any:
    return MARKS[gradient.dtype.itemsize]

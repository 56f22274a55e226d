"""The first backward pass of a foreign layer: are all gradients overwritten?

A gradient that ``backward`` leaves unwritten is 0 in the first step: training goes on with a wrong
gradient, without a message. So before a layer's first backward pass each number of its gradients
becomes a mark. A mark that is left after the pass shows that ``backward`` has written nothing, or
has added to the mark, which is so large that the sum is the mark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.backend.own import Look
from minidl.backend.recorder import recorder
from minidl.layers.base import Layer

#: A number that no gradient has, by the type's size: nearly the largest, with unusual digits. The
#: number is finite, because a layer may multiply by 0 before adding.
MARKS = {4: np.float32(2.7182817e38), 8: np.float64(1.4142135623730951e308)}


class UnwrittenError(ValueError):
    """A layer's ``backward`` has left a gradient, or a part of a gradient, unwritten."""


def doubted(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The layers with tensors whose methods are not minidl's."""
    own = Look()
    return tuple(layer for layer in layers if layer.tensors and not own(layer))


@contextmanager
def watched(network: Any) -> Iterator[None]:
    """A context for a backward pass; the network's ``unproved`` layers are watched.

    Raises:
        UnwrittenError: names layer and tensor, and says what ``backward`` has to do.
    """
    if not network.unproved or recorder.tape is not None:
        yield
        return
    layers = [layer for layer in network.unproved if layer.trainable]
    asked = [(a, key) for a in layers for key, tensor in a.tensors.items() if tensor.trainable]
    for layer, key in asked:
        gradient = getattr(layer, f"d{key}")
        gradient[...] = _mark(gradient)
    left: list[int] = []
    try:
        yield
    finally:
        left += [_unmark(getattr(layer, f"d{key}")) for layer, key in asked]
    for (layer, key), count in zip(asked, left, strict=True):
        if count:
            raise _error(layer, key, count)
    network.unproved = tuple(each for each in network.unproved if each not in layers)


def _mark(gradient: Any) -> Any:
    return MARKS[gradient.dtype.itemsize]


def _unmark(gradient: Any) -> int:
    """The number of marks that are left in a gradient; the marks become 0."""
    marked = gradient == _mark(gradient)
    count = int(marked.sum())
    if count:
        gradient[marked] = 0
    return count


def _error(layer: Layer, key: str, count: int) -> UnwrittenError:
    size = getattr(layer, f"d{key}").size
    part = "all" if count == size else f"{count} of {size}"
    return UnwrittenError(
        f"{layer.name}: expected backward to overwrite self.d{key}, the gradient of the tensor "
        f"{layer.tensors[key].name!r}, received {part} of its numbers as they were; write "
        f"self.d{key}[...] = … in each pass, with 0 where the loss does not depend on a number; += "
        "adds to what an earlier step has left there"
    )

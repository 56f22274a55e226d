"""A model made again what it was when a file was written."""

from __future__ import annotations

from typing import Any

from minidl.layers import Layer
from minidl.optimizers import Optimizer
from minidl.saving import Saved, fill
from minidl.saving.codec import decode, encode


def revive(model: Any, saved: Saved) -> None:
    """Numbers, counters, addresses of random numbers, and what callbacks have set.

    Args:
        model: of the architecture, the optimizer and the loss that the file has.
        saved: the file's content.

    Raises:
        ValueError: the file is of another network.
    """
    fill(model, saved)
    for index, layer in enumerate(layer for layer in model.layers if layer.draws):
        layer.address(model.seed, index)
    for layer, described in zip(model.layers, saved.config["layers"], strict=True):
        _set(layer, decode(described, Layer))
    _set(model.optimizer, decode(saved.config["optimizer"], Optimizer))


def _set(thing: Any, other: Any) -> None:
    """Set what is another number or object than the ``other`` has: a rate, a regularizer."""
    now, wanted = thing.get_config(), other.get_config()
    for name, value in wanted.items():
        if name != "name" and encode(value) != encode(now.get(name)):
            setattr(thing, name, value)

"""A model put back into the state at the writing of a file."""

from __future__ import annotations

from typing import Any

from minidl.layers import Layer
from minidl.names.in_files import noting, reading
from minidl.optimizers import Optimizer
from minidl.saving import Saved, describe, fill
from minidl.saving.codec import decode, encode, flat


def restore_model(model: Any, saved: Saved) -> None:
    """Put a file's numbers into a model, and set the values that callbacks had set.

    Args:
        model: of the file's architecture, optimizer and loss.
        saved: the file's content.

    Raises:
        ValueError: the file is of another network.
    """
    fill(model, saved)
    with noting() as own:
        describe(model)
    with reading(own):
        for layer, described in zip(model.leaves, flat(saved.config["layers"]), strict=True):
            _set(layer, decode(described, Layer))
        _set(model.optimizer, decode(saved.config["optimizer"], Optimizer))


def _set(thing: Any, other: Any) -> None:
    """Set values that differ in ``other``: a rate, a number of a regularizer."""
    now, wanted = thing.get_config(), other.get_config()
    for name, value in wanted.items():
        if name == "name" or encode(value) == encode(now.get(name)):
            continue
        held = getattr(thing, name, None)
        if hasattr(value, "get_config") and type(held) is type(value):
            _set(held, value)  # the network's penalties are these objects
        else:
            setattr(thing, name, value)

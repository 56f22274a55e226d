"""The table of a network's layers, in Keras's layout."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from minidl.layers import Input
from minidl.layers.base import Layer

_HEAD = ("Layer (type)", "Output Shape", "Param #")


def summary(
    network: Any,
    line_length: int | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
) -> str:
    """Layer names and types, output shapes, parameter counts and their sums.

    A layer that is not built yet has the shape "?" and no parameters.

    Args:
        network: built or not.
        line_length: letters in a line; as many as needed if left out or too small.
        expand_nested: whether the layers of networks within this one are shown, too.
        show_trainable: whether a column says which layers train.
    """
    columns = 4 if show_trainable else 3
    rows = [(*_HEAD, "Trainable")[:columns]]
    rows += [row[:columns] for row in _rows(network, expand_nested, "")]
    widths = [max(len(row[k]) for row in rows) + 2 for k in range(columns)]
    widths[0] += max((line_length or 0) - sum(widths), 0)
    line, double = "_" * sum(widths), "=" * sum(widths)

    def text(row: tuple[str, ...]) -> str:
        parts = [f"{part:<{width}}" for part, width in zip(row, widths, strict=True)]
        parts[2] = f"{row[2]:>{widths[2]}}"
        return "".join([*parts[:3], *(f"{part:>{widths[3]}}" for part in row[3:])])

    moved = sum(_count(layer.tensors) for layer in network.leaves if layer.trainable)
    total = sum(_size(layer) for layer in network.leaves)
    sums = [
        (" Total params", total),
        (" Trainable params", moved),
        (" Non-trainable params", total - moved),
    ]
    item = network.dtype.itemsize
    return "\n".join(
        [
            f'Model: "{network.name}"',
            line,
            text(rows[0]),
            double,
            *[text(row) for row in rows[1:]],
            double,
            *[f"{label}: {count:,} ({_bytes(count * item)})" for label, count in sums],
        ]
    )


def _rows(network: Any, expand: bool, indent: str) -> Iterator[tuple[str, ...]]:
    for entry in network.layers:
        leaves = [entry] if isinstance(entry, Layer) else entry.leaves
        trains = any(layer.trainable for layer in leaves)
        shape, count = "?", "0 (unbuilt)"
        if isinstance(entry, Input):
            shape, count = f"({', '.join(map(str, ('None', *entry.shape[1:])))})", "0"
        elif all(layer.sealed for layer in leaves):
            sizes = ", ".join(str(size) for size in ("None", *leaves[-1].output_shape))
            shape, count = f"({sizes})", f"{sum(map(_size, leaves)):,}"
        name = f"{indent}{entry.name} ({type(entry).__name__})"
        yield name, shape, count, "Y" if trains else "N"
        if expand and not isinstance(entry, Layer):
            yield from _rows(entry, expand, f"{indent}  ")


def _size(layer: Layer) -> int:
    return _count(layer.tensors) + _count(layer.statistics) if layer.sealed else 0


def _count(tensors: Any) -> int:
    return sum(math.prod(tensor.shape) for tensor in tensors.values())


def _bytes(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.2f} {unit}"
        count /= 1024
    return f"{count:.2f} GB"

"""A network as a picture: a box for each layer, in the order of the layers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from minidl.layers import Activation, Dense
from minidl.plotting import style

# Inches: a line of text, a letter of nine points, a box's padding, the way between two boxes.
_LINE, _LETTER, _PAD, _GAP = 0.19, 0.082, 0.12, 0.35


@dataclass
class _Box:
    """A layer's texts: a title, and facts below."""

    title: str
    facts: list[str] = field(default_factory=list)

    @property
    def width(self) -> float:
        longest = max(len(line) for line in (self.title, *self.facts))
        return longest * _LETTER + 2 * _PAD

    @property
    def height(self) -> float:
        return _LINE * (1 + len(self.facts)) + 2 * _PAD


def plot_network(
    network: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> Figure:
    """The layers as boxes, joined by arrows, from the input to the output.

    Args:
        network: built, or with a known input shape if it is to be built here.
        show_shapes: True for the shapes of each layer's input and output, rows as None.
        show_dtype: True for the type of the numbers.
        show_layer_names: True for the names of layers beside their classes.
        rankdir: "TB" for from top to bottom, "LR" for from left to right.
        show_layer_activations: True for the activation of each layer that has one.
        show_trainable: True for the numbers of parameters, trainable and not.

    Raises:
        ValueError: another rankdir; or the network cannot be built, as in ``build``.
    """
    if rankdir not in ("TB", "LR"):
        raise ValueError(f"rankdir: expected 'TB' or 'LR', received {rankdir!r}")
    network.build()
    boxes = [_Box("Input", [_shape(network.input_row)] if show_shapes else [])]
    before = network.input_row
    for layer in network.leaves:
        kind = type(layer).__name__
        box = _Box(f"{layer.name} ({kind})" if show_layer_names else kind)
        if show_layer_activations:
            box.facts += [f"activation: {name}" for name in _activation(layer)]
        if show_shapes:
            box.facts.append(f"{_shape(before)} → {_shape(layer.output_shape)}")
        if show_dtype:
            box.facts.append(network.dtype.name)
        if show_trainable:
            box.facts.append(_parameters(layer))
        boxes.append(box)
        before = layer.output_shape
    return _drawn(boxes, rankdir == "TB")


def _shape(sizes: tuple[int, ...]) -> str:
    return f"({', '.join(str(size) for size in ('None', *sizes))})"


def _activation(layer: Any) -> Iterator[str]:
    inner = layer.activation if isinstance(layer, Dense) else layer
    if isinstance(inner, Activation):
        yield inner.function.name
    elif isinstance(layer, Dense):
        yield "linear"


def _parameters(layer: Any) -> str:
    counts = [
        sum(getattr(layer, key).size for key in keys) for keys in (layer.tensors, layer.statistics)
    ]
    return f"trainable: {counts[0]:,}" + (f", not: {counts[1]:,}" if counts[1] else "")


def _drawn(boxes: list[_Box], down: bool) -> Figure:
    """The picture, in inches: one column of boxes, or one row."""
    along = [box.height if down else box.width for box in boxes]
    across = max(box.width if down else box.height for box in boxes)
    length = sum(along) + _GAP * (len(boxes) - 1)
    size = (across, length) if down else (length, across)
    figure = Figure(figsize=(size[0] + 0.2, size[1] + 0.2))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(-0.1, size[0] + 0.1)
    axes.set_ylim(-0.1, size[1] + 0.1)
    axes.set_axis_off()
    at, end = 0.0, None
    for box, extent in zip(boxes, along, strict=True):
        width, height = (across, box.height) if down else (box.width, across)
        x, y = (0.0, size[1] - at - extent) if down else (at, 0.0)
        _draw(axes, box, x, y, width, height)
        start = (x + width / 2, y + height) if down else (x, y + height / 2)
        if end is not None:
            axes.annotate("", start, end, arrowprops={"arrowstyle": "-|>", "color": "0.3"})
        end = (x + width / 2, y) if down else (x + width, y + height / 2)
        at += extent + _GAP
    return figure


def _draw(axes: Any, box: _Box, x: float, y: float, width: float, height: float) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (x, y), width, height, boxstyle="round,pad=0,rounding_size=0.06",
            facecolor="#EAF2F8", edgecolor=style.COLOURS[0], linewidth=1,
        )
    )  # fmt: skip
    first = y + height / 2 + _LINE * len(box.facts) / 2
    for k, line in enumerate((box.title, *box.facts)):
        axes.text(
            x + width / 2, first - _LINE * k, line, ha="center", va="center",
            fontsize=style.FONT, weight="normal" if k else "bold", parse_math=False,
        )  # fmt: skip

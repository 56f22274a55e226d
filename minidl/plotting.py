"""Pictures of training: each function returns a matplotlib figure.

The figures belong to no window: show one in a notebook by naming it, or write it with
``figure.savefig(path)``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from minidl.callbacks import History

_RIGHT, _WRONG = "tab:blue", "tab:red"


def plot_history(
    histories: History | Mapping[str, History], values: Sequence[str] = ("loss", "accuracy")
) -> Figure:
    """Curves against the epoch, one axes for each value: training dashed, validation solid.

    Args:
        histories: what ``fit`` returned; or several by name, each in its own colour.
        values: names in the histories, without "val_".

    Raises:
        ValueError: no history, or a value that none of them holds.
    """
    runs = {"": histories} if isinstance(histories, History) else dict(histories)
    if not runs:
        raise ValueError("expected at least one History, received none")
    figure = Figure(figsize=(5.5 * len(values), 4.2), layout="constrained")
    panels = figure.subplots(1, len(values), squeeze=False)[0]
    for axes, value in zip(panels, values, strict=True):
        drawn = 0
        for colour, (name, run) in enumerate(runs.items()):
            for key, style, part in (
                (value, "--", "training"),
                (f"val_{value}", "-", "validation"),
            ):
                if key in run.history:
                    label = f"{name}, {part}" if name else part
                    epochs = np.array(run.epoch) + 1
                    # A lone point has no line to be seen.
                    marker = "o" if len(epochs) == 1 else ""
                    axes.plot(
                        epochs, run.history[key], style, color=f"C{colour}", label=label,
                        marker=marker,
                    )  # fmt: skip
                    drawn += 1
        if not drawn:
            known = sorted({key for run in runs.values() for key in run.history})
            raise ValueError(f"expected a value of {known}, received {value!r}")
        axes.set_xlabel("epoch")
        axes.set_ylabel(value)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False)
    return figure


def plot_predictions(
    images: Any,
    probabilities: Any,
    labels: Any,
    class_names: Sequence[str],
    rows: int = 5,
    columns: int = 3,
) -> Figure:
    """A grid of images, each beside its class probabilities: right blue, wrong red.

    Args:
        images: (N, height, width), grey levels of any range.
        probabilities: (N, K), the model's outputs.
        labels: (N,), true class numbers.
        class_names: K names.
        rows, columns: of the grid; the first rows · columns images are shown.

    Raises:
        ValueError: arrays of different lengths, or another number of names than classes.
    """
    images, probabilities = np.asarray(images), np.asarray(probabilities)
    labels = np.asarray(labels).reshape(-1)
    if not len(images) == len(probabilities) == len(labels):
        raise ValueError(
            "expected as many images as probabilities and labels, received "
            f"{len(images)}, {len(probabilities)} and {len(labels)}"
        )
    if probabilities.shape[1:] != (len(class_names),):
        raise ValueError(
            f"expected {len(class_names)} probabilities a row, one for each name, received "
            f"shape {probabilities.shape}"
        )
    figure = Figure(figsize=(4.6 * columns, 1.9 * rows), layout="constrained")
    panels = figure.subplots(rows, 2 * columns, squeeze=False, width_ratios=[1, 1.3] * columns)
    for axes in panels.flat:
        axes.set_axis_off()
    for k in range(min(rows * columns, len(images))):
        picture, bars = panels[k // columns, 2 * (k % columns) : 2 * (k % columns) + 2]
        guess, truth = int(probabilities[k].argmax()), int(labels[k])
        colour = _RIGHT if guess == truth else _WRONG
        picture.imshow(images[k], cmap="binary")
        picture.set_title(
            f"{class_names[guess]} {probabilities[k, guess]:.0%} ({class_names[truth]})",
            color=colour,
            fontsize=9,
            loc="left",
        )
        colours = ["0.6"] * len(class_names)
        colours[truth] = _RIGHT
        if guess != truth:
            colours[guess] = _WRONG
        bars.set_axis_on()
        bars.barh(np.arange(len(class_names)), probabilities[k], color=colours)
        bars.set_yticks(np.arange(len(class_names)), class_names, fontsize=7)
        bars.set_xlim(0, 1)
        bars.set_xticks([])
        bars.invert_yaxis()
        bars.spines[["top", "right", "bottom"]].set_visible(False)
    return figure


def plot_weights(W: Any, shape: tuple[int, int], count: int = 64) -> Figure:
    """First-layer weights as images: what each unit looks for (red) and avoids (blue).

    Args:
        W: (I, O), with I = height · width.
        shape: (height, width) of an image.
        count: how many units are shown, those with the largest weights; default 64.

    Raises:
        ValueError: I is not height · width.
    """
    W = np.asarray(W)
    if W.ndim != 2 or W.shape[0] != shape[0] * shape[1]:
        raise ValueError(
            f"expected weights of shape ({shape[0] * shape[1]}, units) for images of "
            f"{shape}, received {W.shape}"
        )
    strongest = np.argsort(-np.linalg.norm(W, axis=0), kind="stable")[:count]
    columns = math.ceil(math.sqrt(len(strongest)))
    rows = math.ceil(len(strongest) / columns)
    figure = Figure(figsize=(columns, rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    # One scale for all, cut at the 99.5th percentile: single pixels would pale the rest.
    limit = float(np.percentile(np.abs(W[:, strongest]), 99.5)) or 1.0
    for axes, unit in zip(panels.flat, strongest, strict=False):
        axes.imshow(W[:, unit].reshape(shape), cmap="RdBu_r", vmin=-limit, vmax=limit)
    return figure

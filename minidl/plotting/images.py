"""Images of a network: class probabilities, first-layer weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure, SubFigure

from minidl import checks
from minidl.backend import to_host
from minidl.plotting import style

_RIGHT, _WRONG = "tab:blue", "tab:red"
_CELL = 4.6  # inches, the width of an image with its bars
_NAME = 18  # letters of a class name beside the bars; the title has all letters


def plot_predictions(
    images: Any,
    probabilities: Any,
    labels: Any,
    class_names: Sequence[str],
    rows: int = 5,
    columns: int = 3,
) -> Figure:
    """A grid of images, each beside its class probabilities: right blue, wrong red.

    Above an image stands the most probable class, its probability and, in brackets, the true one.
    The bar of the true class is blue; where another one is longest, that is red.

    Args:
        images: (N, height, width), grey levels of any range.
        probabilities: (N, K), the model's outputs.
        labels: (N,), true class numbers.
        class_names: K names.
        rows, columns: of the grid; the first rows · columns images are shown.

    Raises:
        ValueError: arrays of different lengths or none, images that are no images, another number
            of names than classes, or a label that is no class.
    """
    images, probabilities = to_host(images), to_host(probabilities)
    labels = to_host(labels).reshape(-1)
    if not 0 < len(images) == len(probabilities) == len(labels):
        raise ValueError(
            "expected as many images as probabilities and labels, and at least one, received "
            f"{len(images)}, {len(probabilities)} and {len(labels)}"
        )
    if images.ndim != 3:
        raise ValueError(f"expected images (N, height, width), received shape {images.shape}")
    if probabilities.shape[1:] != (len(class_names),):
        raise ValueError(
            f"expected {len(class_names)} probabilities a row, one for each name, received "
            f"shape {probabilities.shape}"
        )
    if not 0 <= labels.min() <= labels.max() < len(class_names):
        raise ValueError(
            f"expected labels from 0 to {len(class_names) - 1}, received some from "
            f"{labels.min()} to {labels.max()}"
        )
    rows, columns = checks.integer("rows", rows, 1), checks.integer("columns", columns, 1)
    figure = style.figure(_CELL * columns, 1.9 * rows)
    cells = figure.subfigures(rows, columns, squeeze=False).flat
    shown = min(rows * columns, len(images))
    for k, cell in zip(range(shown), cells, strict=False):
        _prediction(cell, images[k], probabilities[k], int(labels[k]), class_names)
    return figure


def _prediction(
    cell: SubFigure,
    image: np.ndarray,
    probabilities: np.ndarray,
    truth: int,
    class_names: Sequence[str],
) -> None:
    """One image with its bars."""
    guess = int(probabilities.argmax())
    finite = bool(np.isfinite(probabilities).all())
    right = finite and guess == truth
    said = f"{class_names[guess]} {probabilities[guess]:.0%}" if finite else "not finite"
    cell.suptitle(
        style.wrapped(f"{said} ({class_names[truth]})", _CELL),
        x=0.02, ha="left", fontsize=9, color=_RIGHT if right else _WRONG, parse_math=False,
    )  # fmt: skip
    picture, bars = cell.subplots(1, 2, width_ratios=[1, 1.5])
    picture.imshow(image, cmap="binary")
    picture.set_axis_off()
    colours = ["0.6"] * len(class_names)
    colours[guess] = _WRONG
    colours[truth] = _RIGHT
    names = [n if len(n) <= _NAME else f"{n[: _NAME - 1]}…" for n in map(str, class_names)]
    bars.barh(np.arange(len(names)), np.nan_to_num(probabilities), color=colours)
    bars.set_yticks(np.arange(len(names)), names, fontsize=7, parse_math=False)
    bars.set_xlim(0, 1)
    bars.set_xticks([0, 0.5, 1], ["0", "50%", "100%"], fontsize=6, color="0.4")
    bars.tick_params(axis="x", length=0, pad=1)
    bars.grid(axis="x", alpha=0.3)
    bars.set_axisbelow(True)
    bars.invert_yaxis()
    bars.spines[["top", "right", "bottom"]].set_visible(False)


def plot_weights(W: Any, shape: tuple[int, int], count: int = 64) -> Figure:
    """First-layer weights as images: patterns that a unit looks for (red) and avoids (blue).

    Weights that are not finite are left white.

    Args:
        W: (I, O), with I = height · width.
        shape: (height, width) of an image.
        count: number of units shown, from the largest weights down; default 64.

    Raises:
        ValueError: I is not height · width, or there are no units to show.
    """
    W = to_host(W)
    if W.ndim != 2 or W.shape[0] != shape[0] * shape[1] or W.size == 0:
        raise ValueError(
            f"expected weights of shape ({shape[0] * shape[1]}, units) for images of "
            f"{shape}, received {W.shape}"
        )
    count = checks.integer("count", count, 1)
    strongest = np.argsort(-np.linalg.norm(W, axis=0), kind="stable")[:count]
    columns = math.ceil(math.sqrt(len(strongest)))
    rows = math.ceil(len(strongest) / columns)
    size = max(1.0, 2.4 / rows)
    figure = style.figure(size * columns + 1, size * rows)
    panels = figure.subplots(rows, columns, squeeze=False)
    for axes in panels.flat:
        axes.set_axis_off()
    # One scale for all, cut at the 99.5th percentile: single pixels would pale the rest.
    sizes = np.abs(W[:, strongest])
    sizes = sizes[np.isfinite(sizes)]
    limit = float(np.percentile(sizes, 99.5)) if sizes.any() else 1.0
    for axes, unit in zip(panels.flat, strongest, strict=False):
        image = axes.imshow(W[:, unit].reshape(shape), cmap="RdBu_r", vmin=-limit, vmax=limit)
    figure.colorbar(
        image, ax=panels, label="weight", extend="both", pad=0.02, shrink=min(1.0, 4 / rows)
    )
    return figure

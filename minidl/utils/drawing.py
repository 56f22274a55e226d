"""A model's picture in a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from minidl import checks

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> Figure:
    """Draw a model and write the picture to a file, by matplotlib.

    Args:
        model: as for :func:`minidl.plotting.plot_network`.
        to_file: path, whose ending says the format; None for no file.
        show_shapes, show_dtype, show_layer_names, rankdir, show_layer_activations, show_trainable:
            as for :func:`minidl.plotting.plot_network`.
        dpi: dots per inch of the file, default 200.

    Returns:
        The figure, which a notebook shows where a cell ends with the call.

    Raises:
        ValueError: as for :func:`minidl.plotting.plot_network`.
        OSError: the file cannot be written.
    """
    from minidl.plotting import plot_network

    figure = plot_network(
        model,
        show_shapes,
        show_dtype,
        show_layer_names,
        rankdir,
        show_layer_activations,
        show_trainable,
    )
    if to_file is not None:
        figure.savefig(to_file, dpi=checks.real("dpi", dpi, 0, ends="()"))
    return figure

"""Pictures of training: each function returns a matplotlib figure.

A figure belongs to no window: a notebook shows a figure that a cell ends with, and
``figure.savefig(path)`` writes a file. ``figure.axes`` holds the axes, for a title or other limits.
"""

from minidl.plotting.activations import plot_activations
from minidl.plotting.fits import plot_fit
from minidl.plotting.histories import plot_comparison, plot_history, plot_sheet, plot_values
from minidl.plotting.images import plot_predictions, plot_weights
from minidl.plotting.networks import plot_network

__all__ = [
    "plot_activations",
    "plot_comparison",
    "plot_fit",
    "plot_history",
    "plot_network",
    "plot_predictions",
    "plot_sheet",
    "plot_values",
    "plot_weights",
]

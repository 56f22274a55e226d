"""Nothing is cut off, and no legend lies on the data."""

from __future__ import annotations

import io
import math
import warnings

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from minidl.layers import LeakyReLU
from minidl.plotting import (
    plot_activations,
    plot_comparison,
    plot_fit,
    plot_history,
    plot_predictions,
    plot_sheet,
    plot_values,
    plot_weights,
)
from tests.plotting.made import a_history

# These take long.
pytestmark = pytest.mark.thorough

LONG = "a network of a name that goes on and on, with a price of $5 and of $6, and _more_ {of} it"


def some(count: int, epochs: int = 5):
    """So many histories; one has a long name, another diverges."""
    steps = np.arange(epochs)
    runs = {
        f"model {k}": a_history(
            epochs, loss=1 / (k + 1 + steps), val_loss=2.0 + steps, accuracy=steps / 100
        )
        for k in range(count)
    }
    runs["model 0"].history["val_loss"][-1] = math.nan
    return {(LONG if name == "model 1" else name): run for name, run in runs.items()}


PICTURES = {
    "history, one": lambda: plot_history(some(1)["model 0"]),
    "history, one epoch": lambda: plot_history(some(2, 1)),
    "history, three": lambda: plot_history(some(3, 200)),
    "history, eight": lambda: plot_history(some(8), ["loss"]),
    "values": lambda: plot_values(some(1)["model 0"]),
    "comparison, two": lambda: plot_comparison(some(2)),
    "comparison, eight": lambda: plot_comparison(some(8)),
    "sheet, three": lambda: plot_sheet(some(3)),
    "sheet, four": lambda: plot_sheet(some(4), columns=3),
    "activations": lambda: plot_activations(),
    "activation": lambda: plot_activations([LeakyReLU(0.1)]),
    "predictions": lambda: plot_predictions(
        np.zeros((3, 4, 4)), np.eye(3), [0, 1, 1], ["a", LONG, "$c$"], rows=2, columns=2
    ),
    "fit": lambda: plot_fit([1, 2, 3], [3, 1, 2], {LONG: (1, 2), "two": (3, 4)}),
    "weights": lambda: plot_weights(np.ones((4, 5)), (2, 2)),
    "weight": lambda: plot_weights(np.ones((4, 1)), (2, 2)),
}


@pytest.fixture(scope="module", params=PICTURES.values(), ids=PICTURES)
def figure(request) -> Figure:
    """A figure as it is laid out when it is drawn, without a complaint of matplotlib's."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        drawn = request.param()
        FigureCanvasAgg(drawn).draw()
    return drawn


def test_no_word_is_cut_off(figure):
    renderer = figure.canvas.get_renderer()
    for artist in [*figure.axes, *figure.legends, *(c._suptitle for c in figure.subfigs)]:
        if artist is not None and artist.get_visible():
            box = artist.get_tightbbox(renderer)
            assert box.x0 >= 0, artist
            assert box.y0 >= 0, artist
            assert box.x1 <= figure.bbox.x1, artist
            assert box.y1 <= figure.bbox.y1, artist


def test_nothing_overlaps(figure):
    renderer = figure.canvas.get_renderer()
    artists = [*figure.axes, *figure.legends, *(c._suptitle for c in figure.subfigs)]
    boxes = [a.get_tightbbox(renderer) for a in artists if a is not None and a.get_visible()]
    for k, box in enumerate(boxes):
        for other in boxes[:k]:
            width = min(box.x1, other.x1) - max(box.x0, other.x0)
            height = min(box.y1, other.y1) - max(box.y0, other.y0)
            # A pixel on each side is rounding.
            assert min(width, height) < 1


def test_figures_can_be_written(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")


def test_figures_belong_to_no_window():
    plot_history(some(2))
    assert not pyplot.get_fignums()

"""The common style of all pictures: colours, frames, and a legend that covers no data."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

#: Told apart with any colour vision: Okabe & Ito, "Color Universal Design", 2008; grey stands in
#: for their yellow, which is too pale for lines on white.
COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#808080"),
)
#: One more than the colours: 72 curves go by before a pair returns.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")

FONT = 9  # points
# Inches, at this size: a line of text, a letter, the picture before and the gap after an entry.
_LINE, _LETTER, _HANDLE = 0.19, 0.078, 0.62


def figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, in which nothing overlaps or touches the edge."""
    layout = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.06, wspace=0.03)
    return Figure(figsize=(width, height), layout=layout)


def frame(axes: Axes) -> None:
    """A light grid, and no lines where there is no scale."""
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def wrapped(text: str, inches: float, points: float = FONT) -> str:
    """A long text in lines that are no wider, in letters of that size."""
    return textwrap.fill(text, max(8, int(inches / (_LETTER * points / FONT))))


def legend(of: Figure, handles: Sequence[Artist]) -> None:
    """A legend of the handles' labels below all axes; the figure grows by its height."""
    width, height = of.get_size_inches()
    labels = [wrapped(str(handle.get_label()), width - _HANDLE) for handle in handles]
    lines = [label.splitlines() or [""] for label in labels]
    widest = max(len(line) for entry in lines for line in entry)
    rows = math.ceil(len(labels) / max(1, int(width / (_LETTER * widest + _HANDLE))))
    of.set_size_inches(width, height + _LINE * rows * max(map(len, lines)))
    drawn = of.legend(
        handles, labels, loc="outside lower center", ncols=math.ceil(len(labels) / rows),
        frameon=False, fontsize=FONT,
    )  # fmt: skip
    for text in drawn.get_texts():
        text.set_parse_math(False)

"""The results as a picture: each peer's epoch as a multiple of minidl's, job by job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.train.peers import FLOOR, FLOOR_MKL, MINIDL, PEERS
from minidl.plotting import style

TICKS = (0.25, 0.5, 1, 2, 3, 5, 10, 20, 50)
LOOKS = {
    "jax": ("s", 1), "keras-jax": ("^", 2), "torch": ("D", 3), "torch-compiled": ("v", 5),
    "sklearn": ("P", 4), "keras-tf": ("X", 7), FLOOR: ("|", 6), FLOOR_MKL: ("_", 6),
}  # fmt: skip


def draw(results: dict[str, dict[str, dict[str, Any]]], path: Path) -> None:
    """Write the picture of ``results``: job -> peer -> row of the report."""
    figure_of(results).savefig(path, dpi=110)


def figure_of(results: dict[str, dict[str, dict[str, Any]]]) -> Figure:
    """A line for each job that minidl has trained, with a mark for each peer."""
    shown = {name: rows for name, rows in results.items() if MINIDL in rows}
    figure = style.figure(8.5, 0.3 * len(shown) + 1.0)
    axes = figure.subplots()
    style.frame(axes)
    axes.axvline(1, color=style.COLOURS[0], linewidth=2.5, zorder=1)
    for line, rows in enumerate(shown.values()):
        for name, (marker, colour) in LOOKS.items():
            if name in rows:
                bare = name in (FLOOR, FLOOR_MKL)
                axes.plot(
                    rows[name]["of minidl"], line, marker, color=style.COLOURS[colour],
                    markersize=11 if bare else 6, markeredgewidth=2 if bare else 0.5,
                )  # fmt: skip
        seconds = rows[MINIDL]["seconds"]
        axes.annotate(
            f"{seconds:.2f} s" if seconds >= 0.1 else f"{1e3 * seconds:.0f} ms",
            (1, line), (1.01, line), xycoords=("axes fraction", "data"),
            textcoords=("axes fraction", "data"), va="center", fontsize=style.FONT,
        )  # fmt: skip
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    axes.set_xticks([t for t in TICKS if low <= t <= high], minor=False)
    axes.set_xticks([], minor=True)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}×")
    axes.set_yticks(range(len(shown)), list(shown), fontsize=style.FONT)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlabel("an epoch's time as a multiple of minidl's (at the right, in seconds)")
    axes.set_title("Training small dense networks on a CPU", fontsize=style.FONT + 2)
    present = {name for rows in shown.values() for name in rows}
    handles = [Line2D([], [], color=style.COLOURS[0], linewidth=2.5, label="minidl")]
    handles += [
        Line2D([], [], linestyle="", marker=marker, color=style.COLOURS[colour],
               label="bare matrix products" + " (MKL)" * (name == FLOOR_MKL)
               if name in (FLOOR, FLOOR_MKL) else PEERS[name].label)
        for name, (marker, colour) in LOOKS.items() if name in present
    ]  # fmt: skip
    style.legend(figure, handles)
    return figure

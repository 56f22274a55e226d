"""Histories as curves: their names and values, and how one is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from minidl import checks
from minidl.callbacks import History
from minidl.metrics.names import direction
from minidl.plotting.style import COLOURS, MARKERS, frame, wrapped

Histories = History | Mapping[Any, History] | Sequence[tuple[Any, History]]


class Part(NamedTuple):
    """The style of the values of one prefix, and their description."""

    line: Literal["-", "--", ":"]
    marker: dict[str, Any]
    meaning: str


#: Values with the prefix "train_" are measured after the epoch, in inference.
PARTS = {
    "": Part("--", {"markerfacecolor": "white"}, "training"),
    "train_": Part(
        ":", {"fillstyle": "bottom", "markerfacecoloralt": "white"}, "training, after the epoch"
    ),
    "val_": Part("-", {}, "validation"),
}
_KINDS = ("binary_accuracy", "categorical_accuracy", "sparse_categorical_accuracy")
_ACCURACIES = ("accuracy", "acc", *_KINDS)
# Under which other names a history may hold a value. Without penalties the loss is the data's.
_OTHER_NAMES = {**dict.fromkeys(_ACCURACIES, _ACCURACIES), "data_loss": ("loss",)}
_WORDS = {"acc": "accuracy", "data_loss": "loss without penalty"}

_BEST: dict[str, Any] = {"markersize": 8, "markerfacecolor": "white", "markeredgewidth": 1.8}
_MARKS = 6  # markers on a curve, about
_SQUEEZED = 1 / 40  # of the largest value: below, on an axes, as good as zero
_NOTE = 4.0  # inches wide


@dataclass(frozen=True)
class Curves:
    """The values of one history, in one colour and, beside other histories, with one marker.

    Attributes:
        name: for the legend.
        history: the result of ``fit``.
        index, count: the place of the history among all drawn histories.
    """

    name: str
    history: History
    index: int = 0
    count: int = 1

    @property
    def colour(self) -> str:
        """The colour of the history's place."""
        return COLOURS[self.index % len(COLOURS)]

    @property
    def marker(self) -> str:
        """The marker of the history's place."""
        return MARKERS[self.index % len(MARKERS)]

    @property
    def epochs(self) -> np.ndarray:
        """Numbers of the epochs, the first is 1."""
        return np.asarray(self.history.epoch) + 1

    def get(self, value: str) -> np.ndarray | None:
        """A value at each epoch, NaN where it is not finite; None if there is no such value.

        Raises:
            ValueError: not a value for each epoch.
        """
        part, name = split(value)
        for other in (name, *_OTHER_NAMES.get(name, ())):
            try:
                found = np.asarray(self.history.history[part + other], dtype=np.float64)
            except KeyError:
                continue
            if found.shape != self.epochs.shape:
                raise ValueError(
                    f"{self.name or 'History'}: expected a value of {part + other!r} for each of "
                    f"{len(self.epochs)} epochs, received {len(found)}"
                )
            return np.where(np.isfinite(found), found, np.nan)
        return None

    def draw(self, axes: Axes, value: str) -> str | None:
        """Draw a value against the epoch; return a remark for the reader, or None."""
        line, look, meaning = PARTS[split(value)[0]]
        y = self.get(value)
        if y is None:
            return None
        missing = np.isnan(y)
        # A point without neighbours has no line to be seen.
        neighbours = ~np.concatenate(([True], missing, [True]))
        marked = ~missing & ~neighbours[:-2] & ~neighbours[2:]
        if self.count > 1:
            step = max(1, math.ceil(len(y) / _MARKS))
            marked[self.index * step // self.count :: step] = True
        axes.plot(
            self.epochs, y, line, color=self.colour, label=self.name, linewidth=1.5,
            marker=self.marker if marked.any() else "", markevery=np.flatnonzero(marked).tolist(),
            markersize=5, **look,
        )  # fmt: skip
        if not missing.any():
            return None
        described = f"{self.name}, {meaning}" if self.name else meaning
        return f"{described}: {missing.sum()} of {len(y)} epochs not finite"

    def draw_best(self, axes: Axes, value: str) -> str | None:
        """Mark the lowest value (accuracies: the highest), and return value and epoch as text."""
        y = self.get(value)
        if y is None or np.isnan(y).all():
            return None
        rising = direction(split(value)[1]) == "up"
        best = int(np.nanargmax(y) if rising else np.nanargmin(y))
        axes.plot(
            self.epochs[best : best + 1], y[best : best + 1], linestyle="", marker=self.marker,
            color=self.colour, zorder=3, **_BEST,
        )  # fmt: skip
        word = "highest" if rising else "lowest"
        return f"{word} {f'{y[best]:#.4g}'.rstrip('.')}, epoch {self.epochs[best]}"

    def handle(self, note: str | None = None) -> Line2D:
        """The curves' entry in a legend; a note is of the best value, and shows its mark."""
        return Line2D(
            [], [], color=self.colour, label=": ".join(filter(None, (self.name, note))),
            marker=self.marker if self.count > 1 or note else "",
            **(_BEST if note else {"markersize": 6}),
        )  # fmt: skip


def named(histories: Histories) -> list[Curves]:
    """The histories with their names; one alone has the name "".

    Raises:
        ValueError: no history, two of one name, or one without an epoch.
        TypeError: not histories.
    """
    expected = "expected a History, or several by name: a mapping or (name, History) pairs"
    if isinstance(histories, History):
        pairs: list[Any] = [("", histories)]
    elif isinstance(histories, Mapping):
        pairs = list(histories.items())
    elif isinstance(histories, list | tuple):
        pairs = list(histories)
    else:
        raise TypeError(f"{expected}, received {type(histories).__name__}")
    if not pairs:
        raise ValueError("expected at least one History, received none")
    found: dict[str, History] = {}
    for pair in pairs:
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise TypeError(f"{expected}, received a sequence with {type(pair).__name__}")
        name, history = str(pair[0]), pair[1]
        if not isinstance(history, History):
            raise TypeError(
                f"{name}: expected a History, as fit returns it, received {type(history).__name__}"
            )
        if name in found:
            raise ValueError(f"expected a name for each History, received {name!r} twice")
        if not history.epoch:
            raise ValueError(f"{name or 'History'}: expected at least one epoch, received none")
        found[name] = history
    return [Curves(*item, k, len(found)) for k, item in enumerate(found.items())]


def split(value: str) -> tuple[str, str]:
    """Prefix ("", "train_" or "val_") and name of a value."""
    part = next((part for part in PARTS if part and value.startswith(part)), "")
    return part, value.removeprefix(part)


def label(value: str) -> str:
    """A value for readers: "validation loss" for "val_loss"."""
    part, name = split(value)
    what, _, when = PARTS[part].meaning.partition(",")
    return f"{what} {words(name)}{',' * bool(when)}{when}"


def words(name: str) -> str:
    """The name of a value, without prefix, for readers."""
    return _WORDS.get(name, name.replace("_", " "))


def unknown(value: str, curves: Sequence[Curves], *, with_parts: bool) -> ValueError:
    """The error for a value that the histories do not hold."""
    known = {name for run in curves for name in run.history.history}
    error = checks.unknown("value", value, known if with_parts else {split(n)[1] for n in known})
    of = curves[0].name if len(curves) == 1 else ""
    return ValueError(f"{of}: {error}") if of else error


def finish(axes: Axes, curves: Sequence[Curves], ylabel: str, notes: Iterable[str | None]) -> None:
    """Labels, integer epochs, a scale on which values of all sizes are seen, and the notes."""
    frame(axes)
    first = min(int(run.epochs.min()) for run in curves)
    last = max(int(run.epochs.max()) for run in curves)
    # Room at both ends, but none for a tick before the first epoch.
    room = max(0.3, 0.02 * (last - first))
    axes.set_xlim(first - min(room, 0.9), last + room)
    axes.xaxis.set_major_locator(
        MaxNLocator("auto", integer=True, min_n_ticks=1, steps=[1, 2, 2.5, 5, 10])
    )
    axes.set_ylabel(ylabel)
    lines = [wrapped(note, _NOTE) for note in notes if note]
    axes.set_xlabel("\n".join(["epoch", *lines]), parse_math=False)


def scale(panels: Sequence[Axes]) -> None:
    """Logarithmic where else a quarter of the values would be squeezed against the axis."""
    drawn = [np.asarray(line.get_ydata(), float) for axes in panels for line in axes.lines]
    values = np.concatenate(drawn)
    values = values[np.isfinite(values)]
    if len(values) and values.min() > 0 and np.quantile(values, 0.25) < _SQUEEZED * values.max():
        for axes in panels:
            axes.set_yscale("log")

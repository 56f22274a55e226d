"""Pictures of one or several trainings: loss, metrics and penalties against the epoch.

Each function takes a :class:`~minidl.callbacks.History`, or several by name: a mapping from name to
History or a list of (name, History) pairs. Training is dashed, validation solid. A value that is
not finite is a gap in the curve, and the axis says so. The scale is logarithmic where values lie so
far apart that many could not be told from zero.

An accuracy is found under each of its names ("accuracy", "acc", "sparse_categorical_accuracy",
…), and "data_loss" is the loss of a network without penalties.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from minidl import checks
from minidl.callbacks import History
from minidl.plotting import curves, style
from minidl.plotting.curves import PARTS, Curves, Histories

_PANEL = 4.6  # inches, the width of one model's place on a sheet
_TITLE = 11  # points


def plot_history(histories: Histories, values: Sequence[str] | None = None) -> Figure:
    """Curves against the epoch, one axes for each value: training dashed, validation solid.

    Args:
        histories: the result of ``fit``; or several by name, each in its own colour.
        values: names in the histories, without "val_". Default: "loss", and "accuracy" if there
            is one.

    Raises:
        ValueError: no history or no epoch, or a value that none of the histories holds.
        TypeError: not histories.
    """
    runs = curves.named(histories)
    if values is None:
        accuracy = any(run.get("accuracy") is not None for run in runs)
        values = ("loss", "accuracy") if accuracy else ("loss",)
    if isinstance(values, str) or not values:
        raise ValueError(f"values: expected a list of at least one name, received {values!r}")
    figure = style.figure(5.5 * len(values), 4)
    panels = figure.subplots(1, len(values), squeeze=False)[0]
    parts: set[str] = set()
    for axes, value in zip(panels, values, strict=True):
        held = _parts(runs, value)
        notes = [run.draw(axes, part + value) for run in runs for part in held]
        curves.finish(axes, runs, curves.words(value), notes)
        curves.scale([axes])
        parts |= set(held)
    style.legend(figure, _handles(runs, parts))
    return figure


def plot_values(history: History) -> Figure:
    """All values of one history in one axes: training dashed, validation solid.

    Args:
        history: the result of ``fit``.

    Raises:
        ValueError: no epoch.
        TypeError: not a History.
    """
    if not isinstance(history, History):
        raise TypeError(f"expected a History, received {type(history).__name__}")
    curves.named(history)
    names = list(dict.fromkeys(curves.split(name)[1] for name in history.history))
    runs = [Curves(curves.words(n), history, k, len(names)) for k, n in enumerate(names)]
    figure = style.figure(6.4, 4)
    axes = figure.subplots()
    notes, parts = [], set()
    for run, name in zip(runs, names, strict=True):
        held = _parts([run], name)
        notes += [run.draw(axes, part + name) for part in held]
        parts |= set(held)
    curves.finish(axes, runs, "value", notes)
    curves.scale([axes])
    style.legend(figure, _handles(runs, parts))
    return figure


def plot_comparison(histories: Histories, value: str = "val_loss") -> Figure:
    """One value of several models in one axes, with each one's best epoch.

    The hollow marker is the lowest value, for accuracies the highest; the legend has the number.

    Args:
        histories: several by name, or one.
        value: a name in all of the histories; default "val_loss". "val_data_loss" compares
            networks with and without penalties.

    Raises:
        ValueError: no history or no epoch, or a value that one of the histories does not hold.
        TypeError: not histories.
    """
    runs = curves.named(histories)
    for run in runs:
        if run.get(value) is None:
            raise curves.unknown(value, [run], with_parts=True)
    figure = style.figure(6.4, 4)
    axes = figure.subplots()
    notes = [run.draw(axes, value) for run in runs]
    handles = [run.handle(run.draw_best(axes, value)) for run in runs]
    curves.finish(axes, runs, curves.label(value), notes)
    curves.scale([axes])
    style.legend(figure, handles)
    return figure


def plot_sheet(histories: Histories, value: str = "loss", columns: int = 2) -> Figure:
    """One axes for each model, with training and validation curve and the same limits in all.

    Where the last row has a place left, the validation curves of all stand there together.

    Args:
        histories: several by name, or one.
        value: a name in all of the histories, without "val_"; default "loss".
        columns: of the sheet; default 2.

    Raises:
        ValueError: no history or no epoch, a value that one of the histories does not hold, or less
            than one column.
        TypeError: not histories.
    """
    runs = curves.named(histories)
    columns = min(checks.integer("columns", columns, 1), len(runs))
    rows = math.ceil(len(runs) / columns)
    parts = {part for run in runs for part in _parts([run], value)}
    figure = style.figure(_PANEL * columns, 3.2 * rows)
    places = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
    for axes, run in zip(places, runs, strict=False):
        held = _parts([run], value)
        notes = [run.draw(axes, part + value) for part in held]
        curves.finish(axes, runs, curves.words(value), notes)
        title = style.wrapped(run.name, 0.8 * _PANEL, _TITLE)
        axes.set_title(title, fontsize=_TITLE, parse_math=False)
    used = len(runs)
    if used < len(places) and "val_" in parts:
        axes = places[used]
        for run in runs:
            run.draw(axes, f"val_{value}")
        curves.finish(axes, runs, curves.label(f"val_{value}"), [])
        axes.set_title("validation, compared", fontsize=_TITLE)
        used += 1
    for axes in places[:used]:
        axes.tick_params(labelleft=True)
    for axes in places[used:]:
        axes.set_visible(False)
    curves.scale(places[:used])
    # Without the comparison, the titles have all names.
    style.legend(figure, _handles(runs, parts, names=used > len(runs)))
    return figure


def _parts(runs: Sequence[Curves], value: str) -> list[str]:
    """The prefixes under which one of the histories holds a value.

    Raises:
        ValueError: there is none, or the value has a prefix itself.
    """
    held = [part for part in PARTS if any(run.get(part + value) is not None for run in runs)]
    if not held or curves.split(value)[0]:
        raise curves.unknown(value, runs, with_parts=False)
    return held


def _handles(runs: Sequence[Curves], parts: set[str], *, names: bool = True) -> list[Line2D]:
    """A legend's entries for the histories' names and the line styles' meanings."""
    named = [run.handle() for run in runs if names and run.name]
    marked = any(run.count > 1 or len(run.epochs) == 1 for run in runs)
    # Beside names in colours, a style is shown in no colour of theirs.
    return named + [
        Line2D(
            [], [], linestyle=part.line, color="0.35", label=part.meaning,
            marker="o" if marked else "", markersize=5, **part.marker,
        )
        for prefix, part in PARTS.items()
        if prefix in parts
    ]  # fmt: skip

"""Results as text: the list of experiments, tables for the terminal, the page in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.machine import describe
from examples.replays.catalogue import TUTORIALS
from examples.replays.experiment import Experiment, Quantity
from examples.replays.results import Record, Row, rows

LEGEND = """\
The published numbers are the tutorials' own, of one run each. Two near-identical runs of
tutorial 001 end .0006 apart, and a run swings by about .01 from epoch to epoch. So a number is
compared with a band:

- an accuracy: ± .01;
- a loss: ± the largest change from one epoch to the next that the tutorial prints among the last
  ten epochs of that curve (among those of the second half, where that is fewer), at least ± .01;
- the best validation loss: ± the smaller of the two changes beside it in its printed curve, at
  least ± .01; its epoch: those at which that curve lies within this band of its best; the number
  of epochs under early stopping: that and the patience;
- tutorial 004 prints no curves: the relative swing of the most similar one that is printed, 13.8 %
  for plain networks on IMDB (003, plain), 9.5 % with penalties (the calmer one of 003's two), 6.0 %
  with dropout (003), 7.1 % on MNIST (002, Adam), at least ± .01;
- linear models, norms and numbers of parameters hold no chance: the digits that are published,
  of MAE, MSE and RMSE four; formulas of activation functions: 10⁻⁶, the rounding of float32.

"As published" repeats what the tutorial's code does, slips included; "corrected" mends them, and
is not compared. Nor is a run on another data set or of another number of epochs. Where there are
several seeds, the number measured is the mean over them, and the spread their standard deviation.
Time is that of one run, without loading the data.
"""

KERAS_LEGEND = """\
"Keras" is the same experiment on the same data by Keras 3 on TensorFlow, measured by
`python -m benchmarks.replay_keras`: where it is outside the band too ("no, Keras neither"), the
difference is one of data or of versions, not of the engine.
"""


def listing(experiments: Iterable[Experiment]) -> str:
    """One line for each experiment: tutorial, name, model, published numbers."""
    lines = []
    for each in experiments:
        numbers = ", ".join(
            f"{quantity.name} {number(quantity.published, quantity.digits)}"
            for quantity in each.quantities
            if quantity.published is not None
        )
        lines.append((each.title, f"{each.what} ({each.data})", numbers or "no number"))
    widths = [max(len(line[k]) for line in lines) for k in range(2)]
    head = ("experiment", "what", "published")
    return "\n".join(
        f"{title:<{widths[0]}}  {what:<{widths[1]}}  {numbers}"
        for title, what, numbers in (head, *lines)
    )


def table(records: Sequence[Record]) -> str:
    """The quantities of each record, published beside measured."""
    several = any(len(each.seeds) > 1 for each in records)
    head = f"{'published':>12}{'measured':>12}" + (f"{'spread':>10}" if several else "")
    lines = [f"{'':<32}{head}{'difference':>12}{'band':>12}  within"]
    for each in records:
        lines.append(heading(each))
        for row in rows(each):
            quantity, digits = row.quantity, row.quantity.digits
            cells = [
                f"  {quantity.name:<30}",
                f"{number(quantity.published, digits):>12}",
                f"{number(row.measured, digits):>12}",
                f"{number(row.spread, digits):>10}" if several else "",
                f"{number(row.difference, digits, sign=True):>12}",
                f"{band(quantity):>12}",
                f"  {verdict(row)}",
            ]
            lines.append("".join(cells).rstrip())
        lines += [f"  {line}" for line in remarks(each)]
    return "\n".join(lines)


def heading(found: Record) -> str:
    """Heading of a record: experiment, variant, data, time."""
    seeds = f", {len(found.seeds)} seeds" if len(found.seeds) > 1 else ""
    epochs = f", {found.epochs} epoch{'s' * (found.epochs > 1)}" if found.epochs else ""
    return (
        f"{found.document} {found.name}, {variant(found)}: {found.what} "
        f"({found.data}{epochs}{seeds}, {found.seconds:.1f} s)"
    )


def variant(found: Record) -> str:
    """State of the tutorial's slip, published or mended, in words."""
    return "corrected" if found.corrected else "as published"


def remarks(found: Record) -> list[str]:
    """Reasons why nothing is compared, and remarks for the reader."""
    lines = []
    if found.shortened:
        lines.append("Not compared: a run of another number of epochs than the tutorial's.")
    if found.stand_in:
        lines.append(f"Not compared: on {found.data}, because the tutorial's data is not there.")
    if found.corrected:
        lines.append(f"Corrected, not compared: {found.remark}.")
    elif found.remark:
        lines.append(f"Note: {found.remark}.")
    return lines


def tally(records: Iterable[Record]) -> str:
    """Number of compared numbers within their bands, and a list of the rest."""
    compared = [(each, row) for each in records for row in rows(each) if row.within is not None]
    outside = [
        f"{each.document} {each.name} {row.quantity.name}"
        for each, row in compared
        if not row.within
    ]
    if not compared:
        return "No published number was compared"
    text = f"{len(compared) - len(outside)} of {len(compared)} published numbers within their band"
    return f"{text}; outside: {', '.join(outside)}" if outside else text


def page(records: Sequence[Record], keras: Sequence[Record], folder: Path) -> str:
    """All results as Markdown, with the pictures that lie in the folder."""
    machine = describe()
    commands = "\n".join(dict.fromkeys(each.command for each in records))
    parts = [
        "# The tutorials' experiments, run again",
        f"```sh\n{commands}\n```",
        f"{tally(records)}. Times are from {machine['cores']} cores of {machine['processor']}.",
        LEGEND + ("\n" + KERAS_LEGEND if keras else ""),
    ]
    for document, tutorial in TUTORIALS.items():
        own = [each for each in records if each.document == document]
        if not own:
            continue
        title = (tutorial.__doc__ or "").removeprefix("Tutorial ").strip().rstrip(".")
        parts += [f"## {title}", _markdown(own, [k for k in keras if k.document == document])]
        names = sorted(path.name for path in folder.glob(f"{document}-*.png"))
        parts += ["\n".join(f"![{name}]({name})" for name in names)] if names else []
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _markdown(records: Sequence[Record], keras: Sequence[Record]) -> str:
    several = any(len(each.seeds) > 1 for each in records)
    head = ["experiment", "quantity", "published", "measured"]
    head += ["spread"] if several else []
    head += ["difference", "band", "within"] + (["Keras"] if keras else [])
    left = {"experiment", "quantity", "within"}
    lines = [head, ["---" if name in left else "--:" for name in head]]
    notes: dict[str, list[str]] = {}
    for each in records:
        theirs = {
            row.quantity.name: row
            for other in keras
            if other.key == each.key
            for row in rows(other)
        }
        first = f"**{each.name}**, {variant(each)}: {each.what} ({each.data}, {each.seconds:.0f} s)"
        for row in rows(each):
            digits, other = row.quantity.digits, theirs.get(row.quantity.name)
            cells = [first, row.quantity.name, number(row.quantity.published, digits)]
            cells.append(number(row.measured, digits))
            cells += [number(row.spread, digits)] if several else []
            cells.append(number(row.difference, digits, sign=True))
            cells += [band(row.quantity), verdict(row, other)]
            cells += [number(other.measured, digits) if other else ""] if keras else []
            lines.append(cells)
            first = ""
        for line in remarks(each):
            notes.setdefault(line, []).append(f"{each.name}, {variant(each)}")
    text = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return "\n".join([text, "", *(f"- {'; '.join(who)}: {line}" for line, who in notes.items())])


def number(value: float | None, digits: int, sign: bool = False) -> str:
    """A value with so many digits after the point; nothing for None."""
    return "" if value is None else f"{value:{'+' if sign else ''}.{digits}f}"


def band(quantity: Quantity) -> str:
    """The band: ± half the width, from … to for a lopsided band, or "exact"."""
    published, low, high = quantity.published, quantity.low, quantity.high
    if published is None or low is None or high is None:
        return ""
    half = (high - low) / 2
    if abs(published - low - half) > 1e-9:
        return f"{low:g} … {high:g}"
    # Half a unit of the last digit.
    return f"± {half:.4g}" if half > 0.51 * 10.0**-quantity.digits else "exact"


def verdict(row: Row, keras: Row | None = None) -> str:
    """Verdict on a quantity: within the band or not; if not, with Keras's verdict."""
    if row.within is None:
        return ""
    if row.within:
        return "yes"
    return "no, Keras neither" if keras is not None and keras.within is False else "no"

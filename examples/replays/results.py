"""Measured results, as records in a folder that outlive the run."""

from __future__ import annotations

import csv
import io
import json
import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from examples.replays.catalogue import EXPERIMENTS
from examples.replays.experiment import Experiment, Outcome, Quantity


@dataclass(frozen=True)
class Record:
    """A finished experiment.

    Attributes:
        document, name, what, data: of the experiment; ``data`` is the data set actually used.
        corrected: True if the tutorial's slip was mended.
        epochs: of one run.
        shortened: True if the run has fewer or more epochs than the tutorial.
        stand_in: True if another data set than the tutorial's was used.
        seeds: of the runs.
        seconds: mean of the runs.
        backend, command: circumstances of the run.
        quantities: :class:`Quantity` as dictionaries, each with its values, "measured": a
            number for each seed, none where the engine does not give the quantity.
        remark: the correction, or another remark for the reader.
    """

    document: str
    name: str
    what: str
    data: str
    corrected: bool
    epochs: int
    shortened: bool
    stand_in: bool
    seeds: list[int]
    seconds: float
    backend: str
    command: str
    quantities: list[dict[str, Any]]
    remark: str

    @property
    def key(self) -> tuple[str, str, bool, bool]:
        """A record takes the place of an older one of the same key."""
        return self.document, self.name, self.corrected, self.shortened

    @property
    def compared(self) -> bool:
        """True if the published numbers are of the same run."""
        return not (self.corrected or self.shortened or self.stand_in)


@dataclass(frozen=True)
class Row:
    """A quantity of a record, the mean over the seeds.

    Attributes:
        quantity: of the record.
        measured, spread: mean and standard deviation; None where there is none.
        difference: measured less published; None where the run is another one.
        within: True if the mean is in the band; None without a comparison.
    """

    quantity: Quantity
    measured: float | None
    spread: float | None
    difference: float | None
    within: bool | None


def record(experiment: Experiment, outcomes: Sequence[Outcome], **how: Any) -> Record:
    """The record of an experiment's runs; ``how`` has the attributes that are not theirs."""
    stand_in = outcomes[0].stand_in
    return Record(
        document=experiment.document,
        name=experiment.name,
        what=experiment.what,
        data=stand_in or experiment.data,
        stand_in=bool(stand_in),
        quantities=[
            {
                **asdict(quantity),
                "measured": [
                    float(outcome.measured[quantity.name])
                    for outcome in outcomes
                    if quantity.name in outcome.measured
                ],
            }
            for quantity in experiment.quantities
        ],
        remark=experiment.correction if how["corrected"] else experiment.note,
        **how,
    )


def rows(found: Record) -> list[Row]:
    """The quantities of a record."""
    result = []
    for entry in found.quantities:
        values = entry["measured"]
        quantity = Quantity(**{key: entry[key] for key in entry if key != "measured"})
        mean = statistics.fmean(values) if values else None
        spread = statistics.stdev(values) if len(values) > 1 else None
        difference = within = None
        if mean is not None and quantity.published is not None:
            if not (found.shortened or found.stand_in):
                difference = mean - quantity.published
            if found.compared:
                within = quantity.within(mean)
        result.append(Row(quantity, mean, spread, difference, within))
    return result


class Store:
    """The records in a folder, ``results.json``; earlier commands' records stay there.

    Args:
        folder: made if missing; tried with a small file.
        file: name of the file.

    Raises:
        OSError: the folder cannot be made or written, or the file not be read.
        ValueError: the file is not one of records.
    """

    def __init__(self, folder: Path, file: str = "results.json") -> None:
        self.folder, self.file = folder, file
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
        self.records = load(folder / file)

    def add(self, new: Record) -> None:
        """Put a record in, in the catalogue's order, in place of an older one; write the file.

        Raises:
            OSError: the file cannot be written; the older file is still whole, and the next call
                writes all records.
        """
        self.records = sorted(
            [*(old for old in self.records if old.key != new.key), new], key=_place
        )
        text = json.dumps([asdict(each) for each in self.records], indent=1)
        write(self.folder / self.file, (text + "\n").encode())


def load(path: Path) -> list[Record]:
    """The records of a file; none if the file is missing.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is not one of records.
    """
    if not path.exists():
        return []
    try:
        return [Record(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{path}: expected the records of an earlier run, received {error}; move it away or "
            "choose another --out"
        ) from None


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        OSError: the file cannot be written; an older file is still there.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def as_csv(records: Sequence[Record]) -> str:
    """A line for each quantity of each record."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["tutorial", "experiment", "corrected", "data", "epochs", "seeds", "seconds", "quantity",
         "published", "low", "high", "measured", "spread", "within"]
    )  # fmt: skip
    for each in records:
        for row in rows(each):
            quantity = row.quantity
            writer.writerow(
                [each.document, each.name, each.corrected, each.data, each.epochs,
                 len(each.seeds), f"{each.seconds:.1f}", quantity.name, quantity.published,
                 quantity.low, quantity.high, row.measured, row.spread, row.within]
            )  # fmt: skip
    return text.getvalue()


def _place(found: Record) -> tuple[Any, ...]:
    order = [(experiment.document, experiment.name) for experiment in EXPERIMENTS]
    place = (found.document, found.name)
    # An experiment that is not there any more stays at the end.
    known = order.index(place) if place in order else len(order)
    return known, place, found.shortened, found.corrected

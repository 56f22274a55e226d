"""Running experiments one after the other, so that nothing that is finished is lost."""

from __future__ import annotations

import io
import sys
import time
from argparse import Namespace
from collections.abc import Iterable, Sequence
from typing import Any

from examples.replays import catalogue, data, report, results
from examples.replays.experiment import Experiment, Outcome
from examples.replays.results import Record, Store
from examples.replays.session import Session
from minidl.datasets import DataFileError, DataNotFoundError

PAGE, TABLE, KERAS = "README.md", "results.csv", "keras.json"
DPI = 100
INTERRUPTED = 130


def run(chosen: Sequence[Experiment], options: Namespace, command: str) -> int:
    """Run the experiments, print and keep their results; the exit status.

    Args:
        chosen: experiments.
        options: seeds, epochs, quick, corrected, backend and out, as on the command line.
        command: kept with the results.
    """
    try:
        store = Store(options.out)
        keras = results.load(options.out / KERAS)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    status = 0
    finished: list[Record] = []
    drawn = Drawn(store)
    missing: set[str] = set()
    try:
        for experiment in chosen:
            for corrected in variants(experiment, options.corrected):
                try:
                    found, outcome = replay(experiment, corrected, options, command)
                except (DataNotFoundError, DataFileError) as error:
                    status = 1
                    if str(error) not in missing:
                        missing.add(str(error))
                        print(f"\n{error}\n{without(experiment)}", file=sys.stderr)
                    print(f"{experiment.title} is left out: no data.", file=sys.stderr)
                    break
                finished.append(found)
                print(f"\n{report.table([found])}\n", flush=True)
                try:
                    store.add(found)
                    drawn.add(experiment, corrected, found.shortened, outcome)
                    write_tables(store, keras)
                except OSError as error:
                    status = 1
                    print(f"{experiment.title} is not written: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        status = INTERRUPTED
        print("\nInterrupted; what follows was finished.")
    if len(finished) > 1:
        print(f"\n{report.table(finished)}\n")
    if not finished:
        print("No experiment was finished: nothing to show.")
    else:
        print(f"{report.tally(finished)}.")
        if status != 1:
            print(f"Results are in {options.out}.")
    if status == 1:
        print("Not all was done or written: see the messages above.", file=sys.stderr)
    return status


def variants(experiment: Experiment, corrected: str | None) -> tuple[bool, ...]:
    """The variants to run: as published (False), corrected (True), or both."""
    if not experiment.correction or corrected is None:
        return (False,)
    return (False, True) if corrected == "both" else (True,)


def replay(
    experiment: Experiment,
    corrected: bool,
    options: Namespace,
    command: str,
    kind: type[Session] = Session,
) -> tuple[Record, Outcome]:
    """Run one experiment with each seed; return the record, and the first seed's outcome.

    Raises:
        DataNotFoundError, DataFileError: the data set cannot be had.
    """
    seeds = list(range(options.seeds if experiment.epochs else 1))
    outcomes, seconds = [], 0.0
    for seed in seeds:
        session = kind(experiment.title, seed, corrected, options.epochs, options.quick)
        start = time.perf_counter()
        outcomes.append(experiment.run(session))
        seconds += session.seconds or time.perf_counter() - start
    history = outcomes[0].history
    found = results.record(
        experiment,
        outcomes,
        corrected=corrected,
        epochs=len(history.epoch) if history else 0,
        shortened=session.epochs(experiment.epochs) != experiment.epochs
        if experiment.epochs
        else False,
        seeds=seeds,
        seconds=seconds / len(seeds),
        backend=options.backend,
        command=command,
    )
    return found, outcomes[0]


def without(experiment: Experiment) -> str:
    """A text with the experiments that do not need this one's data set."""
    # Fashion-MNIST takes the place of MNIST.
    needed = {data.MNIST, data.FASHION_MNIST} if experiment.data != data.IMDB else {data.IMDB}
    lines = []
    for document in catalogue.TUTORIALS:
        names = [each.name for each in catalogue.find(document, ()) if each.data not in needed]
        lines += [f"  {document}: {', '.join(names)}"] if names else []
    return "\n".join(["Experiments that do not need it:", *lines])


class Drawn:
    """The tutorials' pictures, each drawn when all its experiments are finished.

    Args:
        store: with the folder of the pictures.
    """

    def __init__(self, store: Store) -> None:
        self._folder = store.folder
        self._outcomes: dict[tuple[str, bool], dict[str, Outcome]] = {}

    def add(
        self, experiment: Experiment, corrected: bool, shortened: bool, outcome: Outcome
    ) -> None:
        """Take a finished outcome, and draw the pictures that were waiting for the outcome.

        Raises:
            OSError: a picture cannot be written.
        """
        document = experiment.document
        self._outcomes.setdefault((document, corrected), {})[experiment.name] = outcome
        published = self._outcomes.get((document, False), {})
        mended = self._outcomes.get((document, True), {})
        for picture in catalogue.pictures(document):
            names = set(picture.experiments)
            if experiment.name not in names:
                continue
            ending = "-shortened" if shortened else ""
            if not corrected and names <= published.keys():
                self._write(f"{document}-{picture.name}{ending}", picture.draw(published))
            outcomes = {**published, **mended}
            if names & mended.keys() and names <= outcomes.keys():
                name = f"{document}-{picture.name}-corrected{ending}"
                self._write(name, picture.draw(outcomes))

    def _write(self, name: str, figure: Any) -> None:
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=DPI)
        results.write(self._folder / f"{name}.png", content.getvalue())


def write_tables(store: Store, keras: Iterable[Record]) -> None:
    """Write the page and the CSV of all records.

    Raises:
        OSError: a file cannot be written.
    """
    results.write(store.folder / TABLE, results.as_csv(store.records).encode())
    text = report.page(store.records, list(keras), store.folder)
    results.write(store.folder / PAGE, text.encode())

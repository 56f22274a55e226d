"""Whole epochs of training, timed: minidl beside PyTorch, JAX, Keras and scikit-learn.

    pip install -e '.[bench]'
    python -m benchmarks.train          # everything: an hour
    python -m benchmarks.train --jobs 001 tanh --peers jax torch
    python -m benchmarks.train --late   # minidl's epoch 20 beside its epoch 2

All peers train on the same rows. Each peer has a separate process, and code as the peer's experts
would write (see ``benchmarks/train/peers``). The peers take turns, epoch by epoch. An epoch on a
slow machine, known from a product before and after, is trained again. Printed for each job: seconds
an epoch (median) with the spread over the epochs, and microseconds a step; the multiples of
minidl's time and of the floor, the time of the step's bare matrix products; the first epoch, which
compiles, and the time from the start of the process to the first epoch's end; loss and accuracy
after the same number of epochs, which reveal a peer that does less work. A run of all jobs and
peers is written to ``benchmarks/results/train.json``, drawn in ``train.png``, and put into the
README's table, ``train.md``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from benchmarks.train import jobs, peers, picture, race, report
from benchmarks.train.data import prepare
from benchmarks.train.jobs import Job
from benchmarks.train.peers import Peer
from benchmarks.train.steady import Machine
from benchmarks.train.worker import Worker
from minidl import checks
from minidl.datasets import DataFileError, DataNotFoundError

RESULTS = Path(__file__).parents[1] / "results"
PACKAGES = (
    "scipy", "llvmlite", "mkl", "torch", "jax", "jaxlib", "keras", "tensorflow-cpu", "scikit-learn"
)  # fmt: skip
# Epochs that are set beside each other: the first of the early ones is the second of a training,
# those of the other training are about the twentieth.
PAIRS, LATE = 9, 14


def main() -> int:
    """Run the command line; return the exit status."""
    options, chosen, competitors = parse()
    out = options.out
    if out is None and not (options.jobs or options.peers or options.rows):
        out = RESULTS  # the whole run
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        if options.late:
            return late(chosen, Path(folder), out)
        return compete(chosen, competitors, options.rounds, Path(folder), out)


def parse() -> tuple[argparse.Namespace, list[Job], list[Peer]]:
    """The command line; unknown names end the program with status 2."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.train", description="Time epochs of training beside other engines."
    )
    parser.add_argument(
        "--jobs", nargs="+", metavar="JOB", help="names, table, others, drawn or all"
    )
    parser.add_argument("--peers", nargs="+", metavar="PEER", help="beside minidl; default, all")
    parser.add_argument("--rounds", type=int, default=5, help="epochs that count (default: 5)")
    parser.add_argument("--late", action="store_true", help="minidl's epochs 2 to 10 and 16 to 24")
    parser.add_argument("--out", type=Path, help="folder for results of a part of all")
    parser.add_argument("--rows", type=int, help=argparse.SUPPRESS)  # to try whether all runs
    options = parser.parse_args()
    try:
        checks.integer("--rounds", options.rounds, 1)
        if options.rows is not None:
            checks.integer("--rows", options.rows, 1)
        chosen = jobs.find(options.jobs or ["all"], options.rows)
        competitors = peers.find(options.peers or peers.raced(peers.CPU))
    except ValueError as error:
        parser.error(str(error))
    return options, chosen, competitors


def compete(
    chosen: list[Job], competitors: list[Peer], rounds: int, folder: Path, out: Path | None
) -> int:
    """Run all jobs; 1 if a job failed."""
    status = 0
    results: dict[str, dict[str, report.Row]] = {}
    record: dict[str, Any] = {
        "machine": describe(*PACKAGES, here=False),
        "rounds": rounds,
        "jobs": {},
    }
    machine = Machine()
    for job in chosen:
        if not prepared(job, folder):
            status = 1
            continue
        left_out = {
            peer.name: why for peer in competitors if (why := peer.missing() or peer.cannot(job))
        }
        starts = {
            peer.name: partial(Worker.of, peer, job, folder)
            for peer in competitors
            if peer.name not in left_out
        }
        run = race.alone if job.alone else partial(race.together, rounds=rounds)
        runs = run(starts, machine=machine)
        failed = {name: run.error for name, run in runs.items() if run.error}
        status = 1 if failed else status
        left_out |= failed
        results[job.name] = rows = report.summarise(job, runs)
        print(report.table(job, rows, left_out), end="\n\n", flush=True)
        record["jobs"][job.name] = {
            "what": str(job),
            "floor": report.floor_of(runs),
            "peers": {
                name: {**row, "every": runs[name].seconds, **runs[name].facts}
                for name, row in rows.items()
            },
            "left out": left_out,
        }
        if out is not None:  # after each job, so that nothing is lost
            record["times faster"] = report.leads(results)
            write(record, out / "train.json")
            picture.draw(results, out / "train.png")
            (out / "train.md").write_text(report.markdown(record["jobs"]) + "\n")
    print(report.overview(results))
    if out is not None and results:
        print(f"written to {out / 'train.json'} and {out / 'train.png'}")
    return status


def late(chosen: list[Job], folder: Path, out: Path | None) -> int:
    """Early epochs of minidl and late epochs, in turn; 1 if a job failed."""
    status = 0
    record: dict[str, Any] = {"machine": describe(*PACKAGES, here=False), "jobs": {}}
    print(f"{'':<14}{'epoch 2':>10}{'epoch 20':>10}{'ratio':>8}")
    machine = Machine()
    for job in chosen:
        if not prepared(job, folder):
            status = 1
            continue
        start = partial(Worker.of, peers.PEERS[peers.MINIDL], job, folder)
        starts = {"early": start, "late": lambda start=start: race.Trained(start(), LATE)}
        runs = race.together(starts, PAIRS, machine)
        failed = [run.error for run in runs.values() if run.error]
        if failed:
            print(f"{job.name}: {failed[0]}", file=sys.stderr)
            status = 1
            continue
        early, late = runs["early"].seconds, runs["late"].seconds
        # Each pair by itself: other work on the machine lasts longer than two epochs.
        ratio = statistics.median(b / a for a, b in zip(early, late, strict=True))
        medians = f"{statistics.median(early):>10.3f}{statistics.median(late):>10.3f}"
        print(f"{job.name:<14}{medians}{ratio:>8.2f}", flush=True)
        record["jobs"][job.name] = {"early": early, "late": late, "ratio": ratio}
        if out is not None:
            write(record, out / "train-late.json")
    return status


def prepared(job: Job, folder: Path) -> bool:
    """True if the job's data are there now."""
    try:
        prepare(job, folder)
    except (DataNotFoundError, DataFileError) as error:
        print(f"{job.name} is left out: no data.\n{error}\n", file=sys.stderr)
        return False
    return True


def write(record: dict[str, Any], path: Path) -> None:
    """As JSON."""
    path.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())

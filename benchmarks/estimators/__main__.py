"""Fits of ten data sets, and predictions of one row, beside scikit-learn's perceptrons.

    python -m benchmarks.estimators            # times: some minutes
    python -m benchmarks.estimators --scores   # test scores of seeds 0 to 9: some minutes

minidl and scikit-learn take turns in each round, on the same rows, with the same arguments and the
same number of epochs. Printed are medians of the rounds in seconds, the median of the rounds'
ratios, and the ratio for ``predict`` of one row. Results go to ``estimators.json`` in
``benchmarks/results``, the tables to ``estimators.md`` and ``estimators-scores.md``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from pathlib import Path
from typing import Any

import sklearn.neural_network

import minidl.estimators
from benchmarks.estimators import scores
from benchmarks.estimators.jobs import ALL_EPOCHS, JOBS, Job
from benchmarks.machine import describe, lift_limits
from benchmarks.train.gate import SETTLE

RESULTS = Path(__file__).parents[1] / "results"
SIDES = {"minidl": minidl.estimators, "scikit-learn": sklearn.neural_network}
PREDICTIONS = 200


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.estimators", description="Time perceptrons beside scikit-learn's."
    )
    parser.add_argument("--rounds", type=int, default=5, help="fits that count (default: 5)")
    parser.add_argument("--jobs", nargs="+", help="names of jobs (default: all)")
    parser.add_argument("--scores", action="store_true", help="test scores in the place of times")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the results")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")  # ConvergenceWarning: all epochs are made
    if options.scores:
        table = scores.table()
        (options.out / "estimators-scores.md").write_text(table)
        print(table)
        return
    chosen = [job for job in JOBS if options.jobs is None or job.name in options.jobs]
    found = {job.name: race(job, options.rounds) for job in chosen}
    fits = [row["faster"] for row in found.values()]
    result = {
        "machine": describe("scikit-learn", "scipy", "llvmlite"),
        "rounds": options.rounds,
        "jobs": found,
        "times faster, median": statistics.median(fits),
        "times faster, least": min(fits),
    }
    (options.out / "estimators.json").write_text(json.dumps(result, indent=2) + "\n")
    (options.out / "estimators.md").write_text(table_of(found))
    print(table_of(found))
    print(f"times faster: median {statistics.median(fits):.2f}, least {min(fits):.2f}")


def race(job: Job, rounds: int) -> dict[str, Any]:
    """Seconds of the fits of both sides, in turn, and of predictions of one row."""
    x, y = job.data()
    seconds: dict[str, list[float]] = {name: [] for name in SIDES}
    one: dict[str, list[float]] = {name: [] for name in SIDES}
    for number in range(rounds + 1):
        for name, package in SIDES.items():
            estimator = getattr(package, job.kind)(**{**ALL_EPOCHS, **job.arguments})
            time.sleep(SETTLE)  # so that the other side's threads fall asleep
            start = time.perf_counter()
            estimator.fit(x, y)
            taken = time.perf_counter() - start
            if number:  # the first round compiles
                seconds[name].append(taken)
                one[name].append(prediction(estimator, x[:1]))
    row = {
        "rows": x.shape[0],
        "seconds": {name: statistics.median(every) for name, every in seconds.items()},
        "every": seconds,
        "faster": ratio(seconds["scikit-learn"], seconds["minidl"]),
        "microseconds of one row": {k: 1e6 * statistics.median(v) for k, v in one.items()},
        "one row, times as long": ratio(one["minidl"], one["scikit-learn"]),
    }
    print(line(job.name, row), flush=True)
    return row


def ratio(above: list[float], below: list[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(above, below, strict=True))


def prediction(estimator: Any, x: Any) -> float:
    """Seconds of ``predict`` of one row."""
    taken = []
    for _ in range(PREDICTIONS):
        start = time.perf_counter()
        estimator.predict(x)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def line(name: str, row: dict[str, Any]) -> str:
    """A row of the table."""
    ours, theirs = row["seconds"]["minidl"], row["seconds"]["scikit-learn"]
    return (
        f"| {name} | {row['rows']:,} | {ours:.3f} | {theirs:.3f} | {row['faster']:.2f}× | "
        f"{row['one row, times as long']:.2f} |"
    )


def table_of(found: dict[str, Any]) -> str:
    """The table, in Markdown."""
    head = "| job | rows | minidl, s | scikit-learn, s | faster | one row, times as long |"
    return "\n".join(
        [head, "|---|---:|---:|---:|---:|---:|", *map(line, found, found.values()), ""]
    )


if __name__ == "__main__":
    lift_limits()
    main()

"""Time of a step against the batch, the width and the depth of a network.

    python -m benchmarks.scaling

Steps of ``fit`` (gather, forward, loss and accuracy, backward, Adam) on random pixels, ReLU:
784-256-128-10 at batches of 1 to 8192, 784-w-w-10 with w from 16 to 4096, and one to 64 hidden
layers of 128 units, both at a batch of 128. Beside each stands the floor, the bare matrix products
of the step, measured in turn. Printed are medians over the rounds; a round that began or ended on a
slow machine is repeated. A jump in one curve without a jump in the other is the engine's. Results
go to ``benchmarks/results/scaling.json`` and ``scaling.png``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from benchmarks.machine import describe
from benchmarks.train.jobs import CLASSES, PIXELS, Job, Layer
from benchmarks.train.peers.floor import Products, products
from benchmarks.train.peers.on_minidl import build
from benchmarks.train.steady import PATIENCE, Machine
from minidl import checks
from minidl.callbacks import LambdaCallback
from minidl.plotting import style

RESULTS = Path(__file__).parent / "results"
BATCH, WIDTH = 128, 128
#: An epoch is about so long, on a processor of this speed and with this much time a step besides.
SECONDS, SPEED, OVERHEAD = 0.15, 5e10, 1e-4
FEWEST_STEPS, MOST_STEPS = 4, 2000
#: Epochs that compile, record and fill the caches, before the one that is timed.
WARMING = 2


def jobs(largest: int | None = None) -> dict[str, dict[int, Job]]:
    """Axis -> value -> the network to train; values up to ``largest`` only."""

    def job(widths: Sequence[int], batch: int) -> Job:
        one = Job("scaling", tuple(map(Layer, widths)), batch, batch)
        multiplications = batch * sum(i * o for i, o in one.shapes)
        steps = int(SECONDS / (6 * multiplications / SPEED + OVERHEAD))
        steps = max(FEWEST_STEPS, min(MOST_STEPS, steps))
        return Job(one.name, one.hidden, batch, batch * steps)

    axes = {
        "batch": {2**k: job((256, 128), 2**k) for k in range(14)},
        "width": {2**k: job((2**k, 2**k), BATCH) for k in range(4, 13)},
        "depth": {2**k: job((WIDTH,) * 2**k, BATCH) for k in range(7)},
    }
    return {
        axis: {value: one for value, one in points.items() if largest is None or value <= largest}
        for axis, points in axes.items()
    }


def main() -> int:
    """Run the benchmark; the exit status."""
    parser = argparse.ArgumentParser(description="Time steps of growing networks.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--largest", type=int, help="leave out what is larger, and write nothing")
    options = parser.parse_args()
    try:
        checks.integer("--rounds", options.rounds, 1)
        axes = jobs(options.largest)
    except ValueError as error:
        parser.error(str(error))
    random = np.random.default_rng(0)
    rows = max(job.rows for points in axes.values() for job in points.values())
    x = random.integers(0, 256, (rows, PIXELS), dtype=np.uint8)
    y = random.integers(0, CLASSES, rows).astype(np.int32)
    table: dict[str, dict[int, dict[str, float]]] = {}
    machine = Machine()
    for axis, points in axes.items():
        print(f"{axis:>10}{'µs a step':>14}{'floor':>12}{'ratio':>8}")
        table[axis] = {}
        for value, job in points.items():
            found = table[axis][value] = measure(job, x, y, options.rounds, machine)
            ratio = found["step"] / found["floor"]
            print(f"{value:>10}{found['step']:>14.0f}{found['floor']:>12.0f}{ratio:>8.2f}")
            sys.stdout.flush()
    if options.largest is not None:
        return 0
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "scaling.json"
    record = {"machine": describe("llvmlite"), "rounds": options.rounds, "microseconds": table}
    path.write_text(json.dumps(record, indent=2) + "\n")
    draw(table, path.with_suffix(".png"))
    print(f"written to {path} and {path.with_suffix('.png')}")
    return 0


def measure(
    job: Job, x: np.ndarray, y: np.ndarray, rounds: int, machine: Machine
) -> dict[str, float]:
    """Median microseconds of a step and of the bare products, over a number of rounds."""
    bare = products(job.shapes, job.batch)
    machine.patience = PATIENCE
    taken = []
    for _ in range(rounds):
        answers, _ = machine.epochs(lambda: once(job, bare, x, y))
        taken.append(answers[-1])
    return {name: statistics.median(one[name] for one in taken) for name in taken[0]}


def once(job: Job, bare: Products, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Microseconds of a step, from an epoch's, and of the bare products right after."""
    ends: list[float] = []

    def now(epoch: int, logs: Any) -> None:
        ends.append(time.perf_counter())

    clock = LambdaCallback(on_epoch_begin=now, on_epoch_end=now)
    build(job).fit(x[: job.rows], y[: job.rows], job.batch, WARMING + 1, 0, clock)
    start = time.perf_counter()
    for _ in job.batches:
        for multiply in bare:
            multiply()
    floor = time.perf_counter() - start
    scale = 1e6 / len(job.batches)
    return {"step": scale * (ends[-1] - ends[-2]), "floor": scale * floor}


def draw(table: dict[str, dict[int, dict[str, float]]], path: Path) -> None:
    """Times above, their ratio below, a column for each axis."""
    figure = style.figure(9.5, 4.6)
    rows: Any = figure.subplots(2, len(table), sharex="col", height_ratios=(2, 1))
    titles = {
        "batch": "784-256-128-10",
        "width": f"784-w-w-10, batch {BATCH}",
        "depth": f"hidden layers of {WIDTH}, batch {BATCH}",
    }
    for column, (axis, points) in enumerate(table.items()):
        above, below = rows[0][column], rows[1][column]
        values = list(points)
        for k, (name, label) in enumerate((("step", "minidl"), ("floor", "bare matrix products"))):
            taken = [point[name] for point in points.values()]
            above.loglog(values, taken, f"{style.MARKERS[k]}-", color=style.COLOURS[k],
                         label=label, base=10, markersize=4)  # fmt: skip
        ratios = [point["step"] / point["floor"] for point in points.values()]
        below.semilogx(values, ratios, f"{style.MARKERS[0]}-", color=style.COLOURS[0], markersize=4)
        below.axhline(1, color=style.COLOURS[1])
        below.set(xlabel=axis, ylim=(0, min(10.0, 1.1 * max(ratios))))
        _powers_of_two(below, values)
        above.set_title(titles[axis], fontsize=style.FONT + 1)
        for axes in (above, below):
            style.frame(axes)
    rows[0][0].set_ylabel("µs a step")
    rows[1][0].set_ylabel("times the products")
    style.legend(figure, rows[0][0].get_lines())
    figure.savefig(path, dpi=110)


def _powers_of_two(axes: Axes, values: list[int]) -> None:
    every = -(-len(values) // 7)
    axes.set_xticks(values[::every], [str(value) for value in values[::every]], fontsize=8)
    axes.set_xticks([], minor=True)


if __name__ == "__main__":
    sys.exit(main())

"""Whole epochs of training on a GPU: minidl beside PyTorch and JAX on the same GPU.

    pip install -e '.[cuda13,bench]'
    python -m benchmarks.gpu
    python -m benchmarks.gpu --jobs 001 --rounds 9

The peers come from ``benchmarks.train``; PyTorch with a CUDA graph is added. Each peer has a
separate process, with all data on the device. The peers take turns, epoch by epoch. The figures are
as in ``benchmarks.train``; each job also has lower bounds of a step: the floating-point operations
of the products, and the bytes that every engine has to move. A job has two races: all engines
multiply in float32, or all in TF32, which is JAX's default. JAX and PyTorch need their builds for
CUDA (``pip install 'jax[cuda13]'``; PyTorch's build on PyPI has CUDA). A peer without a GPU is left
out, and the reason is printed. Without Fashion-MNIST, in ``MINIDL_DATA`` or elsewhere, the rows are
random, as the output says; a step takes as long. Results go to ``benchmarks/results/gpu.json``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from benchmarks.train import jobs, peers, race, report
from benchmarks.train.__main__ import PACKAGES, RESULTS, write
from benchmarks.train.data import prepare, prepare_random
from benchmarks.train.jobs import IMAGES, Job
from benchmarks.train.worker import Worker
from minidl import checks
from minidl.backend import BackendUnavailableError, cuda, installation
from minidl.datasets import DataFileError, DataNotFoundError

JOBS = ("001", "001-deep", "001-dropout", "001-bn", "002-sgd", "large")


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks.gpu", description="Time epochs of training on a GPU."
    )
    parser.add_argument("--jobs", nargs="+", metavar="JOB", default=list(JOBS))
    parser.add_argument("--rounds", type=int, default=5, help="epochs that count (default: 5)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for results")
    options = parser.parse_args()
    try:
        checks.integer("--rounds", options.rounds, 1)
        chosen = jobs.find(options.jobs)
    except ValueError as error:
        parser.error(str(error))
    try:
        device = describe_device()
    except BackendUnavailableError as error:
        print(f"no GPU to measure on: {error}", file=sys.stderr)
        return 1
    packages = *installation.cupy_packages(), *PACKAGES
    record: dict[str, Any] = {"machine": {**describe(*packages, here=False), **device}}
    print(json.dumps(device))
    record |= {"rounds": options.rounds, "jobs": {}}
    status = 0
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for job in chosen:
            rows = rows_for(job, Path(folder))
            if rows is None:
                status = 1
                continue
            found = {"what": str(job), "rows": rows, "bounds": bounds(job), "races": {}}
            record["jobs"][job.name] = found
            for tf32 in (False, True):
                status |= compete(job, options.rounds, Path(folder), tf32, found["races"])
                write(record, options.out / "gpu.json")
    print(f"written to {options.out / 'gpu.json'}")
    return status


def rows_for(job: Job, folder: Path) -> str | None:
    """Provide the job's rows and return a description; None if there are no rows."""
    try:
        prepare(job, folder)
    except (DataNotFoundError, DataFileError, ImportError) as error:
        if job.data != IMAGES:
            print(f"{job.name} is left out: no data.\n{error}\n", file=sys.stderr)
            return None
        print(f"{job.name} trains on random rows: {error}", file=sys.stderr)
        prepare_random(job, folder)
        return "random"
    return job.data


def compete(
    job: Job, rounds: int, folder: Path, tf32: bool, races: dict[str, dict[str, Any]]
) -> int:
    """Run a job, with or without TF32 for all peers, and add a race; 1 if a peer failed."""
    competitors = [peers.PEERS[name] for name in peers.raced(peers.GPU)]
    left_out = {peer.name: why for peer in competitors if (why := peer.missing(peers.GPU))}
    starts = {}
    for peer in competitors:
        if peer.name not in left_out:
            starts[peer.name] = partial(Worker.of, peer, job, folder, peers.GPU, tf32)
    runs = race.together(starts, rounds)
    failed = {name: run.error for name, run in runs.items() if run.error}
    rows = report.summarise(job, runs)
    precision = "TF32" if tf32 else "float32"
    print(f"products in {precision}", report.table(job, rows, left_out | failed), sep="\n")
    print(f"  a step at least: {bounds(job)}\n", flush=True)
    races[precision] = {
        "peers": {name: {**row, "every": runs[name].seconds} for name, row in rows.items()},
        "left out": left_out | failed,
    }
    return int(bool(failed))


def bounds(job: Job) -> dict[str, float]:
    """Lower bounds of a step's work.

    Keys: "FLOP" of the products; "bytes" of the gathered rows, and of the parameters and Adam's two
    averages, each read and written once, and of the gradients, likewise.
    """
    products = sum(i * o for i, o in job.shapes)
    first = job.shapes[0][0] * job.shapes[0][1]  # without a gradient at the rows
    row = job.inputs * (1 if job.data == IMAGES else 4)
    return {
        "FLOP": 2.0 * job.batch * (3 * products - first),
        "bytes": 2.0 * job.batch * row + 8 * 4.0 * job.parameters,
    }


def describe_device() -> dict[str, Any]:
    """The GPU with memory, and the versions of driver and runtime.

    Raises:
        BackendUnavailableError: there is no GPU.
    """
    runtime = cuda.load().cuda.runtime
    properties = runtime.getDeviceProperties(0)
    return {
        "device": properties["name"].decode(),
        "compute capability": f"{properties['major']}.{properties['minor']}",
        "memory, MiB": runtime.memGetInfo()[1] >> 20,
        "driver": runtime.driverGetVersion(),
        "CUDA": runtime.runtimeGetVersion(),
    }


if __name__ == "__main__":
    sys.exit(main())

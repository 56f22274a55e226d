"""Training from sparse rows: time and memory of a step.

    python -m benchmarks.imdb_csr

The benchmark loads IMDB as CSR rows (25,000 x 10,000 for training, as many for validation) and
trains 16-16-1 for 20 epochs: RMSprop, batches of 512, float32. The peak memory of the whole process
is read afterwards, and includes Python, the libraries and the reading of the data set. Then each
part of a step is timed inside running steps, with the executors in turn over several rounds.
Printed are the medians, and the largest peak of a step's own allocations. Results go to
``benchmarks/results/imdb_csr.json``.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import minidl
from benchmarks.machine import describe
from minidl.accelerator.trace import loops
from minidl.data.sparse_batches import batches_of
from minidl.datasets import DataNotFoundError, imdb
from minidl.layers import Dense
from minidl.losses import BinaryCrossentropy

RESULTS = Path(__file__).parent / "results"
WORDS, BATCH = 10_000, 512


def main() -> int:
    """Run the benchmark; the exit status."""
    parser = argparse.ArgumentParser(description="Train on sparse rows: seconds and memory.")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    start = time.perf_counter()
    try:
        (x, y), validation = imdb.load_csr(WORDS)
    except DataNotFoundError as error:
        print(error, file=sys.stderr)
        return 1
    result: dict[str, Any] = {
        "machine": describe("scipy", "llvmlite"),
        "batch": BATCH,
        "nonzeros a row": x.nnz / x.shape[0],
        "seconds": {"load": time.perf_counter() - start},
        "MiB": {"process after loading": process_peak()},
    }
    start = time.perf_counter()
    last = train(x, y, validation, options.epochs)
    result["seconds"][f"{options.epochs} epochs, validation included"] = time.perf_counter() - start
    result["MiB"]["process after training"] = process_peak()
    result["last epoch"] = last
    result["microseconds a step"] = table = times(x, y, options.rounds)
    result["MiB"] |= {f"step, {name}": Job(name, x, y).step_peak() for name in table}
    result["MiB"]["x as a dense array"] = x.shape[0] * x.shape[1] * 4 / 2**20

    print(", ".join(f"{name} {value:.4f}" for name, value in last.items()))
    for unit in ("seconds", "MiB"):
        for what, value in result[unit].items():
            print(f"{what:<36}{value:>10.1f} {unit}")
    print(f"{'µs a step':<20}" + "".join(f"{name:>10}" for name in table))
    for part in next(iter(table.values())):
        print(f"{part:<20}" + "".join(f"{parts[part]:>10.0f}" for parts in table.values()))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "imdb_csr.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written to {path}")
    return 0


def process_peak() -> float:
    """The most memory that this process has held so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)  # bytes there, KiB on Linux


def layers() -> list[Dense]:
    """16-16-1 without the sigmoid."""
    return [Dense(16, "relu", input_shape=(WORDS,)), Dense(16, "relu"), Dense(1)]


def train(x: Any, y: Any, validation: Any, epochs: int) -> dict[str, float]:
    """Losses and accuracies of the last epoch."""
    minidl.utils.set_random_seed(0)
    model = minidl.Sequential(layers())
    model.compile("rmsprop", BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    history = model.fit(x, y, BATCH, epochs, verbose=0, validation_data=validation)
    return {name: values[-1] for name, values in history.history.items()}


def times(x: Any, y: Any, rounds: int) -> dict[str, dict[str, float]]:
    """Median microseconds of each part of a step, by executor."""
    jobs = [Job(name, x, y) for name in ("blocks", *(["compiled"] if loops.available() else []))]
    samples: dict[str, dict[str, list[float]]] = {job.executor: {} for job in jobs}
    for round_number in range(rounds + 1):
        for job in jobs:
            for part, seconds in job.measure().items():
                # The first round compiles and warms the caches.
                if round_number:
                    samples[job.executor].setdefault(part, []).append(1e6 * seconds)
    return {
        name: {part: statistics.median(taken) for part, taken in parts.items()}
        for name, parts in samples.items()
    }


class Job:
    """A network, with data and the parts of a step, under one executor."""

    def __init__(self, executor: str, x: Any, y: Any) -> None:
        self.executor = executor
        self.model = minidl.models.Network(layers())
        self.loss = BinaryCrossentropy(from_logits=True)
        self.optimizer = minidl.optimizers.RMSprop()
        backend = self.model.backend
        # Whole batches only, so that all steps are alike.
        rows = x.shape[0] // BATCH * BATCH
        self.batches = batches_of(x[:rows], y[:rows, None], None, BATCH, backend, self.model.dtype)
        self.order = np.random.default_rng(0).permutation(rows)

    def measure(self) -> dict[str, float]:
        """Seconds spent in each part of a step, the mean over an epoch."""
        parts: dict[str, float] = {}

        def timed(name: str, function: Callable[[], Any]) -> Any:
            begin = time.perf_counter()
            result = function()
            parts[name] = parts.get(name, 0.0) + time.perf_counter() - begin
            return result

        start = time.perf_counter()
        self._epoch(lambda _, function: function())
        parts["whole step"] = time.perf_counter() - start
        self._epoch(timed)
        return {name: seconds / len(self.batches) for name, seconds in parts.items()}

    def step_peak(self) -> float:
        """MiB that a step holds at most beyond the memory before the step, once all is bound."""
        peaks: list[int] = []

        def traced(name: str, function: Callable[[], Any]) -> Any:
            if name == "gather":
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()
            return function()

        self._epoch(lambda _, function: function())
        tracemalloc.start()
        try:
            self._epoch(traced)
        finally:
            tracemalloc.stop()
        return max(peaks[1:]) / 2**20

    def _epoch(self, run: Callable[[str, Callable[[], Any]], Any]) -> None:
        model, loss, optimizer = self.model, self.loss, self.optimizer
        with minidl.backend.use("numpy", executor=self.executor):
            batches = self.batches.shuffled(self.order)

            def batch() -> Any:
                buffers = next(batches)
                self.batches.aim()
                self.batches.fill()
                return buffers

            for _ in range(len(self.batches)):
                x, y, _ = run("gather", batch)
                logits = run("forward", lambda x=x: model.forward(x, training=True))
                run("loss", lambda z=logits, y=y: loss.forward(z, y))
                gradient = run("loss gradient", loss.backward)
                run("backward", lambda dz=gradient: model.backward(dz))
                run("update", lambda: optimizer.update(model.theta, model.grad))


if __name__ == "__main__":
    sys.exit(main())

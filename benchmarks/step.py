"""Times of a training step's parts, beside the floor of the bare matrix products.

    python -m benchmarks.step

One step of 784-256-128-10 (ReLU, Adam) at a batch of 100, on random pixels: each part is
timed inside running steps, the executors in turn over several rounds, and the median of the
rounds is printed. The floor is the sum of the step's eight matrix products on operands of the
same shapes. Then the recorded step of ``fit``: the time of each command, with the two
microseconds of calling the threads. Results go to ``benchmarks/results/step.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import minidl
from benchmarks.machine import describe
from minidl.accelerator.cpu.commands import Command, CommandList
from minidl.accelerator.cpu.fusion import fused
from minidl.accelerator.cpu.products.threads import on_one_thread
from minidl.accelerator.trace import loops
from minidl.layers import Dense, Rescaling
from minidl.training.objective import Objective
from minidl.training.whole_step import WholeStep, parts_of

SETTLING = 0.5  # seconds
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Time the parts of a training step.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=100, help="steps a round")
    parser.add_argument("--batch", type=int, default=100)
    options = parser.parse_args()

    executors = ["blocks", *(["compiled"] if loops.available() else [])]
    jobs = {name: Job(name, options.batch) for name in executors}
    samples: dict[str, dict[str, list[float]]] = {name: {} for name in executors}
    for round_number in range(options.rounds + 1):
        for name, job in jobs.items():
            for part, seconds in job.measure(options.steps).items():
                # The first round compiles and warms the caches.
                if round_number:
                    samples[name].setdefault(part, []).append(1e6 * seconds / options.steps)
    table = {
        name: {part: statistics.median(times) for part, times in parts.items()}
        for name, parts in samples.items()
    }
    print(f"{'µs a step':<20}" + "".join(f"{name:>10}" for name in executors))
    for part in table[executors[0]]:
        print(f"{part:<20}" + "".join(f"{table[name][part]:>10.0f}" for name in executors))
    for name in executors:
        ratio = table[name]["whole step"] / table[name]["bare products"]
        print(f"{name}: {ratio:.2f} times the bare products")
    played = recorded(jobs["compiled"], options.steps) if "compiled" in jobs else {}
    for what, taken in played.items():
        print(f"{what:<48}{taken:>8.1f}")
    RESULTS.mkdir(exist_ok=True)
    result = {
        "machine": describe("llvmlite"),
        "batch": options.batch,
        "microseconds": table,
        "microseconds recorded": played,
    }
    path = RESULTS / "step.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written to {path}")


def recorded(job: Job, steps: int) -> dict[str, float]:
    """Median microseconds of a recorded step, and of the step's commands."""
    with minidl.backend.use("numpy", executor="compiled"):
        model = minidl.Sequential(
            [
                minidl.Input((784,)),
                Rescaling(1 / 255),
                Dense(256, "relu"),
                Dense(128, "relu"),
                Dense(10, "softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.build()
        assert model.optimizer is not None
        objective = Objective(model, model._loss, model._metrics, job.batch)
        movers = [(model.optimizer, "update"), (model.penalties, "proximal_step")]

        def train(x: Any, y: Any, weight: Any, optimizer: Any) -> None:
            results = minidl.train_step(model, objective.loss, optimizer, x, y, weight)
            objective.observe(*results, y)

        step = WholeStep(train, model, parts_of(objective), movers)
        arrays = job.x, job.y, None, model.optimizer

        def median(function: Callable[[], Any]) -> float:
            taken = []
            for _ in range(steps):
                start = time.perf_counter()
                function()
                taken.append(1e6 * (time.perf_counter() - start))
            return statistics.median(taken)

        # The threads of NumPy's BLAS look for work a while after the bare products.
        time.sleep(SETTLING)
        for _ in range(3):
            step(*arrays)
        found = {"recorded step": median(lambda: step(*arrays))}
        assert step.tape is not None
        for number, entry in enumerate(fused(step.tape.entries)):
            assert isinstance(entry, Command)
            found[f"{number:>3} {entry!r}"] = median(CommandList(on_one_thread([entry])))
        return found


class Job:
    """A network, with data and the parts of a step, under one executor."""

    def __init__(self, executor: str, batch: int) -> None:
        self.executor = executor
        random = np.random.default_rng(0)
        self.images = random.integers(0, 256, (10_000, 784), dtype=np.uint8)
        self.labels = random.integers(0, 10, (10_000, 1)).astype(np.int32)
        self.model = minidl.models.Network(
            [
                minidl.Input((784,)),
                Rescaling(1 / 255),
                Dense(256, "relu"),
                Dense(128, "relu"),
                Dense(10),
            ]
        )
        self.loss = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
        self.optimizer = minidl.optimizers.Adam()
        self.batch = batch
        self.x = np.empty((batch, 784), np.uint8)
        self.y = np.empty((batch, 1), np.int32)
        self.order = random.permutation(10_000)
        # Operands of the bare products: x, W, y, dx, dW of each dense layer.
        self.operands = [
            [
                random.standard_normal(shape).astype(np.float32)
                for shape in ((batch, i), (i, o), (batch, o), (batch, i), (i, o))
            ]
            for i, o in ((784, 256), (256, 128), (128, 10))
        ]

    def measure(self, steps: int) -> dict[str, float]:
        """Seconds spent in each part over ``steps`` steps."""
        with minidl.backend.use("numpy", executor=self.executor):
            parts: dict[str, float] = {}
            start = time.perf_counter()
            for step in range(steps):
                self._step(step, lambda _, function: function())
            parts["whole step"] = time.perf_counter() - start

            def timed(name: str, function: Callable[[], Any]) -> Any:
                begin = time.perf_counter()
                result = function()
                parts[name] = parts.get(name, 0.0) + time.perf_counter() - begin
                return result

            for step in range(steps):
                self._step(step, timed)
            start = time.perf_counter()
            for _ in range(steps):
                self._products()
            parts["bare products"] = time.perf_counter() - start
            return parts

    def _step(self, step: int, run: Callable[[str, Callable[[], Any]], Any]) -> None:
        model, loss, optimizer = self.model, self.loss, self.optimizer
        rows = self.order[(step * self.batch) % (10_000 - self.batch) :][: self.batch]

        def gather() -> None:
            np.take(self.images, rows, axis=0, out=self.x, mode="clip")
            np.take(self.labels, rows, axis=0, out=self.y, mode="clip")

        run("gather", gather)
        logits = run("forward", lambda: model.forward(self.x, training=True))
        run("loss", lambda: loss.forward(logits, self.y))
        gradient = run("loss gradient", loss.backward)
        run("backward", lambda: model.backward(gradient))
        run("update", lambda: optimizer.update(model.theta, model.grad))

    def _products(self) -> None:
        for k, (x, W, y, dx, dW) in enumerate(self.operands):
            np.matmul(x, W, out=y)
            np.matmul(x.T, y, out=dW)
            if k:
                np.matmul(y, W.T, out=dx)


if __name__ == "__main__":
    main()

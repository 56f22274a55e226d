"""Cost of ``fit(..., check_finite=True)``, and a comparison with another design.

    python -m benchmarks.finite

Epochs of 100 steps of 784-256-128-10 (ReLU, Adam, dropout after each hidden layer) on random pixels
at a batch of 100. The variants: without the check, with the check, with ``TerminateOnNaN``, and
with a state that is copied and checked in each step, the other way to keep the state before a step.
Then, with and without the check, two callbacks for batches take part. One callback does nothing;
the other rewrites the weights after each step, so that each state has to be copied. All variants
take turns in each round. Printed are the median time of a step over the rounds, and the median of
the rounds' ratios, for the clock's time and for the processors' time. With ``OMP_NUM_THREADS=1``,
other work on the machine disturbs the processors' time least. Results go to
``benchmarks/results/finite.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

import minidl
from benchmarks.machine import describe
from minidl.backend import executor_name
from minidl.finite import watch
from minidl.layers import Dense, Dropout, Rescaling

RESULTS = Path(__file__).parent / "results"
ROWS, BATCH = 10_000, 100


class Clock(minidl.callbacks.Callback):
    """Seconds of the last epoch, by the clock and by the processors' time of the process."""

    def on_epoch_begin(self, epoch: int, logs: Any) -> None:
        """Start."""
        self._start = np.array([time.perf_counter(), time.process_time()])

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        """Stop."""
        self.seconds = [time.perf_counter(), time.process_time()] - self._start


class Own(minidl.callbacks.Callback):
    """Listens to batches, without a declaration of the effects."""

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        """Do nothing."""


class Rewriting(minidl.callbacks.Callback):
    """Changes the weights after each step."""

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        """Make the weights a little smaller."""
        self.model.theta[...] *= 0.9999


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Time steps with and without check_finite.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--executor", choices=["compiled", "blocks"], default=None)
    parser.add_argument("--write", action=argparse.BooleanOptionalAction, default=True)
    arguments = parser.parse_args()
    minidl.backend.use("numpy", executor=arguments.executor)
    before = os.getloadavg()

    random = np.random.default_rng(1)
    x = random.integers(0, 256, (ROWS, 784)).astype(np.uint8)
    y = random.integers(0, 10, ROWS)
    ways: dict[str, Callable[[Clock], Any]] = {
        "off": lambda clock: fit(x, y, clock),
        "off again": lambda clock: fit(x, y, clock),
        "check_finite": lambda clock: fit(x, y, clock, check_finite=True),
        "TerminateOnNaN": lambda clock: fit(x, y, clock, minidl.callbacks.TerminateOnNaN()),
        "state copied at each step": lambda clock: often(x, y, clock),
        "off, own callback": lambda clock: fit(x, y, clock, Own()),
        "check_finite, own callback": lambda clock: fit(x, y, clock, Own(), check_finite=True),
        "off, rewritten weights": lambda clock: fit(x, y, clock, Rewriting()),
        "check_finite, rewritten weights": lambda clock: fit(
            x, y, clock, Rewriting(), check_finite=True
        ),
    }
    times: dict[str, list[np.ndarray]] = {way: [] for way in ways}
    for number in range(arguments.rounds + 1):
        for way, run in ways.items():
            clock = Clock()
            run(clock)
            if number:  # the first round compiles
                times[way].append(clock.seconds / (ROWS // BATCH))
    table = {}
    for way, taken in times.items():
        beside = way.partition(", ")[2]
        base = np.array(times[f"off, {beside}" if beside else "off"])
        steps = np.median(taken, axis=0) * 1e6
        more = 100 * (np.median(taken / base, axis=0) - 1)
        table[way] = {
            "microseconds": steps.round(1).tolist(),
            "percent more": more.round(2).tolist(),
        }
        print(
            f"{way:32}{steps[0]:8.1f} µs a step {more[0]:+7.2f} %"
            f"{steps[1]:12.1f} µs of processors {more[1]:+7.2f} %",
            flush=True,
        )
    if arguments.write:
        found = {
            "machine": describe("llvmlite"),
            "executor": executor_name(),
            "load before": [round(each, 2) for each in before],
            "rounds": arguments.rounds,
            "steps, by the clock and by the processors": table,
        }
        path = RESULTS / "finite.json"
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def fit(x: Any, y: Any, clock: Clock, *callbacks: Any, **options: Any) -> None:
    """Train for two epochs; the clock keeps the second, with recorded steps only."""
    minidl.utils.set_random_seed(1)
    model = minidl.Sequential(
        [
            Rescaling(1 / 255, input_shape=(784,)),
            Dense(256, "relu"),
            Dropout(0.2),
            Dense(128, "relu"),
            Dropout(0.2),
            Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, BATCH, epochs=2, verbose=0, callbacks=[clock, *callbacks], **options)


def often(x: Any, y: Any, clock: Clock) -> None:
    """Train with a copy at each step."""
    with patch.object(watch, "EVERY", 1):
        fit(x, y, clock, check_finite=True)


if __name__ == "__main__":
    main()

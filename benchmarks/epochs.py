"""Cost of a late epoch beside an early one.

    python -m benchmarks.epochs

Pixels that are always 0 let averages and weights decay to subnormal numbers, and many processors
compute some twenty times slower with subnormal numbers. The benchmark trains 784-256-128-10 on
Fashion-MNIST (Adam, batch 100), plain and with an L2 penalty. Each training runs once with and once
without the optimizer's flush, and each epoch's seconds are printed. Results go to
``benchmarks/results/epochs.json``.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from pathlib import Path
from unittest import mock

import minidl
from benchmarks.machine import describe
from minidl.callbacks import LambdaCallback
from minidl.datasets import fashion_mnist
from minidl.layers import Dense, Flatten, Rescaling
from minidl.optimizers import base

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Time every epoch of a run.")
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    table = {}
    for penalty in (None, "l2"):
        for flushed in (True, False):
            name = f"{penalty or 'plain'}, {'flushed' if flushed else 'not flushed'}"
            every = base.FLUSH_EVERY if flushed else 10**9
            with mock.patch.object(base, "FLUSH_EVERY", every):
                table[name] = seconds = run(penalty, options.epochs)
            late, early = statistics.median(seconds[-3:]), statistics.median(seconds[1:4])
            print(f"{name:<20} " + " ".join(f"{s:.2f}" for s in seconds))
            print(f"{'':<20} last three over epochs 2-4: {late / early:.2f}")
    RESULTS.mkdir(exist_ok=True)
    result = {
        "machine": describe("llvmlite"),
        "executor": minidl.backend.executor,
        "seconds": table,
    }
    path = RESULTS / "epochs.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written to {path}")


def run(penalty: str | None, epochs: int) -> list[float]:
    """Seconds of each epoch."""
    (x, y), _ = fashion_mnist.load_data()
    minidl.utils.set_random_seed(0)
    regularizer = minidl.regularizers.L2(0.002) if penalty else None
    model = minidl.Sequential(
        [
            minidl.Input((28, 28)),
            Flatten(),
            Rescaling(1 / 255),
            Dense(256, "relu", kernel_regularizer=regularizer),
            Dense(128, "relu", kernel_regularizer=regularizer),
            Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    marks = [time.perf_counter()]
    clock = LambdaCallback(on_epoch_end=lambda epoch, logs: marks.append(time.perf_counter()))
    model.fit(x, y, batch_size=100, epochs=epochs, callbacks=clock, verbose=0)
    return [after - before for before, after in itertools.pairwise(marks)]


if __name__ == "__main__":
    main()

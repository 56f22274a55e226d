"""The cost of foreign parts, called in Python within a recorded step.

    python -m benchmarks.strangers

Steps of ``fit`` with 784-256-128-10 (ReLU, Adam) at a batch of 100 on random pixels: with one part
of each kind in plain NumPy, and with minidl's own part of the same kind. All variants take turns in
each round. Printed are medians in microseconds: a step, the difference from the step with minidl's
own part, and the time of the part's calls within the step. The last column is the cost of
hand-over and copies, in percent of minidl's own step. Results go to
``benchmarks/results/strangers.json``.
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import minidl
from benchmarks.machine import describe
from minidl.activations import ActivationFunction
from minidl.callbacks import Callback
from minidl.layers import Activation, Dense, Layer, Rescaling
from minidl.losses import SparseCategoricalCrossentropy
from minidl.metrics import Metric
from minidl.optimizers import SGD, Adam
from minidl.regularizers import L2, Regularizer

RESULTS = Path(__file__).parent / "results"
ROWS, BATCH = 10_000, 100


class Timed:
    """Adds up the seconds of method calls."""

    seconds = 0.0

    @classmethod
    def around(cls, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        @functools.wraps(function)
        def call(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                cls.seconds += time.perf_counter() - start

        return call


class Identity(Layer):
    """y = x."""

    @Timed.around
    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        """Hand on the rows."""
        return x

    @Timed.around
    def backward(self, dy: Any) -> Any:
        """Hand on the gradient."""
        return dy


class OwnLoss(SparseCategoricalCrossentropy):
    """minidl's loss, with foreign methods."""

    forward = Timed.around(SparseCategoricalCrossentropy.forward)
    backward = Timed.around(SparseCategoricalCrossentropy.backward)


class Share(Metric):
    """Share of rows that are right, in NumPy."""

    @Timed.around
    def update(self, predictions: Any, y: Any) -> None:
        """Add a batch."""
        self._sum += float((predictions.argmax(axis=1) == y.reshape(-1)).sum())
        self.rows += len(predictions)


class Nothing(Regularizer):
    """0."""

    @Timed.around
    def forward(self, W: Any, out: Any) -> Any:
        """Write zeros."""
        out[...] = 0
        return out

    @Timed.around
    def add_gradient(self, W: Any, dW: Any) -> None:
        """Add nothing."""


class OwnSGD(SGD):
    """minidl's SGD, with a foreign method."""

    @Timed.around
    def update(self, theta: Any, grad: Any) -> None:
        """Move theta."""
        super().update(theta, grad)


class Told(Callback):
    """Listens to batches."""

    @Timed.around
    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Do nothing."""


@Timed.around
def relu(x: Any, out: Any) -> Any:
    """max(x, 0)."""
    return np.maximum(x, 0, out=out)


@Timed.around
def relu_backward(dy: Any, y: Any, out: Any) -> Any:
    """dy where y > 0."""
    return np.multiply(dy, y > 0, out=out)


@Timed.around
def rate(step: int) -> float:
    """One for all steps."""
    return 0.001


Parts = dict[str, Any]

#: minidl's own parts, and the same with one foreign part.
JOBS: dict[str, tuple[Parts, Parts]] = {
    "layer": ({"layer": lambda: Activation("linear")}, {"layer": Identity}),
    "activation": (
        {}, {"activation": lambda: ActivationFunction("own", relu, relu_backward)},
    ),
    "loss": ({}, {"loss": OwnLoss}),
    "metric": ({}, {"metric": lambda: Share(name="share")}),
    "regularizer": ({"penalty": lambda: L2(1e-4)}, {"penalty": Nothing}),
    "schedule": ({}, {"optimizer": lambda: Adam(rate)}),
    "optimizer (SGD)": ({"optimizer": SGD}, {"optimizer": OwnSGD}),
    "callback": ({}, {"callback": Told}),
}  # fmt: skip


def model(
    layer: Any = None,
    activation: Any = lambda: "relu",
    loss: Any = SparseCategoricalCrossentropy,
    metric: Any = lambda: "accuracy",
    penalty: Any = lambda: None,
    optimizer: Any = Adam,
    callback: Any = None,
) -> tuple[minidl.Sequential, list[Any]]:
    """A network with one foreign part."""
    minidl.utils.set_random_seed(0)
    layers = [Rescaling(1 / 255), Dense(256, activation(), kernel_regularizer=penalty())]
    layers += [] if layer is None else [layer()]
    made = minidl.Sequential(
        [minidl.Input((784,)), *layers, Dense(128, "relu"), Dense(10, "softmax")]
    )
    made.compile(optimizer(), loss(), metrics=[metric()])
    return made, [] if callback is None else [callback()]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Time parts that are not minidl's.")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (ROWS, 784)).astype(np.uint8)
    y = random.integers(0, 10, ROWS)
    steps = ROWS // BATCH
    jobs = {name: [model(**parts) for parts in both] for name, both in JOBS.items()}
    taken: dict[str, list[tuple[float, float, float]]] = {name: [] for name in jobs}
    for number in range(options.rounds + 1):
        for name, both in jobs.items():
            found = []
            for made, callbacks in both:
                Timed.seconds, start = 0.0, time.perf_counter()
                made.fit(x, y, BATCH, 1, 0, callbacks, initial_epoch=0)
                found.append(1e6 * (time.perf_counter() - start) / steps)
            if number:  # the first round compiles
                taken[name].append((*found, 1e6 * Timed.seconds / steps))
    table = {}
    for name, rows in taken.items():
        own, step, calls = map(statistics.median, zip(*rows, strict=True))
        more = statistics.median(theirs - ours for ours, theirs, _ in rows)
        table[name] = {
            "minidl's own": round(own, 1),
            "step": round(step, 1),
            "more": round(more, 1),
            "its calls": round(calls, 1),
            "added, %": round(100 * (more - calls) / own, 1),
        }
        print(f"{name:<20}" + "".join(f"{k} {v:>8.1f}   " for k, v in table[name].items()))
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "strangers.json"
    record = {"machine": describe("llvmlite"), "rounds": options.rounds, "microseconds": table}
    path.write_text(json.dumps(record, indent=2) + "\n")
    print(f"written to {path}")


if __name__ == "__main__":
    main()

"""Predictions of one row and of 60,000 rows, beside other packages.

    python -m benchmarks.serving

784-256-128-10 (ReLU, softmax) of one set of weights, in float32, on every processor that each
package takes by itself. The packages predict in turn, over several rounds: each package once in a
round, so that a busy minute of the machine meets all of them. Printed are each package's median and
least time, and how many times minidl's predictor that is. A package that is not installed is left
out, with a line that says so. Results go to ``benchmarks/results/serving.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import minidl
from benchmarks.machine import describe
from benchmarks.train.gate import SETTLE
from minidl.layers import Dense

RESULTS = Path(__file__).parent / "results"
SIZES = (784, 256, 128, 10)
#: Rows, calls a round, and rows that the predictor computes at once.
JOBS = {"one row": (1, 200, 1), "60,000 rows": (60_000, 1, 2048)}
OWN = "minidl, predictor"
PACKAGES = ("torch", "onnxruntime", "jax", "scikit-learn")

Predict = Callable[[np.ndarray], Any]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Time predictions.")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    model = minidl.Sequential(
        [minidl.Input((784,)), Dense(256, "relu"), Dense(128, "relu"), Dense(10, "softmax")]
    )
    model.build()
    found = {}
    for job, (rows, calls, at_once) in JOBS.items():
        x = np.random.default_rng(0).random((rows, SIZES[0]), np.float32)
        engines = {"minidl, predict": model.predict, OWN: model.predictor(at_once), **peers(model)}
        agree(engines, x)
        times = race(engines, x, calls, options.rounds)
        found[job] = {name: summary(each, times[OWN]) for name, each in times.items()}
        print(f"{job:<20}{'median, ms':>12}{'least, ms':>12}{'ratio':>8}")
        for name, row in found[job].items():
            print(
                f"{name:<20}{row['median']:>12.4f}{row['least']:>12.4f}{row['ratio']:>8.2f}",
            )
    result = {"machine": describe("llvmlite", *PACKAGES), "milliseconds": found}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "serving.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written to {path}")


def race(engines: dict[str, Predict], x: np.ndarray, calls: int, rounds: int) -> dict[str, Any]:
    """Milliseconds of a call in each round, by engine; a first round is not counted."""
    times: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(rounds + 1):
        for name, predict in engines.items():
            time.sleep(SETTLE)  # the threads of the others fall asleep
            start = time.perf_counter()
            for _ in range(calls):
                predict(x)
            if number:
                times[name].append(1e3 * (time.perf_counter() - start) / calls)
    return times


def summary(times: list[float], own: list[float]) -> dict[str, float]:
    """Median and least time, and the median of the rounds' ratios to minidl's predictor."""
    ratios = [time / each for time, each in zip(times, own, strict=True)]
    return {
        "median": statistics.median(times),
        "least": min(times),
        "ratio": statistics.median(ratios),
    }


def agree(engines: dict[str, Predict], x: np.ndarray) -> None:
    """Raise unless all predict the same numbers, to float32's rounding of sums of 784 terms."""
    expected = np.asarray(engines[OWN](x))
    for name, predict in engines.items():
        np.testing.assert_allclose(
            np.asarray(predict(x)), expected, rtol=1e-3, atol=1e-5, err_msg=name
        )


def peers(model: Any) -> dict[str, Predict]:
    """A function for each other package that is installed."""
    weights = model.get_weights()
    pairs = list(zip(weights[::2], weights[1::2], strict=True))
    found = {}
    for name, make in (
        ("PyTorch", torch), ("ONNX Runtime", onnx), ("JAX", jax), ("scikit-learn", sklearn),
    ):  # fmt: skip
        try:
            found[name] = make(model, pairs)
        except ImportError as error:
            print(f"{name} is left out: {error}")
    return found


def torch(model: Any, pairs: Any) -> Predict:
    """PyTorch as it is, in inference mode."""
    import torch as package

    network = minidl.interop.to_torch(model)

    def predict(x: np.ndarray) -> Any:
        with package.inference_mode():
            return network(package.from_numpy(x)).numpy()

    return predict


def onnx(model: Any, pairs: Any) -> Predict:
    """ONNX Runtime, on a graph of Gemm, Relu and Softmax."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.onnx")
        minidl.interop.to_onnx(model, path)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"x": x})[0]


def jax(model: Any, pairs: Any) -> Predict:
    """JAX, the whole network compiled."""
    import jax as package
    import jax.numpy as jnp

    @package.jit
    def network(x: Any) -> Any:
        for W, b in pairs[:-1]:
            x = jnp.maximum(x @ W + b, 0)
        return package.nn.softmax(x @ pairs[-1][0] + pairs[-1][1])

    return lambda x: np.asarray(network(x))


def sklearn(model: Any, pairs: Any) -> Predict:
    """scikit-learn's MLPClassifier."""
    predict: Predict = minidl.interop.to_sklearn(model).predict_proba
    return predict


if __name__ == "__main__":
    main()

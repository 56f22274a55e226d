"""Predictions of one row and of 60,000 rows, and evaluation of the 60,000, beside other packages.

    python -m benchmarks.serving

784-256-128-10 (ReLU, softmax) with one set of weights, in float32, on as many processors as each
package takes by default. The packages take turns: each package once in a round, so that a busy
minute of the machine meets all packages. Printed are each package's median and least time, and the
ratio to the time of minidl's predictor or of minidl's ``evaluate``. A package that is not installed
is left out, with a line that says so. Results go to ``benchmarks/results/serving.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import minidl
from benchmarks.machine import describe, lift_limits
from benchmarks.train.gate import SETTLE
from minidl.layers import Dense

RESULTS = Path(__file__).parent / "results"
SIZES = (784, 256, 128, 10)
ROWS = 60_000
#: Calls of one row in a round; of many rows, the rows that the predictor computes at once.
CALLS, AT_ONCE = 200, 2048
PACKAGES = ("torch", "onnxruntime", "jax", "scikit-learn")

Predict = Callable[[np.ndarray], Any]
#: Rows and labels -> mean cross-entropy, and share of right rows.
Evaluate = Callable[[np.ndarray, np.ndarray], Sequence[float]]
Pairs = Sequence[tuple[np.ndarray, np.ndarray]]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Time predictions.")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    model = minidl.Sequential(
        [minidl.Input((784,)), Dense(256, "relu"), Dense(128, "relu"), Dense(10, "softmax")]
    )
    model.build()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    random = np.random.default_rng(0)
    x, y = random.random((ROWS, SIZES[0]), np.float32), random.integers(0, 10, ROWS)
    others = peers(model)
    predictions = {"minidl, predict": model.predict} | {k: p for k, (p, _) in others.items()}
    evaluations = {"minidl": own_evaluate(model)} | {k: e for k, (_, e) in others.items()}
    one = {"minidl, predictor": model.predictor(), **predictions}
    many = {"minidl, predictor": model.predictor(AT_ONCE), **predictions}
    rounds = options.rounds
    found = {
        "one row": compared("one row", one, CALLS, rounds, x[:1]),
        "60,000 rows": compared("60,000 rows", many, 1, rounds, x),
        "60,000 rows evaluated": compared("60,000 rows evaluated", evaluations, 1, rounds, x, y),
    }
    result = {"machine": describe("llvmlite", *PACKAGES), "milliseconds": found}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "serving.json"
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(f"written to {path}")


def compared(
    job: str, engines: dict[str, Callable[..., Any]], calls: int, rounds: int, *rows: np.ndarray
) -> dict[str, dict[str, float]]:
    """Median and least milliseconds of each engine, and ratios to the first; printed, too."""
    agree(engines, *rows)
    times = race(engines, calls, rounds, *rows)
    own = next(iter(times.values()))
    found = {name: summary(each, own) for name, each in times.items()}
    print(f"{job:<24}{'median, ms':>12}{'least, ms':>12}{'ratio':>8}")
    for name, row in found.items():
        print(f"{name:<24}{row['median']:>12.4f}{row['least']:>12.4f}{row['ratio']:>8.2f}")
    return found


def race(
    engines: dict[str, Callable[..., Any]], calls: int, rounds: int, *rows: np.ndarray
) -> dict[str, list[float]]:
    """Milliseconds of a call in each round, by engine; a first round is not counted."""
    times: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(rounds + 1):
        for name, call in engines.items():
            time.sleep(SETTLE)  # so that the threads of other engines fall asleep
            start = time.perf_counter()
            for _ in range(calls):
                call(*rows)
            if number:
                times[name].append(1e3 * (time.perf_counter() - start) / calls)
    return times


def summary(times: list[float], own: list[float]) -> dict[str, float]:
    """Median and least time, and the median of the rounds' ratios to minidl's own."""
    ratios = [time / each for time, each in zip(times, own, strict=True)]
    return {
        "median": statistics.median(times),
        "least": min(times),
        "ratio": statistics.median(ratios),
    }


def agree(engines: dict[str, Callable[..., Any]], *rows: np.ndarray) -> None:
    """Raise unless all engines agree with the first, up to the rounding of float32 sums."""
    found = {name: np.asarray(call(*rows)) for name, call in engines.items()}
    expected = next(iter(found.values()))
    for name, numbers in found.items():
        np.testing.assert_allclose(numbers, expected, rtol=1e-3, atol=1e-5, err_msg=name)


def own_evaluate(model: Any) -> Evaluate:
    """minidl's ``evaluate``."""
    return lambda x, y: model.evaluate(x, y, verbose=0)  # type: ignore[no-any-return]


def peers(model: Any) -> dict[str, tuple[Predict, Evaluate]]:
    """Both functions of each other package that is installed."""
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


def torch(model: Any, pairs: Pairs) -> tuple[Predict, Evaluate]:
    """PyTorch, eager, in inference mode; the loss takes the scores before softmax."""
    import torch as package

    network = minidl.interop.to_torch(model)
    scores, loss = network[:-1], package.nn.functional.cross_entropy
    assert isinstance(network[-1], package.nn.Softmax)

    def predict(x: np.ndarray) -> Any:
        with package.inference_mode():
            return network(package.from_numpy(x)).numpy()

    def evaluate(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        with package.inference_mode():
            z, labels = scores(package.from_numpy(x)), package.from_numpy(y)
            right = (z.argmax(1) == labels).float().mean()
            return float(loss(z, labels)), float(right)

    return predict, evaluate


def onnx(model: Any, pairs: Pairs) -> tuple[Predict, Evaluate]:
    """ONNX Runtime, on a graph of Gemm, Relu and Softmax; NumPy evaluates the probabilities."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.onnx")
        minidl.interop.to_onnx(model, path)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def predict(x: np.ndarray) -> Any:
        return session.run(None, {"x": x})[0]

    def evaluate(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        p = predict(x)
        return -float(np.log(p[np.arange(len(y)), y]).mean()), float((p.argmax(1) == y).mean())

    return predict, evaluate


def jax(model: Any, pairs: Pairs) -> tuple[Predict, Evaluate]:
    """JAX, with the whole network compiled."""
    import jax as package
    import jax.numpy as jnp

    def scores(x: Any) -> Any:
        for W, b in pairs[:-1]:
            x = jnp.maximum(x @ W + b, 0)
        return x @ pairs[-1][0] + pairs[-1][1]

    @package.jit
    def network(x: Any) -> Any:
        return package.nn.softmax(scores(x))

    @package.jit
    def results(x: Any, y: Any) -> Any:
        z = scores(x)
        terms = jnp.take_along_axis(package.nn.log_softmax(z), y[:, None], axis=1)
        return -terms.mean(), (z.argmax(1) == y).mean()

    return (
        lambda x: np.asarray(network(x)),
        lambda x, y: tuple(map(float, results(x, y))),
    )


def sklearn(model: Any, pairs: Pairs) -> tuple[Predict, Evaluate]:
    """scikit-learn's MLPClassifier, and scikit-learn's metrics of the probabilities."""
    from sklearn.metrics import accuracy_score, log_loss

    predict = minidl.interop.to_sklearn(model).predict_proba

    def evaluate(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        p = predict(x)
        labels = range(p.shape[1])
        return log_loss(y, p, labels=labels), accuracy_score(y, p.argmax(1))

    return predict, evaluate


if __name__ == "__main__":
    lift_limits()
    main()

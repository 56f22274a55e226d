"""Random trainings that overflow somewhere: is it found at its step, and named, and repeated?

    python -m tests.campaigns.finite [--count N] [--seed S]

Each network, of random layers, loss, optimizer, penalty and clipping, is given a size that cannot
last: of a row of data, of weights, of a learning rate, or of a penalty. A loop of its own, which
shares nothing with ``minidl.finite`` but the network, makes the same steps and looks at every array
after each part of each step. ``fit(..., check_finite=True)`` has to stop at the same step, with the
weights of before, or not at all, alone and beside a callback of somebody else's; and
``replay_failure`` has to come to the same bits.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

import minidl
from minidl import layers, losses, optimizers, regularizers
from minidl.backend import use
from minidl.callbacks import LambdaCallback, TerminateOnNaN
from minidl.optimizers.schedules import PiecewiseConstantDecay
from minidl.training.objective import Objective
from tests import registered
from tests.campaigns import write

STEPS = 40  # of an epoch; there are two
LOSSES = {
    "mse": None,
    "binary_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax",
    "sparse_categorical_crossentropy": "softmax",
}


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    start, found = time.perf_counter(), collections.Counter[str]()
    for number in range(arguments.count):
        found.update([examine(arguments.seed + number)])
    figures = {
        "trainings": arguments.count,
        "seconds": round(time.perf_counter() - start),
        "what came first": dict(sorted(found.items())),
        "found at another step, named otherwise, or repeated with other bits": 0,  # else it raises
    }
    print(figures)
    command = f"python -m tests.campaigns.finite --count {arguments.count}"
    print(write("finite", command, arguments.seed, figures))


def examine(seed: int) -> str:
    """What a random training comes to: "nothing", or phase and tensor.

    Raises:
        AssertionError: fit says something else than the loop.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        working_in(folder),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
        use("numpy", executor=("compiled", "blocks")[seed % 2]),
    ):
        warnings.simplefilter("ignore")
        truth = first_bad_step(*training(seed))
        made, x, y, size = training(seed)
        error = None
        try:
            made.fit(x, y, size, 2, 0, shuffle=False, check_finite=True)
        except minidl.NonFiniteError as caught:
            error = caught
        step = None if error is None else error.step
        assert step == (truth and truth[0]), f"seed {seed}: expected {truth}, received {error!r}"
        if error is None or truth is None:
            return "nothing"
        for one, two in zip(state(made), truth[1], strict=True):
            np.testing.assert_array_equal(one, two, err_msg=f"seed {seed}")
        replay = minidl.replay_failure(error.path or "")
        assert replay.same, f"seed {seed}: {error}\n{replay}"
        assert str(replay.error).splitlines()[:2] == str(error).splitlines()[:2], f"seed {seed}"
        beside, x, y, size = training(seed)
        looks = LambdaCallback(on_train_batch_end=lambda batch, logs: None)
        with contextlib.suppress(minidl.NonFiniteError):
            beside.fit(x, y, size, 2, 0, looks, shuffle=False, check_finite=True)
            raise AssertionError(f"seed {seed}: beside a callback nothing was found")
        for one, two in zip(state(beside), truth[1], strict=True):
            np.testing.assert_array_equal(one, two, err_msg=f"seed {seed}, beside a callback")
        assert beside.step == step, f"seed {seed}: beside a callback step {beside.step}"
        stopped, x, y, size = training(seed)
        with contextlib.redirect_stdout(io.StringIO()):
            stopped.fit(x, y, size, 2, 0, TerminateOnNaN(), shuffle=False)
        assert stopped.step == step + 1, f"seed {seed}: TerminateOnNaN at {stopped.step}"
        tensor = error.tensor.split(" of ")[0].split(" and ")[0]
        return f"{error.phase}: {tensor}"


def training(seed: int) -> tuple[minidl.Sequential, np.ndarray, np.ndarray, int]:
    """A compiled model, x, y and the size of a batch; equal for equal seeds."""
    random = np.random.default_rng(seed)
    minidl.utils.set_random_seed(seed)
    dtype = str(random.choice(["float32", "float32", "float64"]))
    features, units, size = (int(random.integers(1, 6)) for _ in range(3))
    loss = str(random.choice([*LOSSES]))
    low, high = (12, 38) if dtype == "float32" else (120, 300)
    huge = 10.0 ** random.uniform(low, high)
    where = str(random.choice(["data", "weights", "rate", "penalty", "targets", "all"]))
    parts = list(hidden(random, huge if where == "penalty" else 0.0))
    parts.append(layers.Dense(units, LOSSES[loss] if random.random() < 0.8 else None))
    made = minidl.Sequential([layers.Input((features,)), *parts], dtype=dtype)
    rate: Any = 10.0 ** random.uniform(-4, -1)
    if where == "rate":
        rate = PiecewiseConstantDecay([int(random.integers(0, 2 * STEPS))], [rate, huge])
    made.compile(optimizer(random, rate), loss)
    rows = size * STEPS - int(random.integers(0, size))
    x = random.normal(size=(rows, features)).astype(dtype)
    y: Any = random.integers(0, units, rows)
    if loss != "sparse_categorical_crossentropy":
        y = np.eye(units)[y] if loss != "mse" else random.normal(size=(rows, units))
    if where == "data":
        x[random.integers(rows)] *= huge / 10
    if where == "all":
        x *= huge / 10
    if where == "targets" and loss == "mse":
        y[random.integers(rows)] *= huge
    if where == "weights":
        made.build()
        entry = made.parameters[int(random.integers(len(made.parameters)))]
        made.parameters.view(entry)[...] *= huge
    return made, x, y, size


def hidden(random: np.random.Generator, penalty: float) -> Iterator[Any]:
    """Layers of all kinds."""
    for _ in range(int(random.integers(0, 4))):
        kind = int(random.integers(6))
        activation = random.choice(["relu", "tanh", "sigmoid", "elu", "softmax", "linear"])
        l2 = regularizers.L2(penalty) if penalty else None
        if kind < 3:
            width = int(random.integers(1, 7))
            yield layers.Dense(width, str(activation), kernel_regularizer=l2)
        elif kind == 3:
            yield layers.BatchNormalization(momentum=float(random.choice([0, 0.5, 0.99])))
        elif kind == 4:
            yield layers.Dropout(float(random.uniform(0, 0.9)))
        else:
            yield layers.Activation(str(activation))


def optimizer(random: np.random.Generator, rate: Any) -> optimizers.Optimizer:
    """One of all, with each way of clipping."""
    kind = registered.OPTIMIZERS[str(random.choice([*registered.OPTIMIZERS]))]
    clips: list[dict[str, float]] = [
        {}, {}, {"clipvalue": 0.5}, {"clipnorm": 1.0}, {"global_clipnorm": 1.0},
        {"weight_decay": 0.1},
    ]  # fmt: skip
    return kind(learning_rate=rate, **clips[int(random.integers(len(clips)))])


def first_bad_step(
    made: minidl.Sequential, x: np.ndarray, y: np.ndarray, size: int
) -> tuple[int, list[np.ndarray]] | None:
    """The first step of two epochs that comes to NaN or infinity, and the state before it."""
    made.build((x.shape[1],))
    assert made.optimizer is not None
    made.optimizer.build(made.theta, made.parameters)
    objective = Objective(made, made._loss, made._metrics, size)
    loss: losses.Loss = objective.loss
    y = y.astype(np.int32).reshape(-1, 1) if loss.labels == "integers" else y.astype(made.dtype)
    for _ in range(2):
        for start in range(0, len(x), size):
            rows = slice(start, start + size)
            before = state(made)
            value = made.forward(x[rows], training=True, logits=loss.joined)
            arrays = [value, *seen(made)]
            penalty = made.penalties.forward(made.theta).copy()
            arrays += [penalty, loss.forward(value, y[rows]).copy(), loss._losses[: len(value)]]
            d = loss.backward()
            arrays.append(d.copy())
            made.backward(d, logits=loss.joined)
            made.penalties.add_gradients(made.theta, made.grad)
            arrays.append(made.grad.copy())
            made.optimizer.update(made.theta, made.grad)
            made.penalties.proximal_step(made.theta, made.optimizer)
            arrays += state(made)
            if not all(np.isfinite(array).all() for array in arrays):
                return made.step - 1, before
    return None


def seen(made: minidl.Sequential) -> Iterator[np.ndarray]:
    """The outputs of layers, before and after activations."""
    for layer in made.layers:
        for one in (layer, getattr(layer, "activation", None)):
            for name in ("z", "y"):
                array = getattr(one, name, None)
                if array is not None:
                    yield array.copy()


def state(made: minidl.Sequential) -> list[np.ndarray]:
    """Copies of what a step leaves."""
    assert made.optimizer is not None
    vectors = made.theta, made.statistics.theta, *made.optimizer.state.values()
    return [vector.copy() for vector in vectors]


@contextlib.contextmanager
def working_in(folder: str) -> Iterator[None]:
    """The working folder within the block."""
    before = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


if __name__ == "__main__":
    main()

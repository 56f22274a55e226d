"""What fit allocates: nothing in a step that grows with the batch, nothing like the data."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.backend import current
from minidl.callbacks import Callback
from minidl.data.batches import Batches
from minidl.data.checking import targets
from minidl.losses import SparseCategoricalCrossentropy
from tests.fitting import network
from tests.specs import spec

# Wide enough that every buffer of a step is larger than a block of the executor, whose
# registers are one block at most: below that they would be as small as the batch.
UNITS = 64
HIDDEN = [
    spec("layers.Rescaling", scale=1 / 255),
    spec("layers.Flatten"),
    spec(
        "layers.Dense", units=UNITS, activation="relu", kernel_regularizer=spec("regularizers.L2")
    ),
    spec("layers.BatchNormalization"),
    spec("layers.Dropout", rate=0.5),
]
LOSSES = {
    "sparse_categorical_crossentropy": "softmax",
    "categorical_crossentropy": "softmax",
    "binary_crossentropy": "sigmoid",
    "mean_squared_error": "elu",
}

PROXIMAL = spec("regularizers.L1", proximal=True)

# Views, Python numbers and dictionaries: the same few hundred bytes, give or take, a step.
NOISE = 2_048
#: Fewer than the 64 after which the optimizer looks for subnormal numbers.
STEPS = 48


class StepPeaks(Callback):
    """Peak of the memory that each step took beyond what there was before it."""

    def __init__(self) -> None:
        self.peaks: list[int] = []

    def on_train_batch_begin(self, batch: int, logs: Any) -> None:
        tracemalloc.reset_peak()
        self.before = tracemalloc.get_traced_memory()[0]

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        self.peaks.append(tracemalloc.get_traced_memory()[1] - self.before)


def data(rows: int, loss: str) -> tuple[np.ndarray, np.ndarray]:
    """uint8 pixels, and targets for :data:`UNITS` outputs."""
    x = np.random.default_rng(0).integers(0, 256, (rows, 8, 8), dtype=np.uint8)
    y = np.arange(rows) % UNITS
    return x, y if loss.startswith("sparse") else np.eye(UNITS)[y]


@pytest.mark.parametrize("engine", ["blocks", "compiled"])
@pytest.mark.parametrize(
    "loss",
    [
        pytest.param(loss, marks=() if loss == "mean_squared_error" else pytest.mark.thorough)
        for loss in LOSSES
    ],
)
def test_a_step_allocates_nothing_that_grows(loss: str, engine: str) -> None:
    """After the buffers are bound, twice the batch or four times the rows take no more."""
    minidl.backend.use("numpy", executor=engine)
    metrics = ["accuracy"] if loss == "mean_squared_error" else ["accuracy", loss]
    largest = {}
    for rows, batch in ((2048, 512), (2048, 1024), (8192, 512)):
        output = spec("layers.Dense", units=UNITS, activation=LOSSES[loss])
        model = network([*HIDDEN, output], (8, 8), dtype="float32")
        model.compile(minidl.optimizers.Adam(clipnorm=1.0), loss, metrics=metrics)
        x, y = data(rows, loss)
        steps = StepPeaks()
        tracemalloc.start()
        try:
            model.fit(x, y, batch, epochs=STEPS * batch // rows, verbose=0, callbacks=steps)
        finally:
            tracemalloc.stop()
        # The first steps bind buffers, compile formulas, record, and prepare a glance.
        largest[rows, batch] = max(steps.peaks[9:])
    assert max(largest.values()) - min(largest.values()) < NOISE, largest
    # Eight hidden buffers of this batch would be 1 MiB; the registers of the executor are
    # at most a handful of blocks of 64 KiB.
    assert max(largest.values()) < 512 * UNITS * 4 * 3


@pytest.mark.parametrize("engine", ["blocks", "compiled"])
def test_a_proximal_step_allocates_nothing_that_grows(engine: str) -> None:
    """Four times the weights take no more: the step sizes go into the penalties' own buffer."""
    minidl.backend.use("numpy", executor=engine)
    needed = {}
    for units in (256, 1024):
        dense = spec("layers.Dense", units=units, kernel_regularizer=PROXIMAL)
        model = network([dense], (256,), dtype="float32")
        optimizer = minidl.optimizers.Adam()
        optimizer.update(model.theta, model.grad)
        model.penalties.proximal_step(model.theta, optimizer)  # compiles
        needed[units] = taken(lambda m=model, o=optimizer: m.penalties.proximal_step(m.theta, o))
    assert needed[1024] - needed[256] < NOISE, needed


def taken(action: Any) -> int:
    """Peak of the memory that a call takes."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        action()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize(
    "what", ["fit", "fit with a split", "fit evaluating", "evaluate", "predict"]
)
def test_nothing_of_the_size_of_the_data(what: str, dtype: Any) -> None:
    """A row more costs an index and a label, whatever the pixels are, not a copy of its 256."""
    needed = {}
    for rows in (4096, 8192):  # with a split, more than a batch of inference both times
        x = np.ones((rows, 16, 16), dtype)
        y = np.arange(rows) % 10
        model = network(
            [spec("layers.Flatten"), spec("layers.Dense", units=10, activation="softmax")],
            (16, 16),
            dtype="float32",
        )
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        actions = {
            "fit": lambda m=model, x=x, y=y: m.fit(x, y, 64, 2, 0, initial_epoch=1),
            "fit with a split": lambda m=model, x=x, y=y: m.fit(
                x, y, 64, 2, 0, initial_epoch=1, validation_split=0.25
            ),
            "fit evaluating": lambda m=model, x=x, y=y: m.fit(
                x, y, 64, 2, 0, initial_epoch=1, evaluate_train=True
            ),
            "evaluate": lambda m=model, x=x, y=y: m.evaluate(x, y, 64, 0),
            "predict": lambda m=model, x=x: m.predict(x, 64),
        }
        actions[what]()  # binds buffers, compiles
        needed[rows] = taken(actions[what])
    a_row = (needed[8192] - needed[4096]) / 4096
    # int32 label, int64 place in the shuffle, their temporaries; ten float32 outputs.
    assert a_row < (64 if what == "predict" else 48)


def test_integers_stay_integers() -> None:
    """Pixels and class numbers, in what batches are cut from and in what they are gathered into."""
    x, y = data(10, "sparse")
    y = targets(y, SparseCategoricalCrossentropy(), (UNITS,), 10, np.float32)
    batches = Batches(x, y, None, 4, current(), np.float32)
    for part in (*batches.in_order(), *batches.shuffled(np.arange(10)[::-1].copy())):
        assert part[0].dtype == np.uint8
        assert part[1].dtype == np.int32
    assert batches._arrays[0] is x


def test_batches_of_another_size_share_the_rows() -> None:
    """And nothing else: what one gathers does not overwrite what the other did."""
    x, y = data(10, "sparse")
    batches = Batches(x, y, None, 4, current(), np.float32)
    other = batches.of_size(100)
    assert (batches.size, len(batches), other.size, len(other)) == (4, 3, 10, 1)
    assert all(a is b for a, b in zip(batches._arrays, other._arrays, strict=True))
    (whole,) = other.in_order()
    np.testing.assert_array_equal(whole[0], x)
    first = next(batches.shuffled(np.arange(10)))[0]
    batches.aim()
    batches.fill()
    reverse = batches.of_size(5)
    next(reverse.shuffled(np.arange(10)[::-1].copy()))
    reverse.aim()
    reverse.fill()
    np.testing.assert_array_equal(first, x[:4])

"""What is dropped is freed at once: no array of a model outlives it, with the cycle collector off.

Callbacks, the History and the optimizer are kept here: they are the user's, and keep no model.
"""

from __future__ import annotations

import gc
import pickle
import sys
import threading
import tracemalloc
import types
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

import minidl
from minidl import callbacks, layers, losses, optimizers, regularizers
from minidl.accelerator.overlaps import owner
from minidl.layers.names import next_name

X = np.random.default_rng(0).standard_normal((230, 40)).astype("float32")
Y = np.arange(230) % 10
LOSS = "sparse_categorical_crossentropy"


class Stop(callbacks.Callback):
    """Interrupts: within an epoch, at its end, and where it is told of the end, too."""

    def __init__(self, moment: str) -> None:
        self.moment = moment

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        if self.moment == "batch" and batch == 3:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        if self.moment in ("epoch", "both"):
            raise KeyboardInterrupt

    def on_train_end(self, logs: Any) -> None:
        if self.moment == "both":
            raise ValueError("the end")


class Looks(callbacks.Callback):
    """Reads weights and the values of each batch, and keeps what it is told."""

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        self.loss, self.logs = logs["loss"], logs

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.norm = float(np.abs(self.model.theta).max())


class Own(optimizers.SGD):
    """An optimizer that is called at each step, between commands."""

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        theta -= learning_rate * grad

    def step_size(self, part: slice, out: Any) -> Any:
        return 0.01


class Called(layers.Dense):
    """A layer whose step is called as it is."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        return super().forward(x, training, step)


def made(optimizer: Any = "adam", dense: type[layers.Dense] = layers.Dense) -> Any:
    """A network of each kind of layer, large enough for products in terms."""
    model = minidl.Sequential(
        [
            minidl.Input(shape=(40,)),
            dense(300, "relu", kernel_regularizer=regularizers.L1(0.01, proximal=True)),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(200, "tanh", kernel_regularizer="l2"),
            layers.Dense(10, "softmax"),
        ]
    )
    model.compile(optimizer, LOSS, metrics=["accuracy", LOSS])
    return model


def fit(model: Any, *told: callbacks.Callback, **options: Any) -> Any:
    """Train, and give what the caller would have kept."""
    history = model.fit(X, Y, 50, 3, **{"verbose": 0, **options}, callbacks=list(told))
    return history, told, model.optimizer


def interrupted(moment: str) -> Any:
    model, stop = made(), Stop(moment)
    with pytest.raises(ValueError if moment == "both" else KeyboardInterrupt):
        fit(model, stop)
    return model, stop


def with_callbacks(folder: Path) -> Any:
    model = made(optimizers.Adam(clipnorm=1.0))
    return model, fit(
        model,
        callbacks.EarlyStopping(patience=1),
        callbacks.ModelCheckpoint(folder / "model.npz"),
        callbacks.CSVLogger(folder / "log.csv"),
        callbacks.LearningRateScheduler(lambda epoch: 0.01),
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
        callbacks.TerminateOnNaN(),
        Looks(),
        validation_split=0.2,
        evaluate_train=True,
        verbose=1,
    )


def used(folder: Path) -> Any:
    model = made()
    kept = fit(model, verbose=2), model.evaluate(X, Y), model.predict(X, verbose=1)
    model.save(folder / "model.npz")
    model.summary()
    loaded: Any = minidl.models.load_model(folder / "model.npz")
    return loaded, fit(loaded), kept


def refused() -> Any:
    model = made()
    with pytest.raises(ValueError, match="val_loss"):
        fit(model, callbacks.EarlyStopping())
    with pytest.raises(ValueError, match="class numbers"):
        model.fit(X, Y + 5, verbose=0)
    return (model,)


def sparse() -> Any:
    model = minidl.Sequential([layers.Dense(300, "relu"), layers.Dense(10, "softmax")])
    model.compile("adam", LOSS)
    rows = scipy.sparse.csr_matrix(X * (X > 1))
    return model, model.fit(rows, Y, 50, 2, verbose=0), model.predict(rows)


def by_hand() -> Any:
    model, optimizer = made(), optimizers.RMSprop()
    loss = losses.get(LOSS)
    for _ in range(3):
        loss.forward(model.forward(X, training=True), Y)
        model.backward(loss.backward())
        model.penalties.add_gradients(model.theta, model.grad)
        optimizer.update(model.theta, model.grad)
        model.penalties.proximal_step(model.theta, optimizer)
    return model, optimizer


def built() -> Any:
    model = made()
    model.build()
    return (model,)


CASES: dict[str, Callable[[Path], Any]] = {
    "built": lambda _: built(),
    "fitted": lambda _: (model := made(), fit(model)),
    "fitted with callbacks": with_callbacks,
    "interrupted in a batch": lambda _: interrupted("batch"),
    "interrupted after an epoch": lambda _: interrupted("epoch"),
    "interrupted twice": lambda _: interrupted("both"),
    "evaluated, saved, loaded": used,
    "refused": lambda _: refused(),
    "sparse": lambda _: sparse(),
    "by hand": lambda _: by_hand(),
    "an optimizer of one's own": lambda _: (model := made(Own()), fit(model)),
    "a rate of one's own": lambda _: (
        model := made(optimizers.SGD(lambda step: 0.1 / (1 + step))),
        fit(model),
    ),
    "a layer of one's own": lambda _: (model := made(dense=Called), fit(model)),
}


def arrays(thing: Any, seen: dict[int, Any]) -> Iterator[np.ndarray]:
    """Those that an object holds, and those that its parts do: of views, what they are views of."""
    if id(thing) in seen:
        return
    seen[id(thing)] = thing
    if isinstance(thing, types.ModuleType):
        return
    if isinstance(thing, np.ndarray):
        if owner(thing) is not X:
            yield owner(thing)
        return
    parts = thing if isinstance(thing, list | tuple) else getattr(thing, "__dict__", {}).values()
    for part in [*(thing.values() if isinstance(thing, dict) else parts)]:
        yield from arrays(part, seen)


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Nothing is freed but what nobody refers to."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("engine", ["blocks", "compiled"])
@pytest.mark.parametrize("case", CASES)
def test_no_array_outlives_its_model(
    case: str, engine: str, uncollected: None, tmp_path: Path, capsys: Any
) -> None:
    minidl.backend.use("numpy", executor=engine)
    CASES[case](tmp_path)  # compiles
    CASES[case](tmp_path)  # and keeps what it runs of what is compiled
    # Python keeps the memory of freed tuples, 2,000 of each size: from here on it has as many.
    full = [(None,) * size for size in range(1, 20) for _ in range(2_000)]
    del full
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        model, *kept = CASES[case](tmp_path)
        owned = [weakref.ref(array) for array in arrays([model.layers, model.parameters], {})]
        taken = tracemalloc.get_traced_memory()[0] - before
        del model
        assert len(owned) > 4
        assert [reference() for reference in owned] == [None] * len(owned)
        # Buffers of batches, losses and tapes, too, and memory for terms of products.
        del kept
        left = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    # Classes that a case makes are in cycles, with what is known of them.
    assert left < 200_000 < taken / 2, (left, taken)


def test_a_layer_keeps_its_weights_where_its_network_is_gone() -> None:
    """In another network it goes on with them."""
    layer = layers.Dense(3)
    network = minidl.Sequential([layers.Input((2,)), layer])
    assert layer.owner is network
    (kernel, _) = network.get_weights()
    del network
    assert layer.owner is None
    other = minidl.Sequential([layers.Input((2,)), layer, layers.Dense(2)])
    assert layer.owner is other
    np.testing.assert_array_equal(other.get_weights()[0], kernel)


def test_a_callback_has_its_model_as_long_as_that_lives() -> None:
    """But what somebody assigns is kept, and so is what a class has in the place of it."""

    class Plain(callbacks.Callback):
        model = None

    model, told, plain, teacher = made(), callbacks.Callback(), Plain(), made()
    history = fit(model, told, plain)[0]
    assert history.model is told.model is plain.model is model
    told.model = teacher
    seen = weakref.ref(teacher)
    del teacher, model, plain
    assert history.model is None
    assert told.model is seen() is not None


def test_an_optimizer_is_of_its_model_also_where_that_is_gone() -> None:
    """And so is a copy."""
    model = made()
    _, _, optimizer = fit(model)
    for other in (optimizer, pickle.loads(pickle.dumps(optimizer))):
        with pytest.raises(ValueError, match="that holds the state of another model of 75"):
            made(other).fit(X, Y, verbose=0)
    fit(model)
    del model
    with pytest.raises(ValueError, match="that holds the state of another model of 75"):
        made(optimizer).fit(X, Y, verbose=0)


def test_layers_of_many_threads_have_names_of_their_own() -> None:
    names: list[list[str]] = [[] for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [
            threading.Thread(target=lambda own=own: own.extend(next_name("X") for _ in range(2000)))
            for own in names
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len({name for own in names for name in own}) == 8000

"""Calls of methods: networks and layers, losses, metrics, optimizers, activations, penalties."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

import minidl
from minidl import layers, losses, metrics, regularizers
from minidl.backend import current
from minidl.callbacks import Callback
from minidl.models import Network
from tests import registered
from tests.campaigns.memory.arrays import Maker
from tests.campaigns.memory.kernels import Made, sizes

Kind = Callable[[], str | None]
_LOSSES = [
    losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy,
    losses.BinaryCrossentropy, losses.MeanSquaredError,
]  # fmt: skip
_METRICS = [
    metrics.Accuracy, metrics.SparseCategoricalAccuracy, metrics.CategoricalAccuracy,
    metrics.BinaryAccuracy,
]  # fmt: skip


def _one(random: np.random.Generator, things: Any) -> Any:
    found = list(things)
    return found[int(random.integers(len(found)))]


def a_network(random: np.random.Generator, dtype: str = "float32") -> Network:
    """Two or three layers, bound for some rows."""
    axes = sizes(random)
    middle: list[Callable[[], Any]] = [
        lambda: layers.BatchNormalization(),
        lambda: layers.Dropout(0.3),
        lambda: layers.Activation(_one(random, registered.ACTIVATIONS)),
        lambda: layers.Rescaling(0.5),
        lambda: layers.Flatten(),
        lambda: layers.Dense(axes["O"], _one(random, registered.ACTIVATIONS)),
    ]
    stack = [minidl.Input((axes["I"],)), layers.Dense(axes["I"], "relu"), _one(random, middle)()]
    network = Network([*stack, layers.Dense(axes["O"], "softmax")], dtype=dtype)
    network.build()
    network.bind(axes["N"])
    return network


def a_layer(random: np.random.Generator, maker: Maker, kind: Kind) -> Made:
    """Passes through one layer of a network, that fit each other or do not."""
    network = a_network(random)
    layer = _one(random, network.layers)
    rows = network.rows

    def call() -> None:
        x = maker.array((rows, *layer.input_shape), kind())
        layer.forward(x, random.random() < 0.5, 3)
        if random.random() < 0.2:
            layer.bind(max(rows // 2, 1), network.backend, network.dtype)
        if random.random() < 0.2 and isinstance(layer, layers.Dense):
            layer.logits(maker.array((rows, *layer.input_shape), kind()))
        layer.backward(maker.array((rows, *layer.output_shape), kind()))
        if random.random() < 0.2 and isinstance(layer, layers.Dense):
            layer.logits_backward(maker.array((rows, *layer.output_shape), kind()))

    return call, None


def passes(random: np.random.Generator, maker: Maker, kind: Kind) -> Made:
    """Passes through a network, and updates of the network."""
    network = a_network(random)
    optimizer = _one(random, registered.OPTIMIZERS.values())()
    size = network.theta.size

    def call() -> None:
        for _ in range(int(random.integers(1, 3))):
            y = network.forward(maker.array((network.rows, *network.layers[0].input_shape), kind()))
            dy = y if random.random() < 0.3 else maker.array(y.shape, kind())
            network.backward(dy)
            grad = network.grad if random.random() < 0.7 else maker.array((size,), kind())
            optimizer.update(network.theta, grad)

    return call, None


def sparse_passes(random: np.random.Generator, maker: Maker, kind: Kind) -> Made:
    """Passes of sparse rows with changed arrays."""
    network = a_network(random)
    x = sp.random(network.rows, *network.layers[0].input_shape, 0.2, "csr", np.float32)
    dy = maker.array((network.rows, *network.layers[-1].output_shape), kind())

    def call() -> None:
        network.forward(x)
        _spoil(random, x)
        (network if random.random() < 0.5 else network.layers[0]).forward(x)
        _spoil(random, x)
        network.backward(dy)

    return call, None


def _spoil(random: np.random.Generator, x: Any) -> None:
    """Change the places of a sparse matrix's entries."""
    array = _one(random, [x.indices, x.indptr])
    if random.random() < 0.7 and array.size:
        array[int(random.integers(array.size))] = _one(random, [-1, 10**9, x.shape[1], 0])
    elif random.random() < 0.3:
        x.indices = x.indices[: len(x.indices) // 2].copy()


def a_loss(random: np.random.Generator, maker: Maker, kind: Kind) -> Made:
    """A loss: of predictions and targets, with gradient."""
    loss = _one(random, _LOSSES)()
    axes = sizes(random)
    shape = axes["N"], axes["O"]

    def call() -> None:
        if random.random() < 0.3:
            loss.bind(max(shape[0] // 2, 1), shape[1], current(), np.float32)
        y = maker.array(shape, kind())
        if loss.labels == "integers" and kind() is None:
            y = random.integers(-1, shape[1] + 1, shape[0])
        weight = maker.array(shape[:1], kind()) if random.random() < 0.3 else None
        choice = random.random()
        if choice < 0.2:
            loss(y, maker.array(shape, kind()))
        elif choice < 0.4:
            loss.row_losses(*(maker.array(s, kind()) for s in (shape, shape, (shape[0], 1))))
        else:
            loss.forward(maker.array(shape, kind()), y, weight)
            loss.backward()
        loss.row_gradients(*(maker.array(shape, kind()) for _ in range(3)))

    return call, None


def a_metric(random: np.random.Generator, maker: Maker, kind: Kind) -> Made:
    """A metric of batches."""
    metric = _one(random, _METRICS)()
    axes = sizes(random)
    shape = axes["N"], axes["O"]
    metric.bind(shape[0], shape[1], current(), np.float32, False)
    metric.reset_state()

    def call() -> None:
        y = maker.array(_one(random, [shape, shape[:1]]), kind())
        metric.update(maker.array(shape, kind()), y)
        metric.result()

    return call, None


def an_optimizer(random: np.random.Generator, maker: Maker, kind: Kind) -> Made:
    """Updates of a vector."""
    clips = _one(random, [{}, {"global_clipnorm": 0.1}, {"clipvalue": 0.1}, {"weight_decay": 0.1}])
    optimizer = _one(random, registered.OPTIMIZERS.values())(**clips)
    size = int(random.choice([1, 7, 100, 3000, 140_000]))

    def call() -> None:
        theta = maker.array((size,), kind())
        optimizer.update(theta, maker.array((size,), kind()))
        optimizer.step(maker.array((size,), kind()), maker.array((size,), kind()), 0.1, 2)
        optimizer.step_size(slice(0, size), maker.array((size,), kind()))

    return call, None


def an_activation(random: np.random.Generator, maker: Maker, kind: Kind) -> Made:
    """An activation or a penalty as a function of arrays."""
    axes = sizes(random)
    shape = axes["N"], axes["O"]
    function = _one(random, registered.ACTIVATIONS.values())
    penalty = _one(random, [regularizers.L1(), regularizers.L2(), regularizers.Lp(3.0)])
    x, out = maker.array(shape, kind()), maker.array(shape, kind())
    if random.random() < 0.5:
        return lambda: function(x), None

    def call() -> None:
        penalty.forward(x, out)
        penalty.add_gradient(x, out)

    return call, None


class _Meddler(Callback):
    """A callback that does to a model in training everything that is allowed with arrays."""

    def __init__(self, random: np.random.Generator, data: list[Any]) -> None:
        self._random, self._data = random, data

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        with contextlib.suppress(ValueError):  # refused by NumPy or the engine
            self._meddle()

    def _meddle(self) -> None:
        layer = _one(self._random, self.model.layers)
        arrays = [a for a in [*vars(layer).values(), *self._data] if isinstance(a, np.ndarray)]
        choice, array = self._random.random(), _one(self._random, arrays or [np.zeros(3)])
        # Steps that are not recorded see freed memory after a resize that nobody checks.
        if choice < 0.3 and minidl.backend.executor == "compiled":
            array.resize(array.size // 2 + 1, refcheck=False)
        elif choice < 0.5 and array.flags.c_contiguous:
            array.shape = (array.size,)
        elif choice < 0.6:
            array.flags.writeable = False
        elif choice < 0.8:
            for x in self._data:
                if sp.issparse(x):
                    _spoil(self._random, x)
        else:
            layer.forward(np.ones((50, *layer.input_shape), np.float32))


def training(random: np.random.Generator, maker: Maker, kind: Kind) -> Made:
    """``fit`` and ``predict``, while a callback meddles with the arrays."""
    units, inputs = 3, int(random.choice([4, 70]))
    rows = int(random.choice([20, 70]))
    model = minidl.Sequential(
        [minidl.Input((inputs,)), layers.Dense(65, "relu"), layers.Dense(units, "softmax")]
    )
    optimizer = _one(random, list(registered.OPTIMIZERS))
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    x = maker.array((rows, inputs), kind())
    if random.random() < 0.5:
        x = sp.random(rows, inputs, 0.2, "csr", np.float32, rng=random)
    y = random.integers(0, units, rows)

    def call() -> None:
        meddler = _Meddler(random, [x, y])
        model.fit(x, y, batch_size=7, epochs=8, verbose=0, callbacks=[meddler])
        model.predict(x)

    return call, None

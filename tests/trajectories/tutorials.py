"""The networks of the five tutorials, as they train them, on made-up rows of the same kind.

Layers, activations, penalties, rates and optimizers are the tutorials'; batches are smaller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.specs import Spec, spec
from tests.trajectories.cases import Case, dense, schedule

BATCHES, ROWS = 10, 16

FLATTEN = spec("layers.Flatten")
NORMALIZATION = spec("layers.BatchNormalization")
RELU = spec("layers.Activation", activation="relu")
CLASSES = dense(10, "softmax")
YES_OR_NO = dense(1, "sigmoid")

ADAM = spec("optimizers.Adam", learning_rate=0.001)
RMSPROP = spec("optimizers.RMSprop", learning_rate=0.001)
NESTEROV = spec("optimizers.SGD", learning_rate=0.02, momentum=0.1, nesterov=True)
# Tutorial 001 halves the rate every 6,000 of its 18,000 steps; here, every 33 of 100.
HALVED = spec(
    "optimizers.Adam",
    learning_rate=schedule(
        "ExponentialDecay",
        initial_learning_rate=0.001,
        decay_steps=33,
        decay_rate=0.5,
        staircase=True,
    ),
)


def dropout(rate: float) -> Spec:
    """A Dropout layer."""
    return spec("layers.Dropout", rate=rate)


def l1(factor: float) -> Spec:
    """An L1 penalty, of the number that Keras makes of it: it keeps it in float32."""
    return spec("regularizers.L1", l1=float(np.float32(factor)))


def l2(factor: float) -> Spec:
    """An L2 penalty."""
    return spec("regularizers.L2", l2=factor)


def relus(*units: int, **options: Any) -> list[Spec]:
    """Dense layers with ReLU."""
    return [dense(n, "relu", **options) for n in units]


def followed(layers: list[Spec], *after: Spec) -> list[Spec]:
    """Each layer with the others after it."""
    return [one for layer in layers for one in (layer, *after)]


def images(labels: str = "sparse") -> dict[str, Any]:
    """Pixels from 0 to 1; those at the border are always 0, as in Fashion-MNIST."""
    random = np.random.default_rng(4)
    x = random.integers(0, 256, (BATCHES, ROWS, 28, 28)) / 255
    x[..., :3] = x[..., -3:] = 0
    y = random.integers(0, 10, (BATCHES, ROWS))
    if labels == "categorical":
        return {"loss": spec("losses.CategoricalCrossentropy"), "x": x, "y": np.eye(10)[y]}
    return {"loss": spec("losses.SparseCategoricalCrossentropy"), "x": x, "y": y}


def reviews(words: int) -> dict[str, Any]:
    """1 for every word that a review has."""
    random = np.random.default_rng(5)
    # The first words of the list are the frequent ones: half of the first hundred are there.
    share = 1 / (1 + np.arange(words) / 100) / 2
    x = (random.uniform(size=(BATCHES, ROWS, words)) < share).astype(float)
    y = random.integers(0, 2, (BATCHES, ROWS, 1)).astype(float)
    return {"loss": spec("losses.BinaryCrossentropy"), "x": x, "y": y}


Made = Callable[[], Case]


def _pictures(
    hidden: list[Spec], optimizer: Spec = ADAM, labels: str = "sparse", output: Any = (CLASSES,)
) -> Made:
    return lambda: Case([FLATTEN, *hidden, *output], optimizer, **images(labels))


def _opinions(words: int, hidden: list[Spec], optimizer: Spec = ADAM) -> Made:
    return lambda: Case([*hidden, YES_OR_NO], optimizer, **reviews(words))


_FOUR = (256, 256, 128, 128)
_SIX = [dense(n) for n in (256, 128, 512, 64, 128, 256)]

TUTORIALS: dict[str, Made] = {
    "000: 128": _pictures(relus(128)),
    "000: 128, Dropout .9": _pictures([*relus(128), dropout(0.9)]),
    "000: 256": _pictures(relus(256)),
    "000: 256, Dropout .5": _pictures([*relus(256), dropout(0.5)]),
    "000: 128, BatchNormalization": _pictures([*relus(128), NORMALIZATION]),
    "001: 256-128": _pictures(relus(256, 128), labels="categorical"),
    "001: 256-256-128-128": _pictures(relus(*_FOUR), labels="categorical"),
    "001: Dropout .3": _pictures(followed(relus(*_FOUR), dropout(0.3)), labels="categorical"),
    "001: L2": _pictures(
        relus(*_FOUR, kernel_regularizer=l2(0.002)),
        labels="categorical",
        output=[dense(10, "softmax", kernel_regularizer=l2(0.002))],
    ),
    "001: BatchNormalization": _pictures(
        followed([dense(n) for n in _FOUR], NORMALIZATION, spec("layers.ReLU")),
        labels="categorical",
        output=[dense(10), NORMALIZATION, spec("layers.Softmax")],
    ),
    "001: schedule": _pictures(relus(*_FOUR), HALVED, "categorical"),
    "002: ReLU, RMSprop": _pictures(relus(100), RMSPROP),
    "002: ELU, RMSprop": _pictures([dense(100, "elu")], RMSPROP),
    "002: SGD, Nesterov": _pictures(relus(100), NESTEROV),
    "002: Adam": _pictures(relus(100)),
    "002: Adam, Dropout .3": _pictures([*relus(100), dropout(0.3)]),
    "003: 16-16": _opinions(10_000, relus(16, 16), RMSPROP),
    "003: L2": _opinions(10_000, relus(16, 16, kernel_regularizer=l2(0.001)), RMSPROP),
    "003: Dropout .5": _opinions(10_000, followed(relus(16, 16), dropout(0.5)), RMSPROP),
    "004: 256-128": _opinions(100, relus(256, 128)),
    "004: 1024-512-128-64-64": _opinions(100, relus(1024, 512, 128, 64, 64)),
    "004: 128-128": _opinions(100, relus(128, 128)),
    "004: L1": _opinions(100, relus(128, 128, kernel_regularizer=l1(0.001))),
    "004: L2": _opinions(100, relus(128, 128, kernel_regularizer=l2(0.001))),
    "004: 128-64": _opinions(100, relus(128, 64)),
    "004: Dropout .2": _opinions(100, followed(relus(128, 64), dropout(0.2))),
    "004: six hidden": _pictures(followed(_SIX, RELU)),
    "004: six hidden, BatchNormalization": _pictures(followed(_SIX, NORMALIZATION, RELU)),
    "004: all of them": _pictures(
        [
            *relus(256, kernel_regularizer=l1(0.001)),
            *relus(128, kernel_regularizer=l2(0.001)),
            *relus(256),
            dense(64),
            NORMALIZATION,
            RELU,
            dropout(0.2),
        ]
    ),
}

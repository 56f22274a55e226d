"""What is trained in minidl and in Keras: optimizers × changes × losses, on small networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from tests.specs import Spec, spec


class Case(NamedTuple):
    """A network, how it is trained, and on what.

    Attributes:
        x, y: (B, N, ...): the rows and targets of B batches, taken in turn.
    """

    layers: Sequence[Spec]
    optimizer: Spec
    loss: Spec
    x: np.ndarray
    y: np.ndarray


def dense(units: int, activation: str | None = None, **options: Any) -> Spec:
    """A Dense layer."""
    return spec("layers.Dense", units=units, activation=activation, **options)


def optimizer(kind: str, learning_rate: float, **options: Any) -> Spec:
    """An optimizer."""
    return spec(f"optimizers.{kind}", learning_rate=learning_rate, **options)


# Every argument that an optimizer has of its own. Those that all of them have are changes.
OPTIMIZERS = {
    "SGD": optimizer("SGD", 0.05),
    "SGD, momentum": optimizer("SGD", 0.02, momentum=0.9),
    "SGD, Nesterov": optimizer("SGD", 0.02, momentum=0.9, nesterov=True),
    "RMSprop": optimizer("RMSprop", 0.003),
    "RMSprop, momentum": optimizer("RMSprop", 0.003, momentum=0.6, rho=0.7, epsilon=1e-3),
    "RMSprop, centered": optimizer("RMSprop", 0.003, centered=True),
    "RMSprop, both": optimizer("RMSprop", 0.003, centered=True, momentum=0.6, rho=0.8),
    "Adam": optimizer("Adam", 0.01),
    "Adam, amsgrad": optimizer("Adam", 0.01, amsgrad=True, beta_1=0.7, beta_2=0.9, epsilon=1e-2),
    "AdamW": optimizer("AdamW", 0.01),
    "AdamW, amsgrad": optimizer(
        "AdamW", 0.01, weight_decay=0.3, amsgrad=True, beta_1=0.8, beta_2=0.95, epsilon=1e-4
    ),
    "Nadam": optimizer("Nadam", 0.01),
    "Nadam, betas": optimizer("Nadam", 0.01, beta_1=0.7, beta_2=0.9, epsilon=1e-2),
    "Adagrad": optimizer("Adagrad", 0.1),
    "Adagrad, start": optimizer("Adagrad", 0.1, initial_accumulator_value=0.0, epsilon=1e-3),
}

L1 = spec("regularizers.L1", l1=2**-7)  # exact in float32, Keras's type of it
L2 = spec("regularizers.L2", l2=0.01)


def hidden(**options: Any) -> list[Spec]:
    """Two hidden layers, one of them with a kink."""
    return [dense(6, "tanh", **options), dense(5, "relu", use_bias=False, **options)]


# A bias before the normalization would do nothing: see `running.cancelled`.
NORMALIZED = [
    dense(6, use_bias=False),
    spec("layers.BatchNormalization", momentum=0.9, epsilon=1e-2),
    spec("layers.ReLU"),
]


def schedule(kind: str, **options: Any) -> Spec:
    """A learning rate as a function of the step."""
    return spec(f"optimizers.schedules.{kind}", **options)


# Factors of an optimizer's learning rate, all of which change within 100 steps.
SCHEDULES = {
    "exponential": schedule(
        "ExponentialDecay", initial_learning_rate=1.0, decay_steps=40, decay_rate=0.5
    ),
    "staircase": schedule(
        "ExponentialDecay",
        initial_learning_rate=1.0,
        decay_steps=30,
        decay_rate=0.5,
        staircase=True,
    ),
    "piecewise": schedule("PiecewiseConstantDecay", boundaries=[20, 60], values=[1.0, 0.5, 0.125]),
    "polynomial": schedule(
        "PolynomialDecay",
        initial_learning_rate=1.0,
        decay_steps=30,
        end_learning_rate=0.1,
        power=2.0,
        cycle=True,
    ),
    "inverse time": schedule(
        "InverseTimeDecay", initial_learning_rate=1.0, decay_steps=25, decay_rate=0.5
    ),
    "cosine": schedule(
        "CosineDecay",
        initial_learning_rate=0.0,
        decay_steps=70,
        alpha=0.1,
        warmup_target=1.0,
        warmup_steps=20,
    ),
}
RATES = ("initial_learning_rate", "end_learning_rate", "warmup_target", "values")


def scheduled(made: Spec, factor: Spec) -> Spec:
    """An optimizer whose learning rate is multiplied by a schedule."""
    rate = made.options["learning_rate"]
    options = {
        name: value
        if name not in RATES
        else [rate * v for v in value]
        if isinstance(value, list)
        else rate * value
        for name, value in factor.options.items()
    }
    return Spec(made.path, {**made.options, "learning_rate": Spec(factor.path, options)})


class Change(NamedTuple):
    """What is not plain about a training: hidden layers, arguments, a schedule."""

    layers: Sequence[Spec] = tuple(hidden())
    options: Mapping[str, Any] = MappingProxyType({})
    schedule: Spec | None = None


CHANGES = {
    "plain": Change(),
    "L1": Change(hidden(kernel_regularizer=L1)),
    "L2": Change(hidden(kernel_regularizer=L2, bias_regularizer=L2)),
    "BatchNormalization": Change(NORMALIZED),
    # Limits that act at some steps or on some tensors, not everywhere.
    "clipnorm": Change(options={"clipnorm": 0.1}),
    "clipvalue": Change(options={"clipvalue": 0.03}),
    "global_clipnorm": Change(options={"global_clipnorm": 0.2}),
    "weight decay": Change(options={"weight_decay": 0.1}),
    **{f"schedule: {name}": Change(schedule=factor) for name, factor in SCHEDULES.items()},
}


class Task(NamedTuple):
    """A loss, and the output layer that suits it."""

    loss: Spec
    output: Spec


LOSSES = {
    "sparse": Task(spec("losses.SparseCategoricalCrossentropy"), dense(3, "softmax")),
    "categorical": Task(spec("losses.CategoricalCrossentropy"), dense(3, "softmax")),
    "binary": Task(spec("losses.BinaryCrossentropy"), dense(2, "sigmoid")),
    "squared": Task(spec("losses.MeanSquaredError"), dense(2)),
}


def batches(loss: str, count: int = 25, rows: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Rows, and targets that have something to do with them."""
    random = np.random.default_rng(1)
    x = random.normal(size=(count, rows, 5))
    score = x @ random.normal(size=(5, 3)) + random.normal(size=(count, rows, 3))
    share = np.exp(score)
    y = {
        "sparse": score.argmax(axis=-1),
        "categorical": share / share.sum(axis=-1, keepdims=True),
        "binary": (score[..., :2] > 0).astype(float),
        "squared": score[..., :2],
    }
    return x, y[loss]


Name = tuple[str, str, str]


def product() -> Iterator[Name]:
    """Every optimizer × every change × every loss."""
    return ((o, change, loss) for o in OPTIMIZERS for change in CHANGES for loss in LOSSES)


def selection() -> Iterator[Name]:
    """A part of the product, for every day.

    Every optimizer meets every change (of the schedules one) and every loss; every change
    meets every loss.
    """
    losses, schedules = list(LOSSES), [c for c in CHANGES if CHANGES[c].schedule]
    others = [c for c in CHANGES if c not in schedules]
    for i, name in enumerate(OPTIMIZERS):
        for j, change in enumerate([*others, schedules[i % len(schedules)]]):
            yield name, change, losses[(i + j) % len(losses)]


def case(name: Name) -> Case:
    """The case of this name."""
    made, change, task = OPTIMIZERS[name[0]], CHANGES[name[1]], LOSSES[name[2]]
    if change.schedule:
        made = scheduled(made, change.schedule)
    made = Spec(made.path, {**made.options, **change.options})
    return Case([*change.layers, task.output], made, task.loss, *batches(name[2]))

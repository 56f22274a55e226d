"""A callback changes a part of the step between two batches: the next step is another step.

The first steps of a training are recorded, and later steps are played. A change has to end that at
once, on each executor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.callbacks import Callback
from minidl.constraints import MaxNorm
from minidl.layers import BatchNormalization, Dense, Dropout
from minidl.optimizers import SGD, Adam
from minidl.optimizers.schedules import ExponentialDecay
from minidl.regularizers import L1, L2

ROWS, BATCH, WHEN = 120, 4, 15  # 30 batches; the change comes when steps are played

X = np.random.default_rng(0).normal(size=(ROWS, 5))
Y = np.random.default_rng(1).integers(0, 3, ROWS)


class Own(Dense):
    """A layer of another package."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        return super().forward(x, training, step)


def model(own: bool) -> Any:
    minidl.utils.set_random_seed(3)
    kind = Own if own else Dense
    made = minidl.Sequential(
        [
            minidl.Input((5,)),
            kind(6, "relu", kernel_regularizer=L2(0.01)),
            BatchNormalization(),
            Dropout(0.25),
            kind(4, "tanh"),
            Dense(3, "softmax"),
        ],
        dtype="float64",
    )
    made.compile(Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


class ByGradients:
    """A learning rate that depends on the gradients of the step."""

    def __init__(self, made: Any) -> None:
        self.made = made

    def __call__(self) -> float:
        return 0.01 + 0.001 * float(abs(self.made.grad).mean())


def tensor(made: Any) -> Any:
    """What a layer has asked for."""
    return made.layers[3].tensors["W"]


PENALTIES = {False: L1(0.01), True: L2(0.5)}

CHANGES: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda made: None,
    "another penalty": lambda made: setattr(made.layers[0], "kernel_regularizer", L1(0.02)),
    "no penalty": lambda made: setattr(made.layers[0], "kernel_regularizer", None),
    "a new penalty": lambda made: setattr(made.layers[3], "kernel_regularizer", L2(0.1)),
    "a penalty's number": lambda made: setattr(made.layers[0].kernel_regularizer, "l2", 0.2),
    "a constraint": lambda made: setattr(made.layers[3], "kernel_constraint", MaxNorm(0.5)),
    "a frozen layer": lambda made: setattr(made.layers[3], "trainable", False),
    "a frozen tensor": lambda made: setattr(made.layers[1], "trainable", False),
    "another optimizer": lambda made: setattr(made, "optimizer", SGD(0.05, momentum=0.5)),
    "compiled again": lambda made: made.compile(SGD(0.1), made._loss, metrics=["accuracy"]),
    "a rate": lambda made: setattr(made.optimizer, "learning_rate", 0.2),
    "a schedule": lambda made: setattr(
        made.optimizer, "learning_rate", ExponentialDecay(0.1, 5, 0.5)
    ),
    "a rate of gradients": lambda made: setattr(made.optimizer, "learning_rate", ByGradients(made)),
    "a tensor's penalty": lambda made: setattr(tensor(made), "regularizer", L1(0.02)),
    "a tensor's constraint": lambda made: setattr(tensor(made), "constraint", MaxNorm(0.5)),
    "a frozen part": lambda made: setattr(tensor(made), "trainable", False),
    "clipping": lambda made: setattr(made.optimizer, "global_clipnorm", 0.01),
    "decay": lambda made: setattr(made.optimizer, "weight_decay", 0.1),
    "a moment's number": lambda made: setattr(made.optimizer, "beta_1", 0.5),
    "a dropout rate": lambda made: setattr(made.layers[2], "rate", 0.5),
    "a momentum of statistics": lambda made: setattr(made.layers[1], "momentum", 0.5),
    "weights": lambda made: made.set_weights([w / 2 for w in made.get_weights()]),
    "another seed": lambda made: setattr(made, "seed", 11),
}


class Change(Callback):
    """Changes a model after a batch."""

    def __init__(self, change: Callable[[Any], Any]) -> None:
        self.change = change

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == WHEN:
            self.change(self.model)


def trained(change: str, own: bool) -> Any:
    made = model(own)
    history = made.fit(X, Y, BATCH, 2, 0, Change(CHANGES[change]), shuffle=False)
    return made.theta.copy(), made.statistics.theta.copy(), history.history


@pytest.mark.parametrize("change", CHANGES)
def test_the_next_step_is_another_step(change: str) -> None:
    for own in (False, True):
        with minidl.backend.use(executor="python"):
            right = trained(change, own)
        with minidl.backend.use(executor="compiled"):
            found = trained(change, own)
        np.testing.assert_array_equal(found[0], right[0])
        np.testing.assert_array_equal(found[1], right[1])
        assert found[2] == right[2]


def test_a_layer_may_choose_the_penalty_on_its_outputs_itself() -> None:
    class Choosing(Own):
        late = False

        @property
        def activity_regularizer(self) -> Any:
            return PENALTIES[self.late]

        @activity_regularizer.setter
        def activity_regularizer(self, value: Any) -> None:
            assert value is None

    def train() -> Any:
        minidl.utils.set_random_seed(3)
        made = minidl.Sequential([minidl.Input((5,)), Choosing(6, "relu"), Dense(3, "softmax")])
        made.compile(SGD(0.1), "sparse_categorical_crossentropy")
        made.fit(X, Y, BATCH, 2, 0, Change(lambda made: setattr(made.layers[0], "late", True)))
        return made.theta.copy()

    with minidl.backend.use(executor="python"):
        right = train()
    with minidl.backend.use(executor="compiled"):
        np.testing.assert_array_equal(train(), right)


def test_each_change_acts() -> None:
    """Without a change the weights or the statistics would be others."""
    still = np.concatenate(trained("nothing", False)[:2])
    for change in CHANGES.keys() - {"nothing"}:
        assert not np.array_equal(np.concatenate(trained(change, False)[:2]), still), change

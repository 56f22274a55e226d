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
from minidl.backend.own import is_own
from minidl.callbacks import Callback, LearningRateScheduler
from minidl.constraints import MaxNorm
from minidl.layers import BatchNormalization, Dense, Dropout, LeakyReLU
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


def compare(train: Callable[[bool], Any]) -> None:
    """Both executors train to the same bits; ``train(False)`` leaves out the change."""
    with minidl.backend.use(executor="python"):
        right, still = train(True), train(False)
    with minidl.backend.use(executor="compiled"):
        found = train(True)
    np.testing.assert_array_equal(found, right)
    assert not np.array_equal(right, still)


def fitted(layers: list[Any], change: Callable[[Any], Any] | None, optimizer: Any = None) -> Any:
    """The weights after a training with a change in the middle, or without a change."""
    minidl.utils.set_random_seed(3)
    layers = [minidl.Input((5,)), *layers, Dense(3, "softmax")]
    made = minidl.Sequential(layers, dtype="float64")
    made.compile(optimizer or Adam(0.01), "sparse_categorical_crossentropy")
    made.fit(X, Y, BATCH, 2, 0, Change(change or (lambda made: None)), shuffle=False)
    return made.theta.copy()


class Twice(Dense):
    """A layer that multiplies by two."""

    def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
        y = Dense.forward(self, x, training, step)
        y *= 2
        return y


@pytest.mark.parametrize("base", [Own, Dense], ids=["own", "minidl's"])
@pytest.mark.parametrize("depth", [1, 2])
def test_another_base_class(base: type, depth: int) -> None:
    def train(changes: bool) -> Any:
        first = last = type("First", (base,), {})
        if depth == 2:
            last = type("Last", (first,), {})

        def change(made: Any) -> None:
            first.__bases__ = (Twice,)

        return fitted([last(6, "relu")], change if changes else None)

    compare(train)


def test_a_method_under_another_name() -> None:
    """The class has the same objects in the same order: the name alone is another."""

    def train(changes: bool) -> Any:
        kind: Any = type("Kind", (Twice,), {})
        layer = kind(6, "relu")

        def change(made: Any) -> None:
            method = vars(kind).get("forward")
            if method is not None:
                del kind.forward
                kind.other = method

        is_own(layer)  # minidl notes the class, so that the method comes last
        kind.forward = lambda self, *arguments: Dense.forward(self, *arguments)
        return fitted([layer], change if changes else None)

    compare(train)


def test_a_layer_may_choose_itself_whether_it_trains() -> None:
    def train(changes: bool) -> Any:
        class Choosing(Own):
            trains = True

            @property
            def trainable(self) -> bool:
                return vars(self).get("chosen", [True])[0]

            @trainable.setter
            def trainable(self, value: bool) -> None: ...

        layer = Choosing(6, "relu")
        layer.chosen = [True]

        def change(made: Any) -> None:
            layer.chosen[0] = False

        return fitted([layer, Dense(4)], change if changes else None)

    compare(train)


class Reading:
    """A learning rate without a dictionary of attributes, that reads gradients."""

    __slots__ = ("made",)

    def __init__(self, made: Any) -> None:
        self.made = made

    def rate(self) -> float:
        return 0.01 + 0.1 * float(abs(self.made.grad).mean())

    __call__ = rate


@pytest.mark.parametrize("method", [False, True], ids=["object", "method"])
def test_a_rate_without_attributes(method: bool) -> None:
    def train(changes: bool) -> Any:
        def change(made: Any) -> None:
            rate = Reading(made)
            made.optimizer.learning_rate = rate.rate if method else rate

        return fitted([Dense(6, "relu")], change if changes else None)

    compare(train)


def test_a_class_without_additions_within_a_layer() -> None:
    """A layer's activation, of a class that derives from minidl's."""

    def train(changes: bool) -> Any:
        kind: Any = type("Kind", (LeakyReLU,), {})

        def change(made: Any) -> None:
            kind.forward = lambda self, x, *rest: LeakyReLU.forward(self, 2 * x, *rest)

        return fitted([Dense(6, kind(0.1)), Dense(4)], change if changes else None)

    compare(train)


def test_a_number_of_an_activation_without_additions_within_a_layer() -> None:
    def train(changes: bool) -> Any:
        kind: Any = type("Kind", (LeakyReLU,), {})

        def change(made: Any) -> None:
            made.layers[0].activation.negative_slope = 0.9

        return fitted([Dense(6, kind(0.1)), Dense(4)], change if changes else None)

    compare(train)


def test_a_method_of_an_own_activation_within_a_layer() -> None:
    def train(changes: bool) -> Any:
        class Kind(LeakyReLU):
            def forward(self, x: Any, training: bool = False, step: int = 0) -> Any:
                return super().forward(x, training, step)

        def change(made: Any) -> None:
            Kind.forward = twice_of_leaky  # type: ignore[method-assign]

        return fitted([Dense(6, Kind(0.1)), Dense(4)], change if changes else None)

    compare(train)


def twice_of_leaky(self: Any, x: Any, training: bool = False, step: int = 0) -> Any:
    return LeakyReLU.forward(self, 2 * x, training, step)


def test_a_generator_of_batches_may_change_the_model() -> None:
    def train(changes: bool) -> Any:
        class Rows(minidl.utils.PyDataset):
            def __len__(self) -> int:
                return ROWS // BATCH

            def __getitem__(self, index: int) -> Any:
                if changes and index == WHEN:
                    made.layers[0].kernel_regularizer = L1(0.1)
                part = slice(index * BATCH, (index + 1) * BATCH)
                return X[part], Y[part]

        made = model(False)
        made.fit(Rows(), epochs=2, verbose=0, shuffle=False)
        return made.theta.copy()

    compare(train)


def test_a_schedule_of_epochs_that_is_no_function_may_change_the_model() -> None:
    """Epochs of a millisecond: a look at the parts holds for longer where no code is foreign."""

    def train(changes: bool) -> Any:
        class Schedule:
            def __call__(self, epoch: int) -> float:
                if changes and epoch == 50:
                    made.layers[0].kernel_regularizer = L1(0.1)
                return 0.01

        made = model(False)
        scheduler = LearningRateScheduler(Schedule())
        made.fit(X[:8], Y[:8], BATCH, 60, 0, scheduler, shuffle=False)
        return made.theta.copy()

    compare(train)


@pytest.mark.parametrize("options", [{"clipnorm": 0.01}, {"gradient_accumulation_steps": 2}])
def test_a_rate_finds_the_gradients_of_the_backward_pass(options: dict[str, Any]) -> None:
    """Before these are clipped, or averaged over batches."""

    def train(changes: bool) -> Any:
        def change(made: Any) -> None:
            made.optimizer.learning_rate = ByGradients(made)

        return fitted([Dense(6, "relu")], change if changes else None, SGD(0.5, **options))

    compare(train)


def test_a_list_that_contains_itself_is_called_in_python() -> None:
    def train(changes: bool) -> Any:
        layer = Dense(6, "relu")
        layer.notes = []
        layer.notes.append(layer.notes)
        change = CHANGES["a penalty's number"] if changes else None
        layer.kernel_regularizer = L2(0.1)
        return fitted([layer], change)

    compare(train)


def test_layers_may_know_each_other() -> None:
    def train(changes: bool) -> Any:
        one, other = Dense(6), LeakyReLU(0.1)
        one.next, other.before = other, one

        def change(made: Any) -> None:
            other.negative_slope = 0.8

        return fitted([one, other], change if changes else None)

    compare(train)


def test_each_change_acts() -> None:
    """Without a change the weights or the statistics would be others."""
    still = np.concatenate(trained("nothing", False)[:2])
    for change in CHANGES.keys() - {"nothing"}:
        assert not np.array_equal(np.concatenate(trained(change, False)[:2]), still), change

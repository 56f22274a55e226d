"""The whole loop on every executor: the same numbers, and no waiting for the device."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.callbacks import Callback
from tests import registered
from tests.doubles.cupy_double import count_synchronisations, forbid_synchronisation
from tests.fitting import HIDDEN, KINDS, Problem, held_out, network, problem
from tests.specs import Spec, spec

BATCH = 5

DENSE = spec("layers.Dense", units=6, activation="tanh")
L1L2 = spec("regularizers.L1L2", l1=0.01, l2=0.02)


def optimizer(name: str, **options: Any) -> Spec:
    """With a rate large enough to move something in a few steps."""
    return spec(f"optimizers.{name}", learning_rate=0.02, **options)


SCHEDULE = spec("optimizers.schedules.CosineDecay", initial_learning_rate=0.1, decay_steps=10)
PENALIZED = spec("layers.Dense", units=6, kernel_regularizer=L1L2, bias_regularizer=L1L2)
PROXIMAL = spec(
    "layers.Dense",
    units=6,
    kernel_regularizer=spec("regularizers.L1", l1=0.05, proximal=True),
    bias_regularizer=spec("regularizers.Lp", p=1.5, lp=0.02),
)
ACTIVATIONS = ["relu", "elu", "sigmoid", "leaky_relu", "softmax"]
LAYERS = [
    spec("layers.Rescaling", scale=2.0),
    *(spec(f"layers.{name}") for name in ("LeakyReLU", "Tanh", "Sigmoid", "ReLU", "Softmax")),
    spec("layers.ELU", alpha=0.5),
    spec("layers.Dense", units=5, use_bias=False),
    spec("layers.BatchNormalization", center=False, scale=False),
]
PROBABILITIES = [
    spec("layers.Dense", units=3, activation="softmax"),
    spec("layers.Rescaling", scale=1.0),
]

# name: kind of problem, hidden layers, optimizer, metrics
CASES: dict[str, tuple[str, Sequence[Spec], Any, list[str]]] = {
    "integers": (
        "integers",
        HIDDEN,
        optimizer("Adam"),
        ["accuracy", "sparse_categorical_crossentropy"],
    ),
    "one-hot": ("one-hot", HIDDEN, optimizer("RMSprop"), ["accuracy", "mse"]),
    "binary": ("binary", HIDDEN, optimizer("Nadam"), ["accuracy", "binary_crossentropy", "mse"]),
    "several binary": ("several binary", HIDDEN, optimizer("Adagrad"), ["binary_accuracy"]),
    "values": ("values", HIDDEN, optimizer("SGD", momentum=0.9, nesterov=True), ["mse"]),
    "dropout": ("integers", [DENSE, spec("layers.Dropout", rate=0.5)], "adam", []),
    "batch normalization": ("integers", [spec("layers.BatchNormalization"), DENSE], "sgd", []),
    "penalties": ("values", [PENALIZED], "sgd", []),
    **{
        f"soft threshold, {rule}": ("values", [PROXIMAL], rule, [])
        for rule in (
            optimizer("SGD", momentum=0.9, nesterov=True),
            optimizer("RMSprop", momentum=0.5),
            optimizer("RMSprop", centered=True),
            optimizer("Adam", amsgrad=True),
            optimizer("Nadam"),
            optimizer("Adagrad"),
        )
    },
    "clipped by value": ("one-hot", [DENSE], optimizer("SGD", clipvalue=0.01), []),
    "clipped by tensor": ("one-hot", [DENSE], optimizer("SGD", clipnorm=0.1), []),
    "clipped whole": ("one-hot", [DENSE], optimizer("SGD", global_clipnorm=0.1), []),
    "decay": ("values", [DENSE], optimizer("AdamW"), []),
    "amsgrad": ("values", [DENSE], optimizer("Adam", amsgrad=True), []),
    "momentum": ("values", [DENSE], optimizer("RMSprop", centered=True, momentum=0.5), []),
    "schedule": ("values", [DENSE], spec("optimizers.SGD", learning_rate=SCHEDULE), []),
    "activations": (
        "integers",
        [spec("layers.Dense", units=5, activation=name) for name in ACTIVATIONS],
        "adam",
        [],
    ),
    **{
        name: ("integers", [spec("layers.Dense", units=5, activation=name), DENSE], "sgd", [])
        for name in registered.ACTIVATIONS
        if name not in (*ACTIVATIONS, "linear", "tanh")
    },
    "bounds": (
        "integers",
        [DENSE, spec("layers.ReLU", max_value=0.5, negative_slope=0.1, threshold=0.125)],
        "sgd",
        [],
    ),
    "layers": ("integers", LAYERS, "adam", []),
    "probabilities": ("one-hot", PROBABILITIES, "sgd", ["mse"]),
}


def train(case: str, *, epochs: int = 3, callbacks: Any = None, **options: Any) -> Any:
    """The model, its History and its data."""
    kind, hidden, rule, metrics = CASES[case]
    task: Problem = problem(kind)
    layers = list(hidden) if case == "probabilities" else [*hidden, task.output]
    model = network(layers)
    model.compile(rule.make(minidl) if isinstance(rule, Spec) else rule, task.loss, metrics=metrics)
    options = {"validation_data": held_out(kind), **options}
    history = model.fit(task.x, task.y, BATCH, epochs, 0, callbacks, **options)
    return model, history.history, task


@pytest.mark.parametrize("case", CASES)
def test_every_executor_trains_to_the_same_numbers(case: str, executor: str) -> None:
    """History, weights, statistics, state, evaluate and predict, against NumPy in blocks."""
    model, history, task = train(case, epochs=2)
    with minidl.backend.use("numpy", executor="blocks"):
        other, expected, _ = train(case, epochs=2)
        # float64: sums in another order and another library's exp, over ten updates that
        # each multiply the difference a few times.
        rtol, atol = 1e-12, 1e-13
        assert list(history) == list(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(history[name], values, rtol, err_msg=name)
        for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, rtol, atol)
        for name, vector in other.optimizer.state.items():
            found = model.backend.to_host(model.optimizer.state[name])
            np.testing.assert_allclose(found, vector, rtol, atol, err_msg=name)
        found = model.evaluate(task.x, task.y, verbose=0)
        np.testing.assert_allclose(found, other.evaluate(task.x, task.y, verbose=0), rtol)
        np.testing.assert_allclose(model.predict(task.x), other.predict(task.x), rtol, atol)


class NoWaiting(Callback):
    """Forbids to wait for the device from an epoch's first batch to the end of its last."""

    def __init__(self) -> None:
        self.stack = contextlib.ExitStack()
        self.epochs = 0

    def on_train_batch_begin(self, batch: int, logs: Any) -> None:
        if batch == 0:
            self.stack.enter_context(forbid_synchronisation())

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        if batch == self.params["steps"] - 1:
            self.stack.close()
            self.epochs += 1


@pytest.mark.parametrize("executor", ["cupy-double"], indirect=True)
@pytest.mark.parametrize("shuffle", [True, False], ids=["shuffled", "in order"])
@pytest.mark.parametrize(
    "case",
    [*KINDS, *(pytest.param(c, marks=pytest.mark.thorough) for c in CASES if c not in KINDS)],
)
def test_no_step_waits_for_the_device(case: str, shuffle: bool, executor: str) -> None:
    """Not one synchronisation from the first batch of an epoch to its last, nor conversion."""
    guard, epochs = NoWaiting(), 2 if case in KINDS else 1
    weight = np.linspace(0, 1, len(problem("values").x))
    with guard.stack:
        options = {"shuffle": shuffle, "sample_weight": weight, "validation_data": None}
        train(case, epochs=epochs, callbacks=guard, **options)
    assert guard.epochs == epochs


@pytest.mark.parametrize("executor", ["cupy-double"], indirect=True)
def test_the_guard_notices_a_look_at_the_logs(executor: str) -> None:
    """A callback that reads the loss after a batch waits: what the guard is there to see."""

    class Look(Callback):
        def on_train_batch_end(self, batch: int, logs: Any) -> None:
            float(logs["loss"])

    guard = NoWaiting()
    with pytest.raises(AssertionError, match="wait"), guard.stack:
        train("integers", callbacks=[guard, Look()])


class Counting(Callback):
    """Counts how often each epoch waits, from its beginning to its end."""

    def __init__(self) -> None:
        self.counts: list[int] = []

    def on_epoch_begin(self, epoch: int, logs: Any) -> None:
        self.stack = contextlib.ExitStack()
        self.now = self.stack.enter_context(count_synchronisations())

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.stack.close()
        self.counts.append(self.now.synchronisations)


@pytest.mark.parametrize("executor", ["cupy-double"], indirect=True)
@pytest.mark.parametrize("case", ["integers", "dropout", "values"])
def test_an_epoch_reads_each_value_once(case: str, executor: str) -> None:
    """Loss, its parts and metrics of training, and again of each evaluation; no batch waits."""
    penalised = CASES[case][1] is HIDDEN
    values = 1 + len(CASES[case][3]) + 2 * penalised
    for times, options in enumerate(
        [{"validation_data": None}, {}, {"evaluate_train": True}], start=1
    ):
        counting = Counting()
        train(case, callbacks=counting, **options)
        assert counting.counts == [times * values] * 3


@pytest.mark.parametrize("executor", ["cupy-double"], indirect=True)
def test_a_model_stays_where_it_was_made(executor: str) -> None:
    """After a switch back it goes on, on the device, and takes and gives NumPy arrays."""
    model, _, task = train("integers")
    with minidl.backend.use("numpy"):
        model.fit(task.x, task.y, BATCH, 4, initial_epoch=3, verbose=0)
        assert isinstance(model.theta, model.backend.xp.ndarray)
        assert not isinstance(model.theta, np.ndarray)
        assert isinstance(model.predict(task.x), np.ndarray)
        assert all(isinstance(w, np.ndarray) for w in model.get_weights())
        model.set_weights([w * 2 for w in model.get_weights()])
        assert np.isfinite(model.evaluate(task.x, task.y, verbose=0)).all()

"""Which steps are played: those of all that minidl offers, and none that nobody speaks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import minidl
from minidl import activations, callbacks, layers, losses, metrics, regularizers
from minidl.accelerator.record import recording
from minidl.accelerator.record.recording import FEW, WORK
from minidl.backend import fused, use
from minidl.layers import Dense, Input, Layer
from minidl.network import Network
from minidl.training.whole_step import WholeStep
from tests import registered
from tests.playing import RATES, counting, schedule

RANDOM = np.random.default_rng(4)
X, Y = RANDOM.normal(size=(20, 4)), RANDOM.normal(size=(20, 3))
CLASSES = np.arange(20) % 3
ROWS = np.eye(3)[CLASSES]
STEPS = 12  # 3 epochs of 4 batches
#: The first step runs, the second is recorded.
PLAYED = STEPS - 2


@pytest.fixture(autouse=True)
def _compiled() -> None:
    use("numpy", executor="compiled")


def plays(
    *hidden: Any,
    loss: Any = "mse",
    metric: Any = (),
    y: Any = Y,
    x: Any = X,
    optimizer: Any = "sgd",
    model: Any = minidl.Sequential,
    change: Callable[[Any], Any] = lambda model: None,
    told: Any = None,
    verbose: int = 0,
    **options: Any,
) -> int:
    """How many steps of a fit are played.

    Args:
        hidden: layers before the last.
        change: called with the model before it is fitted.
        told: callbacks.
        options: of the last layer.
    """
    made = model([Input((4,)), *hidden, Dense(3, **options)])
    made.compile(optimizer, loss, metrics=metric)
    change(made)
    with counting() as steps:
        made.fit(x, y, 5, 3, verbose, told, validation_data=None)
    assert made.step == made.optimizer.iterations == STEPS
    assert np.isfinite(made.theta).all()
    # Each is the number of the step that it stands for, so that random numbers are those of it.
    assert steps == sorted(set(steps))
    assert not steps or steps[-1] == STEPS - 1
    return len(steps)


# What minidl offers

LAYERS: dict[str, Callable[[], list[Layer]]] = {
    "Activation": lambda: [layers.Activation("softmax"), layers.Activation("tanh")],
    "ActivityRegularization": lambda: [layers.ActivityRegularization(0.1, 0.1)],
    "AlphaDropout": lambda: [layers.AlphaDropout(0.5)],
    "BatchNormalization": lambda: [layers.BatchNormalization(gamma_constraint="max_norm")],
    "Dense": lambda: [
        Dense(2, use_bias=False),
        Dense(3, "tanh", kernel_constraint="unit_norm", activity_regularizer="l2"),
    ],
    "Dropout": lambda: [layers.Dropout(0.5), layers.Dropout(0.0)],
    "ELU": lambda: [layers.ELU(0.5)],
    "Flatten": lambda: [layers.Flatten()],
    "GaussianDropout": lambda: [layers.GaussianDropout(0.5)],
    "GaussianNoise": lambda: [layers.GaussianNoise(0.5)],
    "Identity": lambda: [layers.Identity()],
    "Input": list,
    "InputLayer": list,
    "LayerNormalization": lambda: [layers.LayerNormalization(scale=False)],
    "LeakyReLU": lambda: [layers.LeakyReLU()],
    "Normalization": lambda: [layers.Normalization(), layers.Normalization(invert=True)],
    "PReLU": lambda: [layers.PReLU()],
    "ReLU": lambda: [layers.ReLU(), layers.ReLU(1.0, 0.1, 0.2)],
    "Rescaling": lambda: [layers.Rescaling(0.5)],
    "Reshape": lambda: [layers.Reshape((4, -1)), layers.Flatten()],
    "Sigmoid": lambda: [layers.Sigmoid()],
    "Softmax": lambda: [layers.Softmax()],
    "Tanh": lambda: [layers.Tanh()],
    "UnitNormalization": lambda: [layers.UnitNormalization()],
}


@pytest.mark.parametrize("name", sorted({*layers.__all__} - {"Layer"}))
def test_every_layer_is_played(name: str) -> None:
    assert plays(*LAYERS[name]()) == PLAYED
    assert plays(Dense(4), *LAYERS[name]()) == PLAYED


@pytest.mark.parametrize("name", registered.ACTIVATIONS)
def test_every_activation_is_played(name: str) -> None:
    assert plays(activation=name) == PLAYED
    if name != "exponential":  # one after the other they overflow
        assert plays(Dense(4, name), layers.Activation(name)) == PLAYED


@pytest.mark.parametrize("name", registered.REGULARIZERS)
def test_every_regularizer_is_played(name: str) -> None:
    kind = registered.REGULARIZERS[name]
    made = kind(1.5) if name == "lp" else kind()
    assert plays(kernel_regularizer=made) == PLAYED
    assert plays(bias_regularizer=made) == PLAYED
    if name == "l1":
        assert plays(kernel_regularizer=regularizers.L1(proximal=True)) == PLAYED


@pytest.mark.parametrize(
    "kind", [*dict.fromkeys(registered.LOSSES.values())], ids=lambda kind: kind.__name__
)
def test_every_loss_is_played(kind: type[losses.Loss]) -> None:
    y = {"integers": CLASSES, "values": np.abs(Y)}.get(kind.labels, ROWS)
    output = kind.activation or "softplus"
    assert plays(loss=kind(), y=y, activation=output) == PLAYED
    if kind.activation:
        assert plays(loss=kind(from_logits=True), y=y) == PLAYED


#: Metrics that need a number.
OF_NUMBERS = {
    "sensitivity_at_specificity": metrics.SensitivityAtSpecificity,
    "specificity_at_sensitivity": metrics.SpecificityAtSensitivity,
    "precision_at_recall": metrics.PrecisionAtRecall,
    "recall_at_precision": metrics.RecallAtPrecision,
}
#: Functions of one's own, and sums that know no targets.
NOT_BY_NAME = {"mean_metric_wrapper", "mean", "sum"}


@pytest.mark.parametrize("name", sorted({*registered.METRIC_NAMES} - NOT_BY_NAME))
def test_every_metric_is_played(name: str) -> None:
    known = OF_NUMBERS.get(name)
    chosen = name if known is None else known(0.5)
    sparse = name.startswith("sparse")
    loss, y = ("sparse_" * sparse + "categorical_crossentropy"), CLASSES if sparse else ROWS
    for argument in ("metrics", "weighted_metrics"):
        assert (
            plays(
                loss=loss,
                y=y,
                activation="softmax",
                change=lambda made, key=argument: made.compile("sgd", loss, **{key: [chosen]}),
            )
            == PLAYED
        )


@pytest.mark.parametrize("name", registered.OPTIMIZERS)
def test_every_optimizer_is_played(name: str) -> None:
    kind = registered.OPTIMIZERS[name]
    clips: list[dict[str, float]] = [
        {},
        {"clipnorm": 0.1},
        {"clipvalue": 0.1},
        {"global_clipnorm": 0.1},
        {"weight_decay": 0.1},
    ]
    for options in clips:
        assert plays(optimizer=kind(learning_rate=0.01, **options)) == PLAYED, options
    for rate in registered.SCHEDULES:
        # Ftrl refuses a rate of 0.
        if name == "ftrl" and not all(map(schedule(rate), range(STEPS))):
            continue
        assert plays(optimizer=kind(learning_rate=schedule(rate))) == PLAYED, rate
    assert set(RATES) == set(registered.SCHEDULES)
    assert plays(optimizer=kind(learning_rate=lambda step: 0.1 / (1 + step))) == PLAYED


def test_an_optimizer_of_one_s_own_is_played() -> None:
    """It is called at each step, whatever it does."""
    seen = []

    class Own(minidl.optimizers.SGD):
        def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
            seen.append(t)
            theta -= 0.01 / t * np.sign(grad)

    assert plays(optimizer=Own()) == PLAYED
    assert seen == list(range(1, STEPS + 1))


CALLBACKS: dict[str, Callable[[Path], callbacks.Callback]] = {
    "BackupAndRestore": lambda folder: callbacks.BackupAndRestore(folder / "backup"),
    "CallbackList": lambda _: callbacks.CallbackList([callbacks.History()]),
    "CSVLogger": lambda folder: callbacks.CSVLogger(folder / "log.csv"),
    "EarlyStopping": lambda _: callbacks.EarlyStopping("loss", patience=9),
    "History": lambda _: callbacks.History(),
    "LayerHealth": lambda _: callbacks.LayerHealth(),
    "LearningRateScheduler": lambda _: callbacks.LearningRateScheduler(lambda epoch: 0.01),
    "ModelCheckpoint": lambda folder: callbacks.ModelCheckpoint(folder / "best.npz"),
    "ProgbarLogger": lambda _: callbacks.ProgbarLogger(),
    "ReduceLROnPlateau": lambda _: callbacks.ReduceLROnPlateau("loss"),
    "TensorBoard": lambda folder: callbacks.TensorBoard(folder / "events"),
    "TerminateOnNaN": lambda _: callbacks.TerminateOnNaN(),
}
BASES = {"Callback", "LambdaCallback", "Logs", "Monitor"}


@pytest.mark.parametrize("name", sorted({*callbacks.__all__} - BASES))
def test_steps_are_played_with_every_callback(name: str, tmp_path: Path) -> None:
    assert plays(told=CALLBACKS[name](tmp_path)) == PLAYED


@pytest.mark.parametrize("verbose", [1, 2])
def test_steps_are_played_while_progress_is_shown(verbose: int, capfd: Any) -> None:
    assert plays(verbose=verbose) == PLAYED
    captured = capfd.readouterr()
    assert "Epoch 3/3" in captured.out + captured.err


def double(x: Any, out: Any) -> Any:
    return np.multiply(x, 2, out=out)


def double_backward(dy: Any, y: Any, out: Any) -> Any:
    return np.multiply(dy, 2, out=out)


def test_activations_of_formulas_are_played() -> None:
    """One of one's own is as good as those of the table."""

    @fused
    def halve(x: Any) -> Any:
        return 0.5 * x

    @fused
    def halve_backward(dy: Any, y: Any) -> Any:
        return 0.5 * dy

    def made(forward: Any, backward: Any) -> activations.ActivationFunction:
        return activations.ActivationFunction("halve", forward, backward)

    assert plays(activation=made(halve, halve_backward)) == PLAYED
    # A function of one's own is called in a step that is played nevertheless.
    assert plays(activation=made(halve, double_backward)) == PLAYED
    assert plays(activation=made(double, halve_backward)) == PLAYED


@pytest.mark.parametrize(
    "told",
    [
        callbacks.Callback(),
        callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
        type("Own", (callbacks.EarlyStopping,), {"on_epoch_begin": lambda *_: None})("loss", 0, 9),
    ],
)
def test_a_tape_outlives_callbacks_of_one_s_own(told: Any) -> None:
    """If they have changed nothing."""
    assert plays(told=told) == PLAYED


def test_subclasses_that_only_construct_are_played() -> None:
    class Wide(Dense):
        def __init__(self) -> None:
            super().__init__(7, "relu")

        def get_config(self) -> dict[str, Any]:
            return {}

    class Named(losses.MeanSquaredError):
        """A name."""

    class Stopping(callbacks.EarlyStopping):
        def __init__(self) -> None:
            super().__init__("loss", patience=9)

    assert plays(Wide(), loss=Named(), told=Stopping()) == PLAYED


def test_on_other_executors_every_step_is_called() -> None:
    use("numpy", executor="blocks")
    assert plays() == 0


def test_sparse_rows_are_played() -> None:
    x = sparse.csr_matrix(X)
    assert plays(x=x) == PLAYED
    use("numpy", executor="blocks")
    assert plays(x=x) == 0


# A few steps


def trained(epochs: int) -> tuple[int, minidl.Sequential]:
    """Number of played steps of a fit of 2 batches an epoch, and the model."""
    minidl.utils.set_random_seed(1)
    model = minidl.Sequential([Input((4,)), Dense(3)])
    model.compile("adam", "mse")
    with counting() as steps:
        model.fit(X, Y, batch_size=10, epochs=epochs, verbose=0)
    return len(steps), model


def test_a_few_steps_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded, of_recorded = trained(FEW // 2 - 1)
    assert recorded == FEW - 4
    monkeypatch.setattr(recording, "FEW", FEW)
    called, of_called = trained(FEW // 2 - 1)
    assert called == 0
    assert "few steps" in of_called.recording
    assert np.array_equal(of_called.theta, of_recorded.theta)
    assert trained(FEW // 2)[0] == FEW - 2
    # Of larger steps fewer are worth a recording: the batch has 10 rows.
    monkeypatch.setattr(recording, "WORK", 10 * of_called.theta.size)
    assert WORK > recording.WORK
    assert trained(FEW // 4 - 1)[0] == 0
    assert trained(FEW // 4)[0] == FEW // 2 - 2


# The step itself


def recorded() -> tuple[WholeStep, Network, Callable[[int], Any]]:
    """A step that is a training pass, its network, and what takes it on so many rows."""
    network = minidl.models.Network([Dense(2, "relu")])

    def step(x: np.ndarray, dy: np.ndarray) -> None:
        network.forward(x, training=True)
        network.backward(dy)

    network.build((4,))
    made = WholeStep(step, network)
    arrays = {n: (X[:n].astype("f4"), np.ones((n, 2), "f4")) for n in (3, 5, 9)}
    return made, network, lambda rows: made(*arrays[rows])


def test_the_third_step_on_the_same_arrays_is_played() -> None:
    made, network, step = recorded()
    assert [step(5) for _ in range(5)] == [False, False, True, True, True]
    assert network.step == 5
    # Another pass: the layers show that one.
    network.forward(X[:2].astype("f4"))
    assert [step(5) for _ in range(3)] == [False, True, True]
    # Other arrays.
    assert [step(3) for _ in range(3)] == [False, False, False]
    assert [step(5) for _ in range(3)] == [False, True, True]
    # More rows: other buffers.
    network.forward(np.ones((9, 4), "f4"))
    assert [step(5) for _ in range(4)] == [False, False, True, True]
    # Nothing is known any more.
    made.recording.forget()
    assert [step(3) for _ in range(3)] == [False, False, True]
    assert [step(5) for _ in range(3)] == [False, False, False]
    assert network.step == 5 + 3 + 3 + 3 + 4 + 3 + 3


def test_arrays_that_take_turns_are_not_played() -> None:
    _, network, step = recorded()
    assert not any(step(rows) for rows in (5, 3, 5, 3, 5, 3))
    assert [step(3) for _ in range(2)] == [False, True]
    assert network.step == 8


def test_a_step_that_failed_is_not_played() -> None:
    network = minidl.models.Network([Dense(2)])
    network.build((4,))
    x, fail = np.ones((3, 4), "f4"), iter([False, True, False, False, False])

    def step(x: np.ndarray) -> None:
        network.forward(x, training=True)
        if next(fail):
            raise KeyError("wrong")

    made = WholeStep(step, network)
    assert not made(x)
    with pytest.raises(KeyError):
        made(x)
    assert [made(x) for _ in range(3)] == [False, False, True]

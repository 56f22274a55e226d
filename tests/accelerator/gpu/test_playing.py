"""Trainings whose steps are replayed as CUDA graphs come to what the CPU comes to."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
from minidl.accelerator.gpu import cublaslt, groups
from minidl.accelerator.gpu.playing import Player
from minidl.accelerator.record import recording
from minidl.accelerator.record.tape import Tape
from minidl.backend import fused, kernel, to_device, use
from minidl.backend.random import DROPOUT, RandomBits
from minidl.layers import BatchNormalization, Dense, Dropout, Rescaling
from minidl.optimizers import SGD, Adagrad, Adam, Nadam, RMSprop
from minidl.optimizers.schedules import ExponentialDecay
from minidl.regularizers import L1, L1L2, L2
from minidl.training.whole_step import WholeStep
from tests.accelerator.gpu.nvcc import PROCESSORS, compile_all
from tests.conftest import on_devices
from tests.doubles.cupy_double import (
    STATE,
    count_synchronisations,
    forbid_synchronisation,
    installed,
)

# These take long.
pytestmark = pytest.mark.thorough

ROWS, BATCH, EPOCHS = 330, 32, 10  # 100 steps, and in each epoch one of a batch that is smaller
FEW = 2  # rows of a batch, of which an epoch has so many that tables of numbers come again

MODELS = {
    "relu": ([Rescaling, 1 / 255], [Dense, 24, "relu"], [Dense, 10, "softmax"]),
    "batch normalization": (
        [Rescaling, 1 / 255], [Dense, 24], [BatchNormalization], [Dense, 16, "tanh"],
        [Dense, 10, "softmax"],
    ),
    "dropout": ([Rescaling, 1 / 255], [Dense, 24, "elu"], [Dropout, 0.4], [Dense, 10, "softmax"]),
    "one output": ([Rescaling, 1 / 255], [Dense, 24, "sigmoid"], [Dense, 1, "sigmoid"]),
    "values": ([Rescaling, 1 / 255], [Dense, 24, "leaky_relu"], [Dense, 3]),
    "penalties": (
        [Rescaling, 1 / 255], [Dense, 24, "relu", L2(0.01)], [Dense, 12, "relu", L1(0.01)],
        [Dense, 10, "softmax", L1L2(0.01, 0.02)],
    ),
    "proximal": (
        [Rescaling, 1 / 255], [Dense, 24, "relu", L1(0.02, proximal=True)], [Dense, 10, "softmax"],
    ),
    "wide": ([Rescaling, 1 / 255], [Dense, 200, "relu"], [Dense, 10, "softmax"]),
    "softmax within": ([Rescaling, 1 / 255], [Dense, 24, "softmax"], [Dense, 10, "softmax"]),
}  # fmt: skip
OPTIMIZERS = {
    "sgd": lambda: SGD(0.1),
    "momentum": lambda: SGD(0.05, momentum=0.9),
    "nesterov": lambda: SGD(ExponentialDecay(0.05, 10, 0.9), momentum=0.9, nesterov=True),
    "rmsprop": lambda: RMSprop(0.003),
    "adam": lambda: Adam(0.003),
    "amsgrad": lambda: Adam(0.003, amsgrad=True, weight_decay=0.01),
    "nadam": lambda: Nadam(0.003, clipvalue=0.05),
    "adagrad": lambda: Adagrad(0.05, global_clipnorm=0.5),
    "norms": lambda: SGD(0.1, clipnorm=0.1),
}


def layers(name):
    made = []
    for kind, *given in MODELS[name]:
        named = {"kernel_regularizer": given.pop()} if len(given) == 3 else {}
        made.append(kind(*given, **named))
    return [minidl.Input((30,)), *made]


def trained(
    model="relu",
    optimizer="adam",
    dtype="float64",
    epochs=EPOCHS,
    rows="uint8",
    batch=BATCH,
    **options,
):
    minidl.utils.set_random_seed(3)
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (ROWS, 30)).astype(rows)
    made = minidl.Sequential(layers(model), dtype=dtype)
    loss, y = "sparse_categorical_crossentropy", random.integers(0, 10, ROWS)
    if model == "one output":
        loss, y = "binary_crossentropy", random.integers(0, 2, ROWS)
    if model == "values":
        loss, y = "mse", random.normal(size=(ROWS, 3))
    made.compile(OPTIMIZERS[optimizer](), loss, metrics=[] if model == "values" else ["accuracy"])
    history = made.fit(x, y, batch, epochs, verbose=0, **options)
    return made, history.history


def same(one, other, tolerance):
    for name, values in one[1].items():
        np.testing.assert_allclose(values, other[1][name], rtol=tolerance, err_msg=name)
    for a, b in zip(one[0].get_weights(), other[0].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def on_the_cpu(*arguments, **options):
    with use("numpy", executor="blocks"):
        return trained(*arguments, **options)


@pytest.mark.parametrize(
    ("model", "optimizer"),
    [*[(name, "adam") for name in MODELS], *[("relu", name) for name in OPTIMIZERS]],
)
@on_devices
def test_a_hundred_steps_are_those_of_the_cpu(model, optimizer, executor):
    """In float64 to 1e-9, where sums of another order leave some 1e-13."""
    before = STATE.graphs
    played = trained(model, optimizer)
    same(played, on_the_cpu(model, optimizer), 1e-9)
    # But for the first of the larger and of the smaller batches of each kind.
    assert STATE.graphs - before >= 80 or executor == "cupy"


@on_devices
@pytest.mark.usefixtures("executor")
def test_numbers_of_steps_that_wait_are_sent_before_they_are_overwritten():
    """An epoch of 165 steps, five times as many as are sent at once, whose numbers differ.

    To 1e-9 in float64, as above.
    """
    options = {"model": "dropout", "optimizer": "nesterov", "epochs": 2, "batch": FEW}
    same(trained(**options), on_the_cpu(**options), 1e-9)


@on_devices
@pytest.mark.usefixtures("executor")
@pytest.mark.parametrize("model", ["relu", "dropout", "batch normalization"])
def test_a_hundred_steps_in_float32_are_those_of_the_cpu(model):
    """To 1e-4: a hundred steps, each of which rounds to 6e-8 what some hundred numbers add up to.

    Not with Adam, which makes steps of full length of what rounding leaves of gradients that are 0,
    such as those of biases before batch normalization.
    """
    played = trained(model, "momentum", "float32")
    same(played, on_the_cpu(model, "momentum", "float32"), 1e-4)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("model", MODELS)
def test_threads_come_to_the_same_bits_in_any_order(model, monkeypatch):
    first = trained(model, epochs=3)
    monkeypatch.setattr(STATE, "backwards", True)
    other = trained(model, epochs=3)
    assert first[1] == other[1]
    for a, b in zip(first[0].get_weights(), other[0].get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def sources_of_trainings():
    """Of all kernels that trainings above launch."""
    found = {}
    right = groups.cuda_kernel

    def noting(group):
        made = right(group)
        found[made.source] = None
        return made

    with pytest.MonkeyPatch.context() as patch, installed(), use("cupy"):
        patch.setattr(groups, "cuda_kernel", noting)
        patch.setattr(recording, "FEW", 0)  # as for each test, of which this is none
        for dtype in ("float32", "float64"):
            for model in MODELS:
                trained(model, "norms", dtype, epochs=1)
            for optimizer in OPTIMIZERS:
                trained("relu", optimizer, dtype, epochs=1)
    return list(found)


@pytest.fixture(scope="module")
def sources():
    return sources_of_trainings()


@pytest.mark.parametrize("processor", PROCESSORS)
def test_every_kernel_of_trainings_compiles_for_the_processor(processor, sources):
    assert len(sources) > 40
    said = compile_all(sources, processor)
    assert said == "", said[:3000]


@pytest.mark.usefixtures("double")
def test_an_epoch_waits_for_nothing_but_its_results():
    """Rows and numbers of steps go to the device, an order and a table an epoch; nothing back."""
    counted = {}

    class Count(minidl.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            counted[epoch] = STATE.synchronisations, STATE.transfers

    trained(epochs=6, callbacks=[Count()])
    differences = np.diff([counted[k] for k in range(2, 6)], axis=0)
    # Loss and accuracy; the order, the numbers of ten steps, and those of the last batch's tape.
    assert (differences == [2, 3]).all(), differences


@pytest.mark.usefixtures("double")
def test_a_step_that_is_played_does_not_wait():
    minidl.utils.set_random_seed(3)
    random = np.random.default_rng(0)
    network = minidl.models.Network([Dense(4, "relu", input_shape=(3,)), Dense(2)], dtype="float64")
    x, y = to_device(random.normal(size=(5, 3))), to_device(random.integers(0, 2, (5, 1)))
    network.build()
    loss = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
    optimizer = Adam()

    def step(x, y):
        loss.forward(network.forward(x, training=True), y)
        network.backward(loss.backward())
        optimizer.update(network.theta, network.grad)

    recorded = WholeStep(step, network, [loss], [(optimizer, "update")])
    assert [recorded(x, y) for _ in range(4)] == [False, False, True, True]
    with forbid_synchronisation(), count_synchronisations() as counts:
        for _ in range(3):
            assert recorded(x, y)
    assert counts.transfers == 3  # the numbers of each


@pytest.mark.parametrize("tf32", [False, True])
def test_products_round_to_ten_bits_only_where_that_was_asked_for(tf32):
    with installed():
        with use("cupy", tf32=tf32):
            made = trained(dtype="float32", epochs=2)[0]
        chosen = cublaslt.library()._library.algorithms
        assert {algorithm["compute"] for algorithm in chosen} == {77 if tf32 else 68}
        assert made.backend.tf32 == tf32


def test_tf32_is_of_the_device():
    with pytest.raises(ValueError, match="tf32: expected the backend 'cupy', received 'numpy'"):
        use("numpy", tf32=True)


@on_devices
@pytest.mark.usefixtures("executor")
def test_rows_of_a_type_that_kernels_have_not_are_gathered_by_cupy():
    same(trained(epochs=3, rows="float16"), on_the_cpu(epochs=3, rows="float16"), 1e-9)


@on_devices
@pytest.mark.usefixtures("executor")
def test_a_callback_that_looks_sees_each_step():
    seen = []

    class Look(minidl.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(logs["loss"])

    trained(epochs=2, callbacks=[Look()])
    expected, seen = seen, []

    with use("numpy", executor="blocks"):
        trained(epochs=2, callbacks=[Look()])
    np.testing.assert_allclose(seen, expected, rtol=1e-9)


@on_devices
@pytest.mark.usefixtures("executor")
def test_a_learning_rate_that_changes_between_epochs_is_followed():
    class Slower(minidl.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.01 / (1 + epoch)

    same(trained(callbacks=[Slower()]), on_the_cpu(callbacks=[Slower()]), 1e-9)


@on_devices
@pytest.mark.usefixtures("executor")
def test_what_has_no_kernel_is_called_in_its_place():
    @kernel
    def running_sums(x, out):
        # CuPy has it, the device has no node for it.
        out[...] = to_device(np.cumsum(x.get()))
        return out

    @fused
    def half(x):
        return x / 2

    def step(x, out):
        half(x, out=x)
        running_sums(x, out)
        half(out, out=out)

    x, out = to_device(np.arange(8.0)), to_device(np.zeros(8))
    tape = Tape(0, Player())
    with tape.record():
        step(x, out)
    tape.play(1)
    np.testing.assert_array_equal(out.get(), np.cumsum(np.arange(8.0) / 4) / 2)


@on_devices
@pytest.mark.usefixtures("executor")
def test_random_bits_are_those_of_the_step_that_is_played():
    bits, out = RandomBits(7, DROPOUT, 2), to_device(np.zeros(50, np.uint16))
    tape = Tape(4, Player())
    with tape.record():
        bits.fill(out, 4)
        bits.fill(out, 5)  # of the step after it
    for step in (4, 11):
        tape.play(step)
        expected = np.zeros(50, np.uint16)
        bits.fill(expected, step + 1)
        np.testing.assert_array_equal(out.get(), expected)

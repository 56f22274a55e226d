"""Steps that are played do what steps do that are called: the same bits, but for products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import minidl
from minidl.accelerator.cpu.products import plan
from minidl.accelerator.record.operands import UnsupportedError, without_command
from minidl.backend import use
from minidl.layers import BatchNormalization, Dense, Dropout, Flatten, Input, Rescaling
from minidl.optimizers import SGD, Adam
from minidl.regularizers import L1, L2, Lp
from tests import playing
from tests.fitting import KINDS
from tests.playing import arrays, both, the_same
from tests.test_training_executors import CASES, train

same_products = playing.same_products
#: Float64, some 15 updates that each multiply a difference in rounding a few times.
ROUNDING = 1e-12


@pytest.fixture(autouse=True)
def _compiled(parts: int) -> None:
    use("numpy", executor="compiled")


def compare(make: Callable[[], tuple[minidl.Sequential, Any]], plays: int, rtol: float = 0) -> None:
    """Assert that a model, its history and its layers are the same with and without playing."""

    def run() -> Any:
        model, history = make()
        return history, arrays(model), model.step

    (history, found, step), (expected, right, steps) = both(run, plays)
    the_same(history, expected, rtol)
    the_same(found, right, rtol)
    assert step == steps


@pytest.mark.usefixtures("same_products")
@pytest.mark.parametrize("case", CASES)
def test_the_same_bits_where_products_are_the_same(case: str) -> None:
    # An epoch is 4 batches of 5 rows and one of 3. The first runs, the second is recorded; after
    # validation on 17 rows, all buffers are new. In each later epoch the first batch runs.
    compare(lambda: train(case)[:2], plays=2 + 2 + 3)


# Products are the same in all cases, and what is beside them has the same bits above.
SOME = [pytest.param(c, marks=[] if c in KINDS else pytest.mark.thorough) for c in CASES]


@pytest.mark.parametrize("case", SOME)
def test_the_same_to_rounding(case: str) -> None:
    """With NumPy's products; no network here is large enough for a team to share one out."""
    compare(lambda: train(case)[:2], plays=7, rtol=ROUNDING)


# Networks that are large enough to be shared out, in the usual type

PIXELS = np.random.default_rng(3).integers(0, 256, (375, 7, 10)).astype(np.uint8)
LABELS = np.arange(375) % 10
ONE_HOT = np.eye(10)[LABELS]
WEIGHTS = np.linspace(0, 2, 375)


def hidden(*layers: Any) -> list[Any]:
    return [Input((7, 10)), Flatten(), Rescaling(1 / 255), *layers]


def softmax() -> Dense:
    return Dense(10, "softmax")


SPARSE, ROWS = "sparse_categorical_crossentropy", "categorical_crossentropy"

# name: the layers, the optimizer, the loss, metrics, the targets, other arguments of fit
LARGER: dict[str, tuple[Callable[[], list[Any]], Any, Any, list[Any], Any, dict[str, Any]]] = {
    "pixels": (
        lambda: hidden(Dense(70, "relu"), Dense(40, "relu"), softmax()),
        lambda: "adam",
        SPARSE,
        ["accuracy", SPARSE],
        LABELS,
        {"sample_weight": WEIGHTS},
    ),
    "dropout": (
        lambda: hidden(Dropout(0.2), Dense(70, "tanh"), Dropout(0.5), Dense(33), softmax()),
        lambda: SGD(0.1, momentum=0.9),
        SPARSE,
        ["accuracy"],
        LABELS,
        {"class_weight": {0: 2.0, 3: 0.5}},
    ),
    "batch normalization": (
        lambda: hidden(
            Dense(70, use_bias=False),
            BatchNormalization(momentum=0.8),
            minidl.layers.ReLU(),
            BatchNormalization(scale=False),
            softmax(),
        ),
        lambda: "nadam",
        ROWS,
        ["categorical_accuracy", "mse", ROWS],
        ONE_HOT,
        {"sample_weight": WEIGHTS, "class_weight": {1: 3.0}},
    ),
    "penalties": (
        lambda: hidden(
            Dense(40, "elu", kernel_regularizer=L1(1e-3), bias_regularizer=L2(1e-2)),
            Dense(40, "sigmoid", kernel_regularizer=Lp(1.5, 1e-3)),
            Dense(10, "softmax", kernel_regularizer=L1(1e-3, proximal=True)),
        ),
        lambda: "rmsprop",
        SPARSE,
        ["accuracy"],
        LABELS,
        {},
    ),
    "several answers": (
        lambda: hidden(Dense(40, "leaky_relu"), Dense(10, "sigmoid")),
        lambda: Adam(0.01, clipnorm=0.1),
        "binary_crossentropy",
        ["binary_accuracy", "mse", "accuracy"],
        ONE_HOT,
        {"sample_weight": WEIGHTS},
    ),
    "values": (
        lambda: hidden(Dense(40, "softmax"), Dense(10)),
        lambda: minidl.optimizers.AdamW(0.01, global_clipnorm=1.0),
        "mse",
        [],
        ONE_HOT,
        {},
    ),
    "logits": (
        lambda: hidden(Dense(40, "relu"), Dense(10)),
        lambda: "adagrad",
        minidl.losses.SparseCategoricalCrossentropy(from_logits=True),
        ["accuracy"],
        LABELS,
        {},
    ),
}


def fitted(name: str, dtype: str) -> tuple[minidl.Sequential, Any]:
    layers, optimizer, loss, metrics, y, options = LARGER[name]
    minidl.utils.set_random_seed(5)
    model = minidl.Sequential(layers(), dtype=dtype)
    model.compile(optimizer(), loss, metrics=metrics)
    history = model.fit(PIXELS, y, 100, 3, 0, validation_split=0.2, evaluate_train=True, **options)
    return model, history.history


@pytest.mark.usefixtures("same_products")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", LARGER)
def test_larger_networks_have_the_same_bits_where_products_are_the_same(
    name: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each part of a team does its share of every array in the order in which NumPy does it."""
    monkeypatch.setattr(plan, "SMALL", 100 * 60 * 30)
    # 300 rows, 3 batches an epoch; new buffers for the evaluation.
    compare(lambda: fitted(name, dtype), plays=1 + 1 + 2)


@pytest.mark.parametrize("name", LARGER)
def test_larger_networks_are_the_same_to_rounding(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the parts of a team share products out, and add up their terms."""
    monkeypatch.setattr(plan, "SMALL", 100 * 60 * 30)
    compare(lambda: fitted(name, "float64"), plays=4, rtol=ROUNDING)


# Batches


@pytest.mark.usefixtures("same_products")
@pytest.mark.parametrize(
    ("size", "validation", "plays"),
    [
        (1, False, 11 + 12 + 12 - 1),  # the first runs, the second is recorded
        (3, False, 12 - 2),  # every batch is whole: the tape runs through all epochs
        (3, True, 2 + 2 + 3),  # in the second epoch buffers are new
        (5, False, 0 + 1 + 2),  # a ragged batch at the end: called, recorded, played
        (5, True, 0 + 0 + 1),
        (7, False, 0),  # never twice in a row on the same arrays
        (12, False, 3 - 2),  # one batch is an epoch
        (12, True, 0),
        (100, False, 3 - 2),  # more than there are
        (None, False, 3 - 2),
    ],
)
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_of_any_size(size: int | None, validation: bool, plays: int, shuffle: bool) -> None:
    x, y = np.random.default_rng(1).normal(size=(2, 40, 3))

    def make() -> Any:
        minidl.utils.set_random_seed(2)
        model = minidl.Sequential([Input((3,)), Dense(4, "tanh"), Dropout(0.5), Dense(3)])
        model.compile("adam", "mse", metrics=["mse"])
        held_out = (x[12:], y[12:]) if validation else None
        history = model.fit(x[:12], y[:12], size, 3, 0, validation_data=held_out, shuffle=shuffle)
        return model, history.history

    compare(make, plays)


@pytest.mark.usefixtures("same_products")
@pytest.mark.parametrize(
    "kind", ["?", "i1", "u2", ">i2", "i8", "f2", "f4", "f8", ">f4", ">f8", "g"]
)
@pytest.mark.parametrize("first", [[], [Rescaling(0.25, 1.0)]], ids=["Dense", "Rescaling"])
def test_features_of_any_type(kind: str, first: list[Any]) -> None:
    """Also of those that compiled code cannot read, as float16 and numbers from elsewhere."""
    x = (8 * np.abs(np.random.default_rng(1).normal(size=(20, 4)))).astype(kind)
    y = np.random.default_rng(2).normal(size=(20, 2))

    def make() -> Any:
        minidl.utils.set_random_seed(2)
        layers = [type(layer)(layer.scale, layer.offset) for layer in first]
        model = minidl.Sequential([Input((4,)), *layers, Dense(2)])
        model.compile("sgd", "mse")
        return model, model.fit(x, y, 5, 2, 0).history

    compare(make, plays=8 - 2)


@pytest.mark.parametrize(("size", "plays"), [(1, 52), (5, 1 + 2 + 2), (6, 9 - 2), (18, 3 - 2)])
@pytest.mark.parametrize("kind", ["f4", "f8", "i8"])
def test_sparse_rows(kind: str, size: int, plays: int) -> None:
    """The same bits as with SciPy's products; some rows are empty."""
    dense = np.random.default_rng(1).integers(-9, 2, (18, 7)).clip(0) * np.arange(18)[:, None]
    x, y = sparse.csr_matrix(dense.astype(kind)), np.arange(18) % 2

    def make() -> Any:
        minidl.utils.set_random_seed(2)
        model = minidl.Sequential([Input((7,)), Dense(3, "relu"), Dense(1, "sigmoid")])
        model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
        return model, model.fit(x, y, size, 3, 0).history

    compare(make, plays)


def test_the_reason_is_said_where_there_is_no_command() -> None:
    """Of a kernel that reads numbers, and of a formula of the update."""
    with minidl.backend.use("numpy", executor="compiled"):
        model = minidl.Sequential([minidl.layers.Dense(1, "sigmoid")])
        optimizer = minidl.optimizers.Ftrl(learning_rate_power=-0.6)
        model.compile(optimizer, "binary_crossentropy", metrics=[minidl.metrics.AUC()])
        x = np.random.default_rng(1).normal(size=(100, 3)).astype(np.float32)
        model.fit(x, x[:, :1] > 0, batch_size=10, epochs=5, verbose=0)
    said = model.recording.splitlines()
    assert said[1] == (
        "called in Python at each step: add_buckets, for which there is no command: it reads the "
        "numbers themselves, as np.asarray does; ftrl_power, for which there is no command: "
        "ftrl_power is no single loop"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mine: np.sort", "mine, for which there is no command: np.sort"),
        ("np.sort\nand more", "mine, for which there is no command: np.sort"),
        ("", "mine, for which there is no command"),
    ],
)
def test_the_words_for_a_reason(text: str, words: str) -> None:
    assert without_command("mine", UnsupportedError(text)) == words

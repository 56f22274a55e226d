"""Warnings of data that look wrong, and that a training continues: when, how often, and where."""

from __future__ import annotations

import inspect
import re
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import sparse
from sklearn import datasets
from sklearn.preprocessing import scale

import minidl
from minidl.callbacks import EarlyStopping, LambdaCallback, TerminateOnNaN
from minidl.layers import BatchNormalization, Dense, Flatten, Normalization, ReLU, Rescaling
from minidl.training import plausibility
from tests.doubles.cupy_double import count_synchronisations
from tests.fitting import compiled, held_out, network
from tests.specs import spec

RANDOM = np.random.default_rng(7)
SCALED = RANDOM.random((400, 6))
PIXELS = RANDOM.integers(0, 256, (400, 3, 2), dtype=np.uint8)
LABELS = np.arange(400) % 2
IRIS = datasets.load_iris(return_X_y=True)
WINE = datasets.load_wine(return_X_y=True)
COINS = RANDOM.integers(0, 2, 1000)


def made(*layers: Any, loss: str = "binary_crossentropy", units: int = 1) -> minidl.Sequential:
    """A compiled network that ends in a Dense layer for the loss."""
    activation = {"binary": "sigmoid", "mean": None}.get(loss.split("_")[0], "softmax")
    model = minidl.Sequential([*layers, Dense(units, activation)])
    model.compile(minidl.optimizers.SGD(0.0), loss)
    return model


def warned(model: minidl.Sequential, x: Any, y: Any = None, **options: Any) -> list[str]:
    """What a fit of one step warns of."""
    y = LABELS[: x.shape[0]] if y is None else y
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(x, y, x.shape[0], verbose=0, **options)
    assert {warning.category for warning in caught} <= {UserWarning}
    return [str(warning.message) for warning in caught]


def shuffled(x: Any, y: Any) -> tuple[Any, Any]:
    """Rows and targets in one random order."""
    order = np.random.default_rng(0).permutation(len(x))
    return x[order], y[order]


# --- scale


def small(largest: str) -> str:
    """The whole message."""
    return (
        "x: expected features of a size near 1 before the first Dense layer, received none above "
        f"{largest}; were they divided twice?"
    )


def large(value: str) -> str:
    """The whole message."""
    return (
        "x: expected features of a size near 1 before the first Dense layer, received values such "
        f"as {value}; scale them, for instance by layers.Rescaling(1 / 255) for pixels"
    )


FULL = np.full((9, 3, 2), 255, np.uint8)


@pytest.mark.parametrize(
    ("layers", "x", "message"),
    [
        ([Flatten], FULL / 255 / 255, small("0.0039")),
        ([Flatten], FULL / -255 / 255, small("0.0039")),
        ([lambda: Rescaling(1 / 255), Flatten], FULL / 255, small("0.0039")),
        ([lambda: Rescaling(0.5, 0.1), Flatten, lambda: Rescaling(0.01)], FULL / 255, "0.006"),
        ([Flatten], FULL, large("255")),
        ([Flatten], FULL.astype(float) * -2, large("510")),
        ([Flatten], FULL.astype(np.int64) - 300, None),
        ([Flatten, lambda: Rescaling(2, -1)], FULL / 4, large("126.5")),
        ([Flatten, lambda: Rescaling(1 / 255)], FULL, None),
        ([lambda: Rescaling(1 / 127.5, -1), Flatten], FULL, None),
        ([Flatten, BatchNormalization], FULL, None),
        ([ReLU, Flatten], FULL / 255 / 255, None),
        ([Flatten], FULL / 255, None),
        ([Flatten], FULL > 3, None),
        ([Flatten], FULL * 0, None),
    ],
)
def test_scale_before_the_first_dense_layer(layers: Any, x: Any, message: str | None) -> None:
    """Of what comes out of Rescaling; a layer that makes other values of them ends the look."""
    found = warned(made(*(layer() for layer in layers)), x)
    if message is None:
        assert found == []
    else:
        assert len(found) == 1
        assert message in found[0]


def test_a_network_without_weights_needs_no_scale() -> None:
    """No Dense layer is there to saturate."""
    model = minidl.Sequential([Flatten()])
    model.compile("sgd", "mse")
    assert warned(model, np.full((5, 1), 1e-3), np.zeros(5)) == []


@pytest.mark.parametrize("value", [0.5, -0.5])
def test_one_feature_of_many_rows_is_enough(value: float) -> None:
    """Not only rows that are looked at count as to whether all features are small."""
    x = np.full((1000, 4), 0.001)
    assert len(warned(made(), x, np.arange(1000) % 2)) == 1
    x[501, 2] = value
    assert not (plausibility._some(x) == value).any()
    assert warned(made(), x, np.arange(1000) % 2) == []


@pytest.mark.parametrize(
    ("value", "message"), [(1 / 255**2, small("1.5e-05")), (200, large("200")), (1, None)]
)
def test_the_numbers_that_a_csr_matrix_stores(value: float, message: str | None) -> None:
    """What it does not store is 0, and says nothing of the scale."""
    x = sparse.random_array((300, 1000), density=0.01, rng=np.random.default_rng(0)).tocsr()
    x.data[:] = value
    assert warned(made(), x) == ([] if message is None else [message])
    assert warned(made(), 0 * x) == []
    assert warned(made(), sparse.csr_array(x.shape)) == []


def test_one_raw_column_among_many() -> None:
    """A year beside 200 scaled features is what the layer sees most of."""
    x = RANDOM.normal(size=(300, 201))
    x[:, 77] = 2024
    assert warned(made(), x) == [large("2024")]


@given(
    arrays(
        np.float64,
        array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40),
        elements=st.floats(-1e6, 1e6, allow_subnormal=False),
    )
)
def test_standardised_features_are_plausible(x: np.ndarray) -> None:
    """Whatever outliers they hold: at most 1 / 50² of a column lies beyond 50 deviations."""
    deviation = x.std(axis=0)
    # A constant column's deviation is rounding.
    x = np.where(deviation > 1e-6, (x - x.mean(axis=0)) / np.maximum(deviation, 1e-6), 0)
    assert not any("received values such as" in message for message in warned(made(), x))


PLAUSIBLE = {
    "iris": shuffled(*IRIS),
    "wine, standardised": shuffled(scale(WINE[0]), WINE[1]),
    "digits": datasets.load_digits(return_X_y=True),
    "multi-hot": (RANDOM.random((500, 300)) < 0.1, COINS[:500]),
    "rare words, standardised": (scale(RANDOM.random((500, 300)) < 0.002), COINS[:500]),
    "one-hot": (np.eye(400)[RANDOM.permutation(400)], COINS[:400]),
    "Cauchy": (RANDOM.standard_cauchy((500, 30)), COINS[:500]),
    "a constant column": (np.c_[RANDOM.normal(size=(50, 2)), np.ones(50)], COINS[:50]),
    "constant rows": (np.ones((50, 3)), COINS[:50]),
    "exclusive or": (np.array([[0, 0], [0, 1], [1, 0], [1, 1]] * 2), np.array([0, 1, 1, 0] * 2)),
    "few values": (RANDOM.integers(0, 2, (300, 5)), COINS[:300]),
    "one measured feature": (IRIS[0][100:, 2:3], COINS[:50]),
    "two rows": (np.array([[0.5], [1.0]]), np.array([0, 1])),
    "a rare class": (RANDOM.normal(size=(1000, 3)), (np.arange(1000) == 17).astype(int)),
    "one class": (RANDOM.normal(size=(100, 3)), np.zeros(100, int)),
}


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("name", PLAUSIBLE)
def test_no_word_about_plausible_data(name: str, share: float) -> None:
    """Rows repeat by chance where features have few values, and a rare class may be missing."""
    x, y = PLAUSIBLE[name]
    model = made(loss="sparse_categorical_crossentropy", units=10)
    assert warned(model, x, y, validation_split=share) == []


# --- repeated rows


def repeated(found: list[str]) -> tuple[int, int]:
    """How many of how many rows a warning calls repeated; it is the only one."""
    (message,) = found
    match = re.fullmatch(
        r"validation data: expected rows that are not trained on, received (\d+) of (\d+) rows "
        "looked at that are training rows",
        message,
    )
    assert match
    return int(match[1]), int(match[2])


FORMS: dict[str, Any] = {
    "float64": lambda a: a,
    "float32": lambda a: a.astype(np.float32),
    "float16": lambda a: a.astype(np.float16),
    "uint8": lambda a: (a * 255).astype(np.uint8) % 50,
    "int64": lambda a: (a * 40).astype(np.int64),
    "bool": lambda a: np.unpackbits((a * 256).astype(np.uint8), axis=1).astype(bool),
    "big-endian": lambda a: a.astype(">f8"),
    "Fortran": np.asfortranarray,
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "from the last row": lambda a: a[::-1].copy()[::-1],
    "from the last column": lambda a: a[:, ::-1],
    "images": lambda a: a.reshape(len(a), 2, 3),
}


@given(
    planted=st.integers(0, 100),
    rows=st.integers(40, 300),
    form=st.sampled_from(sorted(FORMS)),
    seed=st.integers(0, 9),
)
def test_the_planted_share_of_repeated_rows_is_found(
    planted: int, rows: int, form: str, seed: int
) -> None:
    """To the row, wherever they stand and in whatever memory order."""
    random = np.random.default_rng(seed)
    x = random.random((rows + 100, 6))
    train, held = x[:rows], x[rows:].copy()
    places = random.permutation(100)[:planted]
    held[places] = train[random.integers(0, rows, planted)]
    train, held = FORMS[form](train), FORMS[form](held)
    y = np.arange(rows) % 2, np.arange(100) % 2
    found = warned(made(Flatten()), train, y[0], validation_data=(held, y[1]))
    # A tenth may be chance, and 100 rows do not show it to better than another tenth.
    if planted > 20:
        assert repeated(found) == (planted, 100)
    elif planted <= 10:
        assert found == []


def test_repeated_rows_of_another_type() -> None:
    """The same numbers as integers and as floats."""
    x = RANDOM.integers(0, 20, (300, 6)).astype(np.uint8)
    found = warned(made(), x, validation_data=(x[:100].astype(np.float64), LABELS[:100]))
    assert repeated(found) == (100, 100)


def test_repeated_rows_among_many() -> None:
    """Up to 256 of the validation rows are looked at, spread over them; all training rows are."""
    x = RANDOM.random((3000, 4))
    y = np.arange(3000) % 2
    held = np.concatenate([x[-500:], RANDOM.random((500, 4))])
    found = warned(made(), x, y, validation_data=(held, y[:1000]))
    assert repeated(found) == (125, 250)


@pytest.mark.parametrize("change", [1, 1 / 255, 1e-4])
def test_rows_that_differ_in_one_pixel_are_others(change: float) -> None:
    """By one level, or less."""
    x = RANDOM.integers(0, 40, (600, 784)).astype(float) * (1 if change == 1 else 1 / 255)
    held = x[:200].copy()
    assert repeated(warned(made(), x, np.arange(600) % 2, validation_data=(held, LABELS[:200])))
    held[np.arange(200), RANDOM.integers(0, 784, 200)] += change
    assert warned(made(), x, np.arange(600) % 2, validation_data=(held, LABELS[:200])) == []


def test_a_column_of_large_numbers_hides_no_difference() -> None:
    """The rounding that is allowed for grows with it, and training rows show what that does."""
    x = np.c_[np.full(400, 1e13), RANDOM.normal(size=(400, 3))]
    found = warned(made(), x[:300], validation_data=(x[300:], LABELS[:100]))
    assert found == [large("1e+13")]


def test_rows_of_few_values_repeat_by_chance() -> None:
    """Unless more of them do than training rows among themselves."""
    x = RANDOM.integers(0, 2, (300, 9))
    twins = np.mean([(x == row).all(axis=1).sum() > 1 for row in x])
    assert 0.3 < twins < 0.6
    assert warned(made(), x[:200], validation_data=(x[200:], LABELS[:100])) == []
    found = warned(made(), x[:200], validation_data=(x[:100], LABELS[:100]))
    assert repeated(found) == (100, 100)


def test_the_probability_that_a_repetition_is_chance() -> None:
    """Σ C(n, k) p^k (1 - p)^(n - k), against counting."""
    for trials, share in ((1, 0.1), (5, 0.5), (8, 0.25)):
        hits = np.random.default_rng(0).random((200_000, trials)) < share
        for k in range(trials + 1):
            expected = np.mean(hits.sum(axis=1) >= k)
            # 200,000 draws: a standard deviation of .0011 at most.
            assert plausibility._chance(k, trials, share) == pytest.approx(expected, abs=5e-3)
    assert plausibility._chance(10**5, 10**5, 1.0) == 1


# --- one class


def one_class(rows: int) -> str:
    """The whole message."""
    return (
        f"validation data: expected rows of all classes, received one class in all {rows} rows; "
        "rows in the order of their classes have to be shuffled before the last are split off"
    )


@pytest.mark.parametrize(
    ("loss", "units", "targets"),
    [
        ("sparse_categorical_crossentropy", 3, lambda y: y),
        ("categorical_crossentropy", 3, lambda y: np.eye(3)[y]),
        ("binary_crossentropy", 1, lambda y: y == 2),
        ("binary_crossentropy", 3, lambda y: 1 - np.eye(3)[y]),
        ("mean_squared_error", 1, None),
    ],
)
def test_a_tail_of_one_class(loss: str, units: int, targets: Any) -> None:
    """iris is in the order of its classes; a regression has none."""
    x, y = IRIS
    x = x + RANDOM.normal(size=x.shape) * 1e-3  # iris holds a row twice
    y = np.minimum(y, 1.0) if targets is None else targets(y)
    for rows in (30, 1, 75):
        found = warned(made(loss=loss, units=units), x, y, validation_split=rows / 150)
        expected = rows == 30 and loss != "mean_squared_error"
        assert found == ([one_class(rows)] if expected else []), rows


@pytest.mark.parametrize(("rows", "expected"), [(9, False), (10, True)])
def test_as_many_rows_as_chance_puts_there(rows: int, expected: bool) -> None:
    """Of two classes of one size: rows of one class are one in 2^rows, .001 is the border."""
    y = np.r_[np.arange(400 - 2 * rows) % 2, np.zeros(rows, int), np.ones(rows, int)]
    x = SCALED[:, :3]
    found = warned(made(), x, y, validation_split=rows / 400)
    assert found == ([one_class(rows)] if expected else [])


def test_a_class_that_is_not_trained_on() -> None:
    """As validation_data; a few rows will do then."""
    y = np.zeros(400, int)
    held = RANDOM.random((20, 6)), np.ones(20, int)
    assert warned(made(), SCALED, y, validation_data=held) == [one_class(20)]


# --- once, and where


def test_each_warning_once_for_a_model() -> None:
    """All that is wrong in the first fit; later ones say nothing of the data."""
    x = np.r_[SCALED, SCALED[:100]] * 100
    y = np.r_[LABELS, np.ones(100, int)]
    model = made()
    first = warned(model, x, y, validation_split=0.2)
    assert [message[:15] for message in first] == ["x: expected fea"] + ["validation data"] * 2
    assert warned(model, x, y, validation_split=0.2, initial_epoch=1, epochs=2) == []
    assert len(warned(made(), x, y, validation_split=0.2)) == 3


def test_a_fit_that_is_refused_warns_of_nothing() -> None:
    """The next one does."""
    model = made()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="monitor"):
            model.fit(SCALED * 100, LABELS, verbose=0, callbacks=EarlyStopping("no such"))
    assert len(warned(model, SCALED * 100)) == 1


def test_evaluate_and_predict_look_at_nothing() -> None:
    """They are called on other data, row by row perhaps."""
    model = made()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.evaluate(SCALED * 100, LABELS, verbose=0)
        model.predict(SCALED * 100)


def test_warnings_point_at_the_users_line() -> None:
    """The call of fit, in the file that calls it."""
    x, y = np.r_[SCALED, SCALED[:100]] * 100, np.r_[LABELS, np.ones(100, int)]
    model = made()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
        model.fit(x, y, 500, verbose=0, validation_split=0.2)
        model.fit(x, y, 500, verbose=0, validation_split=0.2)
    assert [warning.filename for warning in caught] == [__file__] * 4
    assert [warning.lineno for warning in caught] == [line] * 3 + [line + 1]


@pytest.mark.parametrize("executor", ["cupy-double"], indirect=True)
def test_data_on_the_device(executor: str) -> None:
    """The same words; what is waited for is not more with more rows."""
    xp = minidl.backend.current().xp
    waits = []
    for times in (1, 20):
        x = np.tile(np.r_[SCALED, SCALED[:100]], (times, 1)) * 100
        x[:-100] += np.arange(len(x) - 100).reshape(-1, 1)
        x[-100:] = x[:100]
        y = np.r_[np.arange(len(x) - 100) % 2, np.ones(100, int)]
        kept = len(x) - 100
        expected = warned(made(), x[:kept], y[:kept], validation_data=(x[kept:], y[kept:]))
        data = xp.asarray(x[:kept]), y[:kept].reshape(-1, 1)
        held = xp.asarray(x[kept:]), y[kept:].reshape(-1, 1)
        model = made()
        model.build((6,))
        with warnings.catch_warnings(record=True) as caught, count_synchronisations() as counted:
            warnings.simplefilter("always")
            plausibility.look_at(model, model._loss, [], *data, held, stacklevel=1)
        assert [str(warning.message) for warning in caught] == expected
        assert len(expected) == 3
        waits.append(counted.synchronisations)
    assert waits[0] == waits[1] <= 4
    assert len(warned(made(), *data, validation_data=held)) == 3


def test_no_copy_of_the_data() -> None:
    """A mark for each row, sorted; the rest is the same for more rows."""
    needed = {}
    model = made(Rescaling(1 / 255))
    model.build((128,))
    for rows in (2**14, 2**15):  # both more than what is converted at a time
        x = RANDOM.integers(0, 256, (rows, 128), dtype=np.uint8)
        y = (np.arange(rows) % 2).reshape(-1, 1)
        tracemalloc.start()
        try:
            plausibility.look_at(model, model._loss, [], x, y, (x[:300] ^ 1, y[:300]), 1)
            needed[rows] = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (needed[2**15] - needed[2**14]) / 2**14 < 48  # bytes a row, of 128
    assert needed[2**15] < 4 * 8 * plausibility.BLOCK


# --- a training that continues


def continues(step: int) -> str:
    """The whole message."""
    return (
        f"fit continues from step {step} of a model that is trained already; for a fresh start "
        "make a new model"
    )


def test_a_second_fit_says_once_that_it_continues() -> None:
    """With the number of steps that were made: 400 rows in one batch are one."""
    model = made()
    assert warned(model, SCALED, epochs=3) == []
    assert warned(model, SCALED) == [continues(3)]
    assert warned(model, SCALED) == []
    model.compile("adam", "mse")
    assert warned(model, SCALED) == []


def test_who_says_so_need_not_be_told() -> None:
    """initial_epoch means to go on; a later fit without it is told."""
    model = made()
    warned(model, SCALED)
    assert warned(model, SCALED, initial_epoch=1, epochs=3) == []
    assert warned(model, SCALED) == [continues(3)]


def test_a_loaded_model_continues(tmp_path: Path) -> None:
    """It is another model: it says so for itself, and looks at its first data."""
    model = made()
    warned(model, SCALED, epochs=2)
    warned(model, SCALED)
    model.save(tmp_path / "model.npz")
    for options, expected in (({}, [continues(3)]), ({"initial_epoch": 3, "epochs": 4}, [])):
        loaded = minidl.load_model(tmp_path / "model.npz")
        assert warned(loaded, SCALED, **options) == expected
        assert warned(loaded, SCALED, initial_epoch=4, epochs=5) == []
    loaded = minidl.load_model(tmp_path / "model.npz")
    assert warned(loaded, SCALED * 100)[1:] == [continues(3)]
    untrained = made()
    untrained.build((6,))
    untrained.save(tmp_path / "untrained.npz")
    assert warned(minidl.load_model(tmp_path / "untrained.npz"), SCALED) == []


def test_steps_by_hand_are_steps() -> None:
    """The first fit after an explicit loop continues it; forward alone does not train."""
    model = made()
    model.forward(SCALED)
    assert warned(made(), SCALED) == []
    for _ in range(5):
        model.forward(SCALED, training=True)
    assert warned(model, SCALED) == [continues(5)]


def test_an_interrupted_training_continues() -> None:
    """From the step that was the last."""
    model, task = compiled("integers")

    def interrupt(batch: int, logs: Any) -> None:
        if batch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(task.x, task.y, 5, 1, 0, LambdaCallback(on_train_batch_end=interrupt))
    assert warned(model, task.x, task.y) == [continues(3)]


def test_warnings_as_errors_stop_before_training() -> None:
    """Nothing has moved, and the next call is not stopped again."""
    model = network([spec("layers.Dense", units=1)])
    model.compile("sgd", "mse")
    x, y = held_out("binary")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="received values such as"):
            model.fit(x * 1000, y, verbose=0)
        assert model.step == 0
        model.fit(x * 1000, y, verbose=0)


@pytest.mark.parametrize(
    ("activation", "loss", "count", "said"),
    [
        ("softmax", "binary_crossentropy", 1, "of several labels in a row not all can be likely"),
        ("softmax", "binary_focal_crossentropy", 1, "of several labels in a row not all can be"),
        (
            "sigmoid",
            "categorical_crossentropy",
            2,
            "write loss='binary_crossentropy'; for one class",
        ),
        ("softmax", "categorical_crossentropy", 1, "do not sum to 1"),
        ("sigmoid", "binary_crossentropy", 0, None),
    ],
)
def test_several_labels_in_a_row(activation: str, loss: str, count: int, said: str | None) -> None:
    """Of sigmoid units and their cross-entropy nothing is said; of other pairs, what to write."""
    labels = (SCALED[:, :3] > 0.4).astype(np.float32)
    assert {*labels.sum(axis=1)} == {0, 1, 2, 3}
    model = minidl.Sequential([Dense(4, "relu"), Dense(3, activation)])
    model.compile(minidl.optimizers.SGD(0.0), loss)
    messages = warned(model, SCALED, labels)
    assert len(messages) == count
    assert said is None or sum(said in message for message in messages) == 1


@pytest.mark.parametrize("loss", ["binary_crossentropy", "categorical_crossentropy", "mse"])
def test_a_softmax_of_one_unit(loss: str) -> None:
    """Predicts 1 for every row, and nothing can be learned."""
    model = minidl.Sequential([Dense(4, "relu"), Dense(1, "softmax")])
    model.compile(minidl.optimizers.SGD(0.0), loss)
    messages = warned(model, SCALED, np.ones((len(SCALED), 1)))
    (found,) = [each for each in messages if "a softmax of one unit is 1 for every row" in each]
    assert "Dense(1, 'sigmoid')" in found
    assert np.array_equal(model.predict(SCALED), np.ones((len(SCALED), 1)))


@pytest.mark.parametrize("metric", ["accuracy", "acc"])
def test_an_accuracy_of_measured_values(metric: str) -> None:
    """Is 0 in every epoch; of targets 0 and 1, of class numbers and of rows it counts."""
    said = f"{metric}: expected targets 0 and 1, received values such as 0.25, for which no"
    measured = 0.25 + np.arange(400.0)
    for loss, y, count in [
        ("mse", measured, 1),
        ("mae", measured, 1),
        ("mse", LABELS, 0),
        ("binary_crossentropy", LABELS, 0),
    ]:
        model = made(units=1)
        model.compile(minidl.optimizers.SGD(0.0), loss, metrics=["mae", metric])
        found = [each for each in warned(model, SCALED, y) if said in each]
        assert len(found) == count, loss
    rows = made(loss="mse", units=2)
    rows.compile(minidl.optimizers.SGD(0.0), "mse", metrics=[metric])
    assert not warned(rows, SCALED, np.c_[measured, measured])


def test_a_normalization_that_was_not_adapted() -> None:
    """Changes nothing; one that has numbers, by any way, is as meant."""

    def fresh(layer: Normalization) -> minidl.Sequential:
        return made(minidl.Input((6,)), layer)

    (message,) = warned(fresh(Normalization(name="scaled")), SCALED)
    assert message.startswith("scaled: expected adapt(x) before training")
    adapted = Normalization()
    adapted.adapt(SCALED)
    assert warned(fresh(adapted), SCALED) == []
    assert warned(fresh(Normalization(mean=0.0, variance=1.0)), SCALED) == []
    loaded = fresh(Normalization())
    loaded.set_weights(fresh(adapted).get_weights())
    assert warned(loaded, SCALED) == []


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_sigmoid_units_for_one_class_a_row(loss: str) -> None:
    classes = np.argmax(SCALED[:, :3], axis=1)
    targets = classes if loss.startswith("sparse") else np.eye(3)[classes]
    model = minidl.Sequential([Dense(3, "sigmoid")])
    model.compile(minidl.optimizers.SGD(0.0), loss)
    (message,) = warned(model, SCALED, targets)
    assert "received the output sigmoid, whose outputs have any sum" in message
    assert message.endswith("for one class, end with a softmax")


def diverging() -> minidl.Sequential:
    """A compiled network whose loss is infinite or NaN after some steps."""
    model = minidl.Sequential([Dense(4, "relu"), Dense(1)])
    model.compile(minidl.optimizers.SGD(1e4), "mse")
    return model


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("first", [0, 2])
def test_a_loss_that_is_not_finite(first: int) -> None:
    """Is told once in a fit, with the number of its first epoch, at the caller's line."""
    model = diverging()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)

        def begin(epoch: int, logs: Any) -> None:
            model.optimizer.learning_rate = 0.0 if epoch < first else 1e4

        begins = LambdaCallback(on_epoch_begin=begin)
        history = model.fit(SCALED, LABELS, epochs=5, verbose=0, callbacks=begins)
    losses = history.history["loss"]
    assert [bool(np.isfinite(loss)) for loss in losses] == [epoch < first for epoch in range(5)]
    (found,) = [each for each in caught if "the loss" in str(each.message)]
    assert found.category is UserWarning
    assert found.filename == __file__
    assert f"not finite since epoch {first} (counted from 0)" in str(found.message)
    assert f"received {losses[first]}; " in str(found.message)
    assert "check_finite=True" in str(found.message)
    assert len([each for each in warned(model, SCALED) if "the loss" in each]) == 1


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_loss_that_is_not_finite_where_that_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert warned(diverging(), SCALED, epochs=20, callbacks=TerminateOnNaN()) == []
    with pytest.raises(minidl.NonFiniteError):
        warned(diverging(), SCALED, epochs=20, check_finite=True)

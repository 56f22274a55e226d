"""The arguments of fit: what each of them does."""

from __future__ import annotations

import math
from collections import Counter
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl.callbacks import Callback, LambdaCallback
from tests.fitting import KINDS, ROWS, compiled, held_out, network, same_weights, theta
from tests.specs import spec


class Watch(Callback):
    """Notes the sequence of calls, and the rows of every training batch by their mark."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.batches: list[list[int]] = []

    def on_train_begin(self, logs: Any) -> None:
        self.calls.append("train begin")

    def on_train_end(self, logs: Any) -> None:
        self.calls.append("train end")

    def on_epoch_begin(self, epoch: int, logs: Any) -> None:
        self.calls.append(f"epoch {epoch} begin")

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.calls.append(f"epoch {epoch} end {sorted(logs)}")

    def on_train_batch_begin(self, batch: int, logs: Any) -> None:
        self.calls.append(f"batch {batch} begin")

    def on_train_batch_end(self, batch: int, logs: Any) -> None:
        self.calls.append(f"batch {batch} end")
        self.batches.append(self.model.layers[0].y[:, 0].astype(int).tolist())


def marked(rows: int) -> tuple[minidl.Sequential, np.ndarray, np.ndarray]:
    """A network that shows which rows it is given, and rows that carry their number."""
    model = network([spec("layers.Flatten"), spec("layers.Dense", units=1)], (1,))
    model.compile(minidl.optimizers.SGD(0.0), "mse")
    x = np.arange(float(rows)).reshape(-1, 1)
    return model, x, x


@given(rows=st.integers(1, 40), size=st.integers(1, 50), epochs=st.integers(1, 3))
def test_every_epoch_shows_every_row_once(rows: int, size: int, epochs: int) -> None:
    """In batches of the size asked for, the last one smaller."""
    model, x, y = marked(rows)
    watch = Watch()
    model.fit(x, y, size, epochs, verbose=0, callbacks=watch)
    steps = math.ceil(rows / size)
    assert len(watch.batches) == steps * epochs == model.step
    for epoch in range(epochs):
        batches = watch.batches[epoch * steps : (epoch + 1) * steps]
        assert Counter(chain(*batches)) == Counter(range(rows))
        assert [len(b) for b in batches[:-1]] == [size] * (steps - 1)


def test_shuffling_changes_by_epoch_and_by_seed() -> None:
    """By default; shuffle=False keeps the order."""
    orders = {}
    for shuffle in (True, False):
        model, x, y = marked(20)
        watch = Watch()
        model.fit(x, y, 20, 3, verbose=0, callbacks=watch, shuffle=shuffle)
        orders[shuffle] = watch.batches
    assert orders[False] == [list(range(20))] * 3
    assert len({tuple(order) for order in orders[True]}) == 3
    assert list(range(20)) not in orders[True]
    model, x, y = marked(20)
    again, other = Watch(), Watch()
    model.fit(x, y, 20, 3, verbose=0, callbacks=again)
    assert again.batches == orders[True]
    model, x, y = marked(20)
    model.seed += 1
    model.fit(x, y, 20, 3, verbose=0, callbacks=other)
    assert other.batches != orders[True]


def test_rows_targets_and_weights_are_shuffled_together() -> None:
    """A weight of 0 on all rows but one leaves the loss of that row."""
    model, x, y = marked(20)
    for row in range(20):
        weight = np.zeros(20)
        weight[row] = 20
        W = model.get_weights()[0][0, 0]
        history = model.fit(
            x, y, 20, row + 1, initial_epoch=row, verbose=0, sample_weight=weight
        ).history
        # float64; the sum has one term.
        np.testing.assert_allclose(history["loss"], [(W * row - row) ** 2], rtol=1e-14)


def test_sequence_of_calls() -> None:
    """What a callback is told, in order."""
    model, x, y = marked(3)
    watch = Watch()
    model.fit(x, y, 2, 2, verbose=0, callbacks=[watch])
    batches = ["batch 0 begin", "batch 0 end", "batch 1 begin", "batch 1 end"]
    assert watch.calls == [
        "train begin",
        *["epoch 0 begin", *batches, "epoch 0 end ['loss']"],
        *["epoch 1 begin", *batches, "epoch 1 end ['loss']"],
        "train end",
    ]
    assert watch.model is model
    assert watch.params == {"epochs": 2, "steps": 2, "metrics": ["loss"]}


def test_defaults() -> None:
    """32 rows a step, one epoch, a bar, shuffled, no validation."""
    model, x, y = marked(40)
    watch = Watch()
    history = model.fit(x, y, verbose=0, callbacks=watch)
    assert [len(batch) for batch in watch.batches] == [32, 8]
    assert [*chain(*watch.batches)] != list(range(40))
    assert history.epoch == [0]
    assert list(history.history) == ["loss"]


@pytest.mark.parametrize(("rows", "share", "kept"), [(20, 0.1, 18), (10, 0.5, 5), (4, 0.75, 1)])
def test_validation_split_is_the_unshuffled_tail(rows: int, share: float, kept: int) -> None:
    """The last rows are never trained on, in any epoch, and the first are never validated on."""
    model, x, y = marked(rows)
    watch = Watch()
    history = model.fit(x, y, 3, 3, verbose=0, callbacks=watch, validation_split=share)
    assert set(chain(*watch.batches)) == set(range(kept))
    W = model.get_weights()[0][0, 0]
    # float64
    expected = np.mean((W * x[kept:] - y[kept:]) ** 2)
    np.testing.assert_allclose(history.history["val_loss"], expected, rtol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", [tuple, list])
def test_validation_data_as_tuple_and_list(form: Any, kind: str) -> None:
    """(x, y), or (x, y, sample_weight): what evaluate gives for them."""
    model, task = compiled(kind, metrics=[task_metric(kind)])
    x, y = held_out(kind)
    weight = np.linspace(0, 2, len(x))
    for epoch, given_ in enumerate(((x, y), (x, y, weight))):
        history = model.fit(
            task.x,
            task.y,
            5,
            epoch + 1,
            initial_epoch=epoch,
            verbose=0,
            validation_data=form(given_),
        ).history
        weights = {"sample_weight": given_[2]} if len(given_) == 3 else {}
        expected = model.evaluate(*given_[:2], verbose=0, **weights)
        assert [history[f"val_{name}"][0] for name in model.metrics_names] == expected


def task_metric(kind: str) -> str:
    """A metric for any of the kinds of targets."""
    return "mse" if kind != "integers" else "accuracy"


def test_validation_data_of_another_length() -> None:
    model, task = compiled("values")
    with pytest.raises(ValueError, match=r"validation_data: .*received a tuple of 1"):
        model.fit(task.x, task.y, verbose=0, validation_data=(task.x,))
    with pytest.raises(ValueError, match=r"validation_data: .*received ndarray"):
        model.fit(task.x, task.y, verbose=0, validation_data=task.x)


def test_validation_data_overrides_the_split() -> None:
    """Then all rows of x are trained on."""
    model, x, y = marked(10)
    watch = Watch()
    model.fit(
        x, y, verbose=0, callbacks=watch, validation_split=0.5, validation_data=(x[:1], y[:1])
    )
    assert len(watch.batches[0]) == 10


def test_history_keys_and_order() -> None:
    """Loss and metrics as compiled, then the loss's parts; all again of validation."""
    model, task = compiled("integers", metrics=["acc", "sparse_categorical_crossentropy"])
    history = model.fit(task.x, task.y, epochs=2, verbose=0, validation_split=0.2)
    names = ["loss", "acc", "sparse_categorical_crossentropy"]
    stored = [*names, "data_loss", "penalty"]
    assert list(history.history) == [*stored, *(f"val_{name}" for name in stored)]
    assert all(
        len(values) == 2 and all(type(v) is float for v in values)
        for values in history.history.values()
    )
    assert history is model.history
    assert model.metrics_names == names


@pytest.mark.parametrize(
    ("first", "last", "epochs"), [(0, 2, [0, 1]), (2, 4, [2, 3]), (3, 3, []), (5, 3, [])]
)
def test_initial_epoch(first: int, last: int, epochs: list[int]) -> None:
    """``epochs`` is the number of the last epoch, not a count."""
    model, x, y = marked(4)
    history = model.fit(x, y, epochs=last, initial_epoch=first, verbose=0)
    assert history.epoch == epochs
    assert model.step == len(epochs)


@pytest.mark.parametrize(
    "convert",
    [
        lambda a: a.tolist(),
        lambda a: tuple(map(tuple, a)),
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: np.repeat(a, 2, axis=1)[:, ::2],
        lambda a: a.astype(">f8"),
        lambda a: np.ma.masked_array(a),
    ],
    ids=[
        "list",
        "tuple",
        "Fortran",
        "every second row",
        "every second column",
        "big-endian",
        "masked",
    ],
)
@pytest.mark.parametrize("first", ["Dense", "BatchNormalization", "Rescaling", "Dropout", "ReLU"])
def test_rows_in_any_memory_order(convert: Any, first: str) -> None:
    """Lists and arrays that are not contiguous train as the plain array does."""
    options = {"Dense": {"units": 4}, "Rescaling": {"scale": 0.5}, "Dropout": {"rate": 0.5}}
    layers = [spec(f"layers.{first}", **options.get(first, {})), spec("layers.Dense", units=2)]
    results = []
    for change in (lambda a: a, convert):
        _, task = compiled("values")
        model = network(layers)
        model.compile("sgd", "mse")
        x, (x_held, y_held) = change(task.x), held_out("values")
        losses = []
        for epoch, shuffle in enumerate((True, False)):
            losses += model.fit(
                x,
                task.y,
                5,
                epoch + 1,
                initial_epoch=epoch,
                verbose=0,
                shuffle=shuffle,
                validation_data=(change(x_held), y_held),
            ).history.values()
        results.append([*losses, model.predict(x), model.evaluate(x, task.y, verbose=0)])
    for plain, other in zip(*results, strict=True):
        # A product of another memory order may sum in another: float64 rounding.
        np.testing.assert_allclose(other, plain, rtol=1e-12)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.float16, np.float32])
def test_rows_of_any_numbers(dtype: Any) -> None:
    """Integers, booleans and other floats train as the same numbers in the model's type."""
    x = (np.arange(40).reshape(10, 4) % 3).astype(dtype)
    y = np.arange(10) % 3
    results = []
    for given_ in (x, x.astype(np.float64)):
        model = network([spec("layers.Dense", units=3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
        results.append((model.fit(given_, y, 4, 2, verbose=0).history, theta(model)))
    assert results[0][0] == results[1][0]
    np.testing.assert_array_equal(results[0][1], results[1][1])


@pytest.mark.parametrize(
    "convert",
    [
        lambda y: y.reshape(-1, 1),
        lambda y: y.astype(np.uint8),
        lambda y: y.tolist(),
        lambda y: np.repeat(y, 2)[::2],
    ],
)
def test_class_numbers_in_any_form(convert: Any) -> None:
    """(N,) or (N, 1), any integers, lists."""
    model, task = compiled("integers", metrics=["accuracy"])
    other, _ = compiled("integers", metrics=["accuracy"])
    a = model.fit(task.x, task.y, verbose=0).history
    assert a == other.fit(task.x, convert(task.y), verbose=0).history
    same_weights(model, other)


@pytest.mark.parametrize("kind", ["binary", "one-hot"])
@pytest.mark.parametrize("dtype", [bool, np.int64, np.float32, np.float64])
def test_targets_of_any_numbers(dtype: Any, kind: str) -> None:
    """0 and 1 as booleans, integers or floats; (N,) and (N, 1) for one unit."""
    model, task = compiled(kind, metrics=["accuracy", "mse"])
    expected = model.fit(task.x, task.y.astype(np.float64), verbose=0).history
    for shape in (task.y.shape, (ROWS, -1)):
        other, _ = compiled(kind, metrics=["accuracy", "mse"])
        found = other.fit(task.x, task.y.astype(dtype).reshape(shape), verbose=0).history
        assert found == expected


def test_weights_of_rows_in_two_shapes() -> None:
    """(N,) and (N, 1)."""
    weight = np.linspace(0, 2, ROWS)
    histories = []
    for given_ in (weight, weight.reshape(-1, 1), weight.tolist(), weight.astype(np.float32)):
        model, task = compiled("values", dtype="float32")
        histories.append(model.fit(task.x, task.y, verbose=0, sample_weight=given_).history)
    assert histories[0] == histories[1] == histories[2]
    # A weight rounded to float32 before the model does so itself.
    assert histories[0] == histories[3]


def test_weights_of_rows_and_classes_multiply() -> None:
    """Both together: the same as their product."""
    weight = np.linspace(0, 2, ROWS)
    by_class = {0: 0.5, 2: 3.0}
    model, task = compiled("integers")
    other, _ = compiled("integers")
    both = model.fit(task.x, task.y, verbose=0, sample_weight=weight, class_weight=by_class)
    product = weight * np.array([0.5, 1, 3])[task.y]
    assert both.history == other.fit(task.x, task.y, verbose=0, sample_weight=product).history


def test_weights_of_rows_and_classes_are_split_with_the_rows() -> None:
    """The tail's weights go with the tail, the classes' stay with training."""
    weight, by_class = np.linspace(0, 2, ROWS), {0: 0.5, 2: 3.0}
    model, task = compiled("integers")
    other, _ = compiled("integers")
    history = model.fit(
        task.x,
        task.y,
        verbose=0,
        sample_weight=weight,
        class_weight=by_class,
        validation_split=4 / 23,
    ).history
    kept = ROWS - 4
    expected = other.fit(
        task.x[:kept],
        task.y[:kept],
        verbose=0,
        sample_weight=weight[:kept],
        class_weight=by_class,
        validation_data=(task.x[kept:], task.y[kept:], weight[kept:]),
    ).history
    assert history == expected


def test_what_the_user_gave_is_left_as_it_was() -> None:
    """x, y and weights are not written to."""
    model, task = compiled("one-hot")
    given_ = [task.x.copy(), task.y.copy(), np.linspace(0, 2, ROWS)]
    kept = [a.copy() for a in given_]
    for array in given_:
        array.flags.writeable = False
    model.fit(*given_[:2], 5, 2, verbose=0, sample_weight=given_[2], validation_split=0.3)
    model.evaluate(*given_[:2], verbose=0)
    model.predict(given_[0])
    for a, b in zip(given_, kept, strict=True):
        np.testing.assert_array_equal(a, b)


def test_recompiling_starts_a_new_optimizer() -> None:
    """And keeps the weights: the losses go on from where they were."""
    model, task = compiled("values", hidden=[], optimizer="adam")
    model.fit(task.x, task.y, epochs=3, verbose=0)
    before = theta(model)
    model.compile("adam", "mse")
    np.testing.assert_array_equal(theta(model), before)
    assert model.optimizer.iterations == 0
    assert model.evaluate(task.x, task.y, verbose=0) > 0


def test_compile_takes_one_metric_without_a_list() -> None:
    """As Keras's users write it now and then."""
    model, task = compiled("integers", hidden=[], metrics="accuracy")
    assert model.metrics_names == ["loss", "accuracy"]
    assert list(model.fit(task.x, task.y, verbose=0).history) == ["loss", "accuracy"]


def test_rmsprop_is_the_default_optimizer() -> None:
    """compile(loss=...) alone."""
    model = network([spec("layers.Dense", units=2)])
    model.compile(loss="mse")
    assert type(model.optimizer) is minidl.optimizers.RMSprop


def test_float32_is_the_default_type() -> None:
    """Unless set_floatx or dtype= says otherwise."""
    x = np.ones((3, 2))
    assert minidl.Sequential([minidl.layers.Dense(1)]).predict(x).dtype == np.float32
    assert minidl.Sequential([minidl.layers.Dense(1)], dtype="float64").predict(x).dtype == float
    minidl.set_floatx("float64")
    assert minidl.Sequential([minidl.layers.Dense(1)]).predict(x).dtype == np.float64


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int64])
def test_numbers_of_numpy_s_own_types_count_as_python_s(kind: Any) -> None:
    """Also where a product with the number of rows is beyond the type."""
    given = {"batch_size": 8, "steps_per_epoch": 3, "validation_steps": 60, "epochs": 2}
    x = np.random.default_rng(0).standard_normal((500, 1))
    found = []
    for own in (int, kind):
        model, _, _ = marked(1)
        model.compile(minidl.optimizers.SGD(0.01), "mse")
        options: dict[str, Any] = {name: own(value) for name, value in given.items()}
        model.fit(x, 2 * x, verbose=0, validation_data=(x, 2 * x), **options)
        found.append(model.history.history)
    assert found[0] == found[1]


@pytest.mark.parametrize(
    "name", ["batch_size", "validation_batch_size", "epochs", "validation_steps"]
)
@pytest.mark.parametrize("value", [np.array([3]), 2.0, True, "3"])
def test_the_argument_that_is_no_integer_is_named(name: str, value: Any) -> None:
    model, x, y = marked(9)
    with pytest.raises(TypeError, match=f"^{name}: expected an integer of at least 1, received"):
        model.fit(x, y, validation_split=0.5, **{name: value})


def test_epochs_beyond_every_count() -> None:
    model, x = minidl.Sequential([minidl.Input((1,)), minidl.layers.Dense(1)]), np.ones((4, 1))
    model.compile("sgd", "mse")
    stop = LambdaCallback(on_epoch_end=lambda *_: setattr(model, "stop_training", True))
    assert model.fit(x, x, epochs=10**30, verbose=0, callbacks=stop).epoch == [0]

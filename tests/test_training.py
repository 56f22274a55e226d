"""fit, evaluate and predict against loops written out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl.backend.random import SHUFFLE, generator
from tests.fitting import (
    FEATURES,
    HIDDEN,
    KINDS,
    ROWS,
    compiled,
    equal,
    held_out,
    network,
    same_weights,
    theta,
)
from tests.specs import spec

BATCH, EPOCHS = 5, 3


def by_hand(model: minidl.Sequential, x: Any, y: Any, weight: Any, shuffle: bool) -> Any:
    """The loop that fit stands for: losses of each epoch, and the outputs of each batch."""
    loss, optimizer = model._loss, model.optimizer
    device = model.backend.to_device
    behind = loss.activation is not None and loss.activation == model.output_activation
    loss.from_logits = behind
    losses, outputs = [], []
    for _ in range(EPOCHS):
        order = np.arange(len(x))
        if shuffle:
            order = generator(model.seed, SHUFFLE, 0, model.step).permutation(len(x))
        total, seen = 0.0, []
        for start in range(0, len(x), BATCH):
            rows = order[start : start + BATCH]
            w = None if weight is None else device(weight[rows])
            predictions = model.forward(device(x[rows]), training=True, logits=behind)
            value = loss.forward(predictions, device(y[rows]), w)
            value = value + model.penalties.forward(model.theta)
            # A row's share: the mean times the rows in the model's type, the sum in float64.
            total += float(value * float(len(rows)))
            result = model.activate(predictions) if behind else predictions
            seen.append((model.backend.to_host(result).copy(), rows))
            model.backward(loss.backward(), logits=behind)
            model.penalties.add_gradients(model.theta, model.grad)
            optimizer.update(model.theta, model.grad)
        losses.append(total / len(x))
        outputs.append(seen)
    return losses, outputs


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shuffle", [True, False], ids=["shuffled", "in order"])
@pytest.mark.parametrize("kind", KINDS)
def test_fit_is_the_explicit_loop(kind: str, shuffle: bool, dtype: str, executor: str) -> None:
    """The same losses and weights: batches, masks, statistics, penalties, steps."""
    model, task = compiled(kind, dtype=dtype)
    other, _ = compiled(kind, dtype=dtype)
    x, y = task.x.astype(dtype), task.y if kind == "integers" else task.y.astype(dtype)
    history = model.fit(x, y, BATCH, EPOCHS, verbose=0, shuffle=shuffle)
    losses, _ = by_hand(other, x, y, None, shuffle)
    equal(history.history["loss"], losses, executor, dtype)
    same_weights(model, other, executor)
    assert model.step == other.step == EPOCHS * -(-ROWS // BATCH)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_rows_weigh_the_loss(kind: str) -> None:
    """(1/N) Σ w L for the loss, and its gradient; bit for bit that of the explicit loop."""
    weight = np.random.default_rng(1).uniform(0, 3, ROWS)
    model, task = compiled(kind)
    other, _ = compiled(kind)
    y = task.y if kind == "integers" else task.y.astype(np.float64)
    history = model.fit(task.x, y, BATCH, EPOCHS, verbose=0, sample_weight=weight)
    assert history.history["loss"] == by_hand(other, task.x, y, weight, True)[0]
    same_weights(model, other)
    plain, _ = compiled(kind)
    plain.fit(task.x, y, BATCH, EPOCHS, verbose=0)
    assert not np.array_equal(theta(plain), theta(model))


@pytest.mark.parametrize(
    ("kind", "right"),
    [
        ("integers", lambda p, y: p.argmax(1) == y),
        ("one-hot", lambda p, y: p.argmax(1) == y.argmax(1)),
        ("binary", lambda p, y: (p[:, 0] > 0.5) == y),
    ],
)
def test_accuracy_is_the_share_of_right_rows(kind: str, right: Any, executor: str) -> None:
    """Counted over the outputs of the training passes, each before its update."""
    model, task = compiled(kind, metrics=["accuracy"])
    other, _ = compiled(kind)
    history = model.fit(task.x, task.y, BATCH, EPOCHS, verbose=0)
    _, outputs = by_hand(other, task.x, task.y, None, True)
    expected = [sum(right(p, task.y[rows]).sum() for p, rows in seen) / ROWS for seen in outputs]
    assert history.history["accuracy"] == expected
    # Dropout and three classes: not all rows are right, and not none.
    assert 0 < expected[0] < 1


@pytest.mark.parametrize("kind", KINDS)
def test_predict_is_the_forward_pass(kind: str, executor: str) -> None:
    """For every row and in any batches; a NumPy array of the model's type."""
    model, task = compiled(kind, dtype="float32")
    x = task.x.astype(np.float32)
    expected = model.backend.to_host(model.forward(model.backend.to_device(x))).copy()
    whole = model.predict(x)
    assert isinstance(whole, np.ndarray)
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(whole, expected)
    # BLAS may sum in another order for another number of rows: a few roundings of values
    # within ±10.
    np.testing.assert_allclose(model.predict(x, batch_size=7), expected, rtol=1e-5, atol=1e-6)


def test_predict_needs_no_compile() -> None:
    """It builds the network from the rows where their shape was not known."""
    model = minidl.Sequential([minidl.layers.Dense(2)])
    assert model.predict(np.ones((3, 5))).shape == (3, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_evaluate_is_the_mean_over_rows_in_inference(kind: str) -> None:
    """No dropout, running statistics, penalties included; the batch size changes nothing."""
    model, task = compiled(kind, metrics=["mse"] if kind != "integers" else [])
    model.fit(task.x, task.y, BATCH, 2, verbose=0)
    p = model.predict(task.x)
    rows = getattr(minidl.losses, task.loss)(task.y, p)
    penalty = 0.01 * np.sum(model.get_weights()[0] ** 2)
    expected = [np.mean(rows) + penalty]
    if kind != "integers":
        expected.append(np.mean((p - task.y.reshape(p.shape)) ** 2))
    # The loss is taken from logits in one case and from probabilities in the other; float64.
    for size in (None, 1, 7, 1000):
        found = model.evaluate(task.x, task.y, size, verbose=0)
        np.testing.assert_allclose(found, expected if len(expected) > 1 else expected[0], 1e-12)


def test_evaluate_moves_nothing() -> None:
    """Neither weights nor statistics nor the step; and predict neither."""
    model, task = compiled(metrics=["accuracy"])
    model.fit(task.x, task.y, BATCH, 1, verbose=0)
    before, step = model.get_weights(), model.step
    model.evaluate(task.x, task.y, verbose=0)
    model.predict(task.x)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (model.step, model.optimizer.iterations) == (step, step)


def test_validation_does_not_touch_training() -> None:
    """The same losses and weights with and without it."""
    model, task = compiled()
    other, _ = compiled()
    alone = model.fit(task.x, task.y, BATCH, EPOCHS, verbose=0)
    held = other.fit(task.x, task.y, BATCH, EPOCHS, verbose=0, validation_data=held_out("integers"))
    assert alone.history["loss"] == held.history["loss"]
    same_weights(model, other)


def test_validation_is_evaluate_at_the_end_of_the_epoch() -> None:
    """val_loss and val_accuracy are what evaluate gives for the same rows."""
    model, task = compiled(metrics=["accuracy"])
    held = held_out("integers")
    for epoch in range(3):
        history = model.fit(
            task.x, task.y, BATCH, epoch + 1, initial_epoch=epoch, verbose=0, validation_data=held
        ).history
        found = [history["val_loss"][-1], history["val_accuracy"][-1]]
        assert found == model.evaluate(*held, verbose=0)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "nadam"])
def test_a_second_fit_goes_on(optimizer: str) -> None:
    """Steps, moments and masks continue: 2 + 3 epochs are the same as 5."""
    model, task = compiled(optimizer=optimizer)
    other, _ = compiled(optimizer=optimizer)
    whole = model.fit(task.x, task.y, BATCH, 5, verbose=0)
    first = other.fit(task.x, task.y, BATCH, 2, verbose=0)
    second = other.fit(task.x, task.y, BATCH, 5, initial_epoch=2, verbose=0)
    assert first.epoch + second.epoch == whole.epoch == [0, 1, 2, 3, 4]
    assert first.history["loss"] + second.history["loss"] == whole.history["loss"]
    assert other.optimizer.iterations == other.step == 5 * 5
    same_weights(model, other)


def test_the_same_seed_gives_the_same_numbers(executor: str) -> None:
    """Twice, bit for bit; another seed gives others."""
    runs = []
    for seed in (1, 1, 2):
        model, task = compiled(seed=seed, metrics=["accuracy"])
        history = model.fit(task.x, task.y, BATCH, 2, verbose=0, validation_split=0.2)
        runs.append((history.history, theta(model)))
    assert runs[0][0] == runs[1][0]
    np.testing.assert_array_equal(runs[0][1], runs[1][1])
    assert runs[0][0]["loss"] != runs[2][0]["loss"]


def test_masks_change_with_every_step() -> None:
    """With weights that stay and all rows in one batch, only the masks differ."""
    hidden = [spec("layers.Dense", units=6), spec("layers.Dropout", rate=0.5)]
    model, task = compiled(hidden=hidden, optimizer=minidl.optimizers.SGD(0.0))
    history = model.fit(task.x, task.y, ROWS, 5, verbose=0, shuffle=False).history
    assert len(set(history["loss"])) == 5


def test_two_models_of_one_seed_differ_from_each_other() -> None:
    """The second model made after the call has its own numbers, and so has its second run."""
    minidl.utils.set_random_seed(3)
    first, second = (minidl.Sequential([minidl.layers.Dense(3, input_shape=(4,))]) for _ in "ab")
    assert not np.array_equal(theta(first), theta(second))


PIXELS = [
    spec("layers.Rescaling", scale=1 / 255),
    spec("layers.Flatten"),
    *HIDDEN,
    spec("layers.Dense", units=3, activation="softmax"),
]


@pytest.mark.parametrize("shuffle", [True, False], ids=["shuffled", "in order"])
@pytest.mark.parametrize("order", [[0, 1], [1, 0]], ids=["rescaled first", "flattened first"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_integer_pixels_train_as_their_floats(
    dtype: str, order: list[int], shuffle: bool, executor: str
) -> None:
    """uint8 scaled by the first layer equals floats divided before, up to one rounding."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (ROWS, 2, 3), dtype=np.uint8)
    y = np.arange(ROWS) % 3
    layers = [*(PIXELS[k] for k in order), *PIXELS[2:]]
    model = network(layers, (2, 3), dtype=dtype)
    other = network([PIXELS[1], *PIXELS[2:]], (2, 3), dtype=dtype)
    histories = []
    for one, x in ((model, pixels), (other, pixels.astype(dtype) / 255)):
        one.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        histories.append(one.fit(x, y, BATCH, 2, verbose=0, shuffle=shuffle).history["loss"])
    # k · (1/255) and k / 255 differ by a rounding of the input; a dozen steps of SGD keep
    # that near the unit of the type.
    rtol = 1e-5 if dtype == "float32" else 1e-13
    np.testing.assert_allclose(*histories, rtol=rtol)
    np.testing.assert_allclose(model.predict(pixels).sum(axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("kind", ["integers", "one-hot", "binary"])
def test_huge_logits_have_a_finite_loss(kind: str, executor: str) -> None:
    """A logit of 1e4 for a wrong class costs 1e4; on probabilities it would be -log(1e-7)."""
    model, task = compiled(kind, hidden=[], optimizer=minidl.optimizers.SGD(0.0), dtype="float32")
    x, y = np.eye(FEATURES)[:3], task.y[:3]
    wrong = np.roll(np.eye(3), 1, axis=1) if kind != "binary" else 1 - 2 * y.reshape(3, 1)
    W, b = model.get_weights()
    W[:3] = 1e4 * wrong
    model.set_weights([W, b])
    history = model.fit(x, y, epochs=1, verbose=0, validation_data=(x, y)).history
    # Exact: every other term of the sum is exp(-1e4) = 0.
    assert history == {"loss": [1e4], "val_loss": [1e4]}
    assert np.isfinite(model.backend.to_host(model.grad)).all()


@pytest.mark.parametrize("kind", ["one-hot", "binary", "several binary"])
def test_a_metric_sees_outputs_though_the_loss_sees_logits(kind: str) -> None:
    """mse is of the probabilities, in training and in evaluation."""
    model, task = compiled(kind, hidden=[], optimizer=minidl.optimizers.SGD(0.0), metrics=["mse"])
    p = model.predict(task.x)
    expected = np.mean((p - task.y.reshape(p.shape)) ** 2)
    history = model.fit(task.x, task.y, 5, 1, verbose=0, evaluate_train=True).history
    for name in ("mse", "train_mse"):
        # float64, another order of summation
        np.testing.assert_allclose(history[name][0], expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("kind", "metric", "layer"),
    [
        ("integers", "sparse_categorical_accuracy", "Softmax"),
        ("integers", "sparse_categorical_crossentropy", "Softmax"),
        ("one-hot", "categorical_crossentropy", "Softmax"),
        ("binary", "binary_accuracy", "Sigmoid"),
        ("binary", "binary_crossentropy", "Sigmoid"),
    ],
)
def test_activation_layer_or_argument_or_logits(kind: str, metric: str, layer: str) -> None:
    """Dense(activation=), Dense then the layer, and from_logits=True train to the same numbers."""
    task = compiled(kind)[1]
    bare = task.output._replace(options={"units": task.units})
    losses = {
        "sparse_categorical_crossentropy": minidl.losses.SparseCategoricalCrossentropy,
        "categorical_crossentropy": minidl.losses.CategoricalCrossentropy,
        "binary_crossentropy": minidl.losses.BinaryCrossentropy,
    }
    results = []
    for layers, loss in (
        ([task.output], task.loss),
        ([bare, spec(f"layers.{layer}")], task.loss),
        ([bare], losses[task.loss](from_logits=True)),
    ):
        model = network([*HIDDEN, *layers])
        model.compile("adam", loss, metrics=[metric])
        results.append(model.fit(task.x, task.y, BATCH, 2, verbose=0).history)
    # The same kernels on the same logits: no rounding apart.
    assert results[0] == results[1] == results[2]


def test_weights_may_be_negative():
    """Rows that count against their targets, as policy gradients have them."""
    x, y = np.ones((4, 2), np.float32), np.ones((4, 1))
    model = minidl.Sequential([minidl.Input((2,)), minidl.layers.Dense(1)])
    model.compile(minidl.optimizers.SGD(0.1), "mse")
    before = model.predict(x)
    model.fit(x, y, verbose=0, sample_weight=-np.ones(4))
    after = model.predict(x)
    assert abs(after - y).max() > abs(before - y).max()

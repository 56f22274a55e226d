"""Layers and models in more than one network: whose weights they have, and Keras's numbers."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers
from minidl.models import clone_model, load_model
from tests import oracle_models

X = np.random.default_rng(3).normal(size=(40, 4))
Y = np.arange(40) % 3
EXECUTORS = ["python", "blocks", "compiled"]


def network(*row: Any, **options: Any) -> Any:
    return minidl.Sequential(list(row), dtype="float64", **options)


def trained() -> Any:
    minidl.utils.set_random_seed(5)
    made = network(
        layers.Input((4,)), layers.Dense(6, "tanh"), layers.BatchNormalization(), layers.Dense(3)
    )
    loss = minidl.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile(minidl.optimizers.Adam(0.05), loss)
    made.fit(X, Y, verbose=0)
    return made


def softmax(x: np.ndarray) -> np.ndarray:
    found: np.ndarray = network(layers.Softmax()).predict(x)
    return found


def test_a_model_and_a_softmax() -> None:
    """One vector: what the model learns later the other shows, and the other way round."""
    made = trained()
    outer = network(made, layers.Softmax())
    assert outer.layers[0] is made
    np.testing.assert_array_equal(outer.predict(X), softmax(made.predict(X)))
    assert np.shares_memory(outer.theta, made.theta)
    made.fit(X, Y, epochs=3, initial_epoch=1, verbose=0)
    np.testing.assert_array_equal(outer.predict(X), softmax(made.predict(X)))
    outer.compile("sgd", "sparse_categorical_crossentropy")
    before = made.predict(X)
    outer.fit(X, Y, verbose=0)
    assert not np.array_equal(made.predict(X), before)
    np.testing.assert_array_equal(outer.predict(X), softmax(made.predict(X)))


def test_layers_without_tensors_around_a_model() -> None:
    """They draw as in any network: with the seed, other masks in each step."""
    outer = network(trained(), layers.Dropout(0.5), layers.Softmax())
    outer.compile("sgd", "sparse_categorical_crossentropy")
    outer.fit(X, Y, verbose=0)
    assert not np.array_equal(outer(X, training=True), outer(X, training=True))


def test_some_layers_of_a_model() -> None:
    """A view of a part, without a copy, and other batch sizes on either side."""
    made = trained()
    features = network(*made.layers[:-1])
    features.build()
    before = made.predict(X)
    features.predict(X[:5])  # must leave room for 40 rows
    np.testing.assert_array_equal(made.predict(X), before)
    assert features.predict(X).shape == (40, 6)
    assert np.shares_memory(features.theta, made.theta)
    head = network(made.layers[-1])
    np.testing.assert_array_equal(head.predict(features.predict(X)), made.predict(X))
    made.fit(X, Y, epochs=2, initial_epoch=1, batch_size=7, verbose=0)
    np.testing.assert_array_equal(head.predict(features.predict(X)), made.predict(X))


def test_layers_that_cannot_be_shared_are_copied_and_that_is_said() -> None:
    made = trained()
    other = network(*made.layers[:-1], layers.Dense(2, name="new"))
    with pytest.warns(UserWarning, match="has copies of the layers dense.*, batch_norm"):
        other.build()
    for a, b in zip(other.get_weights()[:6], made.get_weights()[:6], strict=True):
        np.testing.assert_array_equal(a, b)
    before = made.get_weights()
    other.compile("sgd", "sparse_categorical_crossentropy")
    other.fit(X, Y % 2, verbose=0)
    for a, b in zip(made.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    made.fit(X, Y, epochs=2, initial_epoch=1, verbose=0)  # goes on


def test_another_type_of_numbers_is_copied() -> None:
    made = trained()
    single = minidl.Sequential([made, layers.Softmax()], dtype="float32")
    with pytest.warns(UserWarning, match="has copies of the layers"):
        single.build()
    assert single.theta.dtype == np.float32
    made.fit(X, Y, epochs=2, initial_epoch=1, verbose=0)


def test_a_model_of_two_models() -> None:
    """Both move into its vector, with an optimizer that has a state; each trains the other's."""
    minidl.utils.set_random_seed(2)
    first = network(layers.Input((4,)), layers.Dense(5, "relu"), name="first")
    second = network(layers.Input((5,)), layers.Dense(1, "sigmoid"), name="second")
    second.compile("adam", "binary_crossentropy")
    second.fit(first.predict(X), Y % 2, verbose=0)
    both = network(first, second)
    both.compile("adam", "binary_crossentropy")
    names = [entry.name.rsplit("/", 2)[0] for entry in both.parameters]
    assert names == ["first", "first", "second", "second"]
    for _ in range(2):
        both.fit(X, Y % 2, verbose=0, epochs=both.step + 2, initial_epoch=both.step)
        second.fit(first.predict(X), Y % 2, verbose=0, epochs=9, initial_epoch=8)
        np.testing.assert_array_equal(both.predict(X), second.predict(first.predict(X)))
    for part in (first, second):
        assert np.shares_memory(part.theta, both.theta)
    third = network(both, layers.Dense(2))
    third.build()  # all of them move again
    np.testing.assert_array_equal(both.predict(X), second.predict(first.predict(X)))
    second.fit(first.predict(X), Y % 2, verbose=0, epochs=10, initial_epoch=9)
    assert np.shares_memory(second.theta, third.theta)


@pytest.mark.parametrize("trainable", [False, True])
def test_transfer_has_the_numbers_of_keras(trainable: bool) -> None:
    found = []
    for executor in EXECUTORS:
        minidl.backend.use("numpy", executor=executor)
        minidl.utils.set_random_seed(4)
        base = network(layers.Input((4,)), layers.Dense(6, "tanh"), layers.Dense(5))
        base.trainable = trainable
        made = network(base, layers.ReLU(), layers.Dense(3, "softmax"))
        start = made.get_weights()
        made.compile(minidl.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        history = made.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
        found.append([history["loss"], *made.get_weights()])
    expected = oracle_models.transferred(start, X, Y, trainable)
    # float64, and the roundings of ten steps.
    np.testing.assert_allclose(found[0][0], expected.loss, rtol=1e-10)
    for a, b in zip(found[0][1:], expected.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert expected.counts == [
        sum(w.size for w in part) for part in (made.trainable_weights, made.non_trainable_weights)
    ]
    for others in found[1:]:
        for a, b in zip(others, found[0], strict=True):
            np.testing.assert_array_equal(a, b)


def alone() -> list[Any]:
    return [layers.Dense(3, "tanh"), layers.BatchNormalization(), layers.PReLU()]


@pytest.mark.parametrize("layer", alone(), ids=lambda layer: type(layer).__name__)
def test_a_layer_alone_gives_the_gradient_at_its_input(layer: Any) -> None:
    """That which it gives within a network; a network that begins with it computes none."""
    y = layer(X, training=True)
    dy = np.random.default_rng(1).normal(size=y.shape).astype(y.dtype)
    dx = layer.backward(dy.copy())
    dense = layers.Dense(4)
    inner = minidl.Sequential(
        [layers.Input((4,)), dense, type(layer).from_config(layer.get_config())]
    )
    inner.set_weights([np.eye(4), np.zeros(4), *layer.get_weights()])
    np.testing.assert_allclose(inner.forward(X, training=True), y, rtol=1e-5, atol=1e-6)
    inner.backward(dy.copy())
    np.testing.assert_allclose(dx.sum(axis=0), dense.db, rtol=1e-4, atol=1e-5)

    first = minidl.Sequential([layer, layers.Dense(1)])
    first.build((4,))
    assert not layer.needs_dx
    first.compile("sgd", "mse")
    first.fit(X, Y, batch_size=40, verbose=0)
    assert layer.backward(np.ones(y.shape, y.dtype)) is None
    around = minidl.Sequential([layers.Input((4,)), layers.Dense(4), first])
    around.build()
    assert layer.needs_dx
    minidl.Sequential([layers.Input((4,)), layer, layers.Softmax()]).build()
    assert layer.needs_dx  # for the network around it


def test_a_layer_of_a_network_that_is_gone_is_alone() -> None:
    layer = layers.Dense(2)
    minidl.Sequential([layers.Input((4,)), layer]).predict(X, verbose=0)
    gc.collect()
    layer(X)
    assert layer.backward(np.ones((40, 2), np.float32)).shape == (40, 4)


def test_saved_and_loaded_and_cloned(tmp_path: Path) -> None:
    made = network(trained(), layers.Dropout(0.25), layers.Dense(2, name="new"))
    made.compile("adam", "mse")
    made.fit(X, X[:, :2], verbose=0)
    made.save(tmp_path / "m.npz")
    loaded = load_model(tmp_path / "m.npz")
    assert [each.name for each in loaded.layers] == [each.name for each in made.layers]
    for each in (made, loaded):
        each.fit(X, X[:, :2], epochs=2, initial_epoch=1, verbose=0)
    for a, b in zip(made.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    clone = clone_model(made)
    assert clone.get_config() == made.get_config()
    assert not np.array_equal(clone.get_weights()[0], made.get_weights()[0])
    assert not np.shares_memory(clone.theta, made.theta)


def test_layers_added_and_taken_away_after_the_build(capsys: Any) -> None:
    """What stays keeps its weights, bit for bit."""
    made = trained()
    made.summary()
    kept = made.get_weights()
    made.add(layers.Dense(2, name="late"))
    made.summary()
    assert "late" in capsys.readouterr().out
    for a, b in zip(made.get_weights()[: len(kept)], kept, strict=True):
        np.testing.assert_array_equal(a, b)
    made.compile("sgd", "sparse_categorical_crossentropy")
    made.fit(X, Y % 2, verbose=0)
    assert made.pop().name == "late"
    made.pop()
    assert made.predict(X).shape == (40, 6)


def test_nothing_keeps_a_model_alive() -> None:
    made = trained()
    outer = network(made, layers.Softmax())
    outer.build()
    seen = weakref.ref(outer)
    gc.disable()
    try:
        del outer
        assert seen() is None
    finally:
        gc.enable()
    made.pop()


def test_on_a_device_too(executor: str) -> None:
    """Views, moves and frozen tensors, where the arrays are CuPy's."""
    minidl.utils.set_random_seed(4)
    base = network(layers.Input((4,)), layers.Dense(6, "tanh"), layers.BatchNormalization())
    base.build()
    base.trainable = False
    made = network(base, layers.Dense(3, "softmax"))
    made.compile(minidl.optimizers.AdamW(0.01), "sparse_categorical_crossentropy")
    before = made.get_weights()
    made.fit(X, Y, batch_size=8, epochs=3, verbose=0)
    same = [np.array_equal(a, b) for a, b in zip(before, made.get_weights(), strict=True)]
    assert same == [True] * 6 + [False] * 2
    head = network(made.layers[-1])
    np.testing.assert_array_equal(head.predict(base.predict(X)), made.predict(X))
    head.set_weights([w + 1 for w in head.get_weights()])
    np.testing.assert_array_equal(head.predict(base.predict(X)), made.predict(X))
    np.testing.assert_array_equal(made.backend.to_host(made(X)), made.predict(X))

"""Mistakes that are easily made, and what becomes of them."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest

import minidl
from minidl import losses
from minidl.callbacks import EarlyStopping, ModelCheckpoint
from minidl.layers import BatchNormalization, Dense, Dropout, Flatten, Rescaling
from minidl.models import Network

X = np.random.default_rng(0).normal(size=(40, 4))
Y = np.random.default_rng(1).integers(0, 3, 40)


def compiled(*layers, loss="sparse_categorical_crossentropy", metrics=(), optimizer="sgd"):
    model = minidl.Sequential(list(layers), dtype="float64")
    model.compile(optimizer, loss, metrics=metrics)
    return model


@pytest.mark.parametrize(
    ("activation", "loss", "words"),
    [
        (None, "sparse_categorical_crossentropy", "expected a softmax output.*output linear"),
        ("sigmoid", "sparse_categorical_crossentropy", "expected a softmax.*output sigmoid"),
        (
            "softmax",
            losses.SparseCategoricalCrossentropy(from_logits=True),
            "takes the logits before the softmax: leave out one",
        ),
    ],
)
def test_an_output_that_does_not_suit_the_loss_is_warned_of(activation, loss, words):
    model = compiled(Dense(3, activation), loss=loss)
    with pytest.warns(UserWarning, match=words):
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize(("activation", "from_logits"), [("softmax", False), (None, True)])
def test_an_output_that_suits_is_not(activation, from_logits):
    loss = losses.SparseCategoricalCrossentropy(from_logits)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compiled(Dense(3, activation), loss=loss).fit(X, Y, verbose=0)


def test_the_best_weights_come_back_after_a_divergence():
    model = compiled(Dense(4), Dense(1), loss="mse", optimizer=minidl.optimizers.SGD(1e200))
    stop = EarlyStopping("loss", restore_best_weights=True, patience=1)
    with np.errstate(all="ignore"), pytest.warns(UserWarning, match="not finite since epoch 1"):
        history = model.fit(X, X[:, 0], 40, 4, verbose=0, callbacks=stop)
    assert history.epoch == [0, 1]


def test_pixels_of_another_byte_order():
    pixels = np.random.default_rng(2).integers(0, 60_000, (8, 4))
    network = Network([Rescaling(1 / 65_535), Dense(2)])
    expected = network.forward(pixels.astype("<u2")).copy()
    np.testing.assert_allclose(network.forward(pixels.astype(">u2")), expected, rtol=1e-6)


@pytest.mark.parametrize("rows", [np.zeros((0, 4)), np.array([["1", "2"]]), np.ones((2, 4)) * 1j])
def test_a_pass_over_no_numbers_changes_nothing(rows):
    network = Network([BatchNormalization(), Dense(1)])
    network.forward(X)
    before = network.get_weights()
    with pytest.raises(ValueError, match="expected rows of numbers, received"):
        network.forward(rows, training=True)
    for now, then in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_networks_without_files_say_how_they_are_copied():
    model = Network([Dense(3, "softmax")])
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"expected a Sequential, or get_weights\(\)"):
            attempt(model)


def test_layers_and_records_can_be_copied(tmp_path):
    layer = copy.deepcopy(Dense(3, "softmax"))
    model = compiled(layer)
    history = pickle.loads(pickle.dumps(model.fit(X, Y, verbose=0)))
    assert history.history == model.history.history
    model.save(tmp_path / "copied.npz")
    relu = minidl.activations.relu
    assert pickle.loads(pickle.dumps(relu)) is relu
    own = minidl.activations.ActivationFunction("own", relu.forward, relu.backward)
    assert pickle.loads(pickle.dumps(own)) == own


def test_assigning_to_a_parameter_writes_into_the_vector():
    network = Network([Dense(3)], dtype="float64")
    network.forward(X)
    layer = network.layers[0]
    layer.W = np.full((4, 3), 2.0)
    assert (network.theta[:12] == 2).all()
    layer.W -= 0.5
    assert (network.theta[:12] == 1.5).all()
    assert np.shares_memory(layer.W, network.theta)


def test_accuracy_of_one_softmax_unit():
    model = compiled(Dense(1, "softmax"), loss="categorical_crossentropy", metrics=["accuracy"])
    assert model.evaluate(X, np.ones(40), verbose=0) == [0, 1]


@pytest.mark.parametrize(
    "make",
    [lambda: Dropout(0.5, name=7), lambda: Dense(2, name="")],
)
def test_names_are_texts(make):
    with pytest.raises(TypeError, match="name: expected a text that is not empty, received"):
        make()


@pytest.mark.parametrize("shape", [(8, None), (-3,), (0,)])
def test_shapes_are_sizes(shape):
    with pytest.raises((TypeError, ValueError), match="size in a shape: expected an integer"):
        Network([Dense(3)]).build(shape)
    with pytest.raises(ValueError, match="expected the shape of one row"):
        minidl.Input(())


def test_a_second_declared_shape_has_to_fit():
    network = Network([minidl.Input((8,)), Dense(3, input_shape=(5,), name="late")])
    with pytest.raises(ValueError, match=r"late: expected input_shape \(8,\).*received \(5,\)"):
        network.build()


def test_a_network_that_failed_lets_its_layers_go():
    layer = Dense(3)
    with pytest.raises(TypeError, match="expected a layer, received 'x'"):
        Network([layer, "x"])
    assert len(Network([layer])) == 1


@pytest.mark.parametrize(
    ("units", "loss", "y", "words"),
    [
        (3, "sparse_categorical_crossentropy", [1, 2, 3], r"received 3; classes .* Dense\(4\)"),
        (3, "sparse_categorical_crossentropy", [-1, 0, 1], "received -1; .* are counted from 0$"),
        (1, "sparse_categorical_crossentropy", [0, 1, 1], "received 1; one unit takes a sigmoid"),
        (2, "binary_crossentropy", [0, 1, 1], r"received \(3,\); .* the output is Dense\(1\)"),
        (3, "mse", [[0], [1], [1]], r"received \(3, 1\); .* the output is Dense\(1\)"),
        (3, "categorical_crossentropy", [0, 1, 2], "for class numbers use Sparse"),
    ],
)
def test_targets_that_do_not_suit_the_output_name_the_remedy(units, loss, y, words):
    model = compiled(Dense(units), loss=loss)
    with pytest.raises(ValueError, match=words):
        model.fit(np.zeros((3, 2)), np.array(y))


@pytest.mark.parametrize(
    ("loss", "metric", "words"),
    [
        ("sparse_categorical_crossentropy", "Precision", "; use categorical_.*to_categorical"),
        ("mse", "sparse_categorical_accuracy", "; use its form for rows"),
    ],
)
def test_a_metric_of_other_targets_names_the_remedy(loss, metric, words):
    with pytest.raises(ValueError, match=words):
        compiled(Dense(3), loss=loss, metrics=[metric])


def test_a_class_of_callbacks_is_no_callback():
    with pytest.raises(TypeError, match=r"received <class .*; write EarlyStopping\(...\)$"):
        compiled(Dense(3)).fit(X, Y, callbacks=[EarlyStopping])


def test_losses_look_at_what_they_are_called_with():
    p = np.array([[0.2, 0.8]])
    for labels in ([2], [-1]):
        with pytest.raises(ValueError, match="expected class numbers 0 … 1, received"):
            losses.sparse_categorical_crossentropy(labels, p)
    with pytest.raises(ValueError, match=r"expected targets of shape \(3, 2\), received \(2, 3\)"):
        losses.mean_squared_error(np.zeros((2, 3)), np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"\(N, units\), received shape \(\)"):
        losses.mean_squared_error(1, 2)


def test_a_loss_gives_its_gradient_again_whatever_else_it_computes():
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    logits = np.random.default_rng(3).normal(size=(5, 3))
    loss.forward(logits, [0, 1, 2, 0, 1])
    first = loss.backward().copy()
    np.testing.assert_array_equal(loss.backward(), first)
    loss([0], logits[:1] * 7)
    np.testing.assert_array_equal(loss.backward(), first)


def test_a_loss_as_metric_keeps_its_own_form():
    own = losses.BinaryCrossentropy(from_logits=True)
    metric = minidl.metrics.LossMetric(own, "bce")
    model = compiled(Dense(1), loss="mse", metrics=[metric])
    y = (X[:, 0] > 0).astype(float)
    expected = own(y, model.predict(X))
    assert model.evaluate(X, y, verbose=0)[1] == pytest.approx(expected, rel=1e-12)


def test_accuracy_as_an_object_compares_numbers():
    """As in Keras: probabilities are hardly ever class numbers. The word asks the loss."""
    objects = minidl.metrics.Accuracy(), minidl.metrics.Accuracy
    values = [
        compiled(Dense(3, "softmax", kernel_initializer="ones"), metrics=[m]).evaluate(
            X, Y, verbose=0
        )[1]
        for m in ("accuracy", *objects)
    ]
    assert values[0] > 0
    assert values[1] == values[2] == 0


@pytest.mark.parametrize("name", ["loss", "data_loss", "penalty"])
def test_no_metric_has_the_name_of_the_loss(name):
    metric = minidl.metrics.SparseCategoricalAccuracy(name)
    with pytest.raises(ValueError, match=f"expected metrics of other names .* received '{name}'"):
        compiled(Dense(3, "softmax"), metrics=[metric])


def test_a_checkpoints_path_names_values_that_will_be_there(tmp_path):
    model = compiled(Dense(3, "softmax"))
    checkpoint = ModelCheckpoint(tmp_path / "m-{val_loss}.npz")
    with pytest.raises(ValueError, match="path 'val_loss'; did you mean 'loss'"):
        model.fit(X, Y, verbose=0, callbacks=checkpoint)
    assert model.step == 0


def test_logits_and_outputs_are_not_mixed_up():
    network = Network([Dense(3, "softmax")])
    d = network.forward(X, logits=True)
    with pytest.raises(RuntimeError, match=r"expected backward\(dy, logits=True\)"):
        network.backward(d)
    with pytest.raises(ValueError, match="expected a network that ends in an activation"):
        Network([Dense(3), Dropout(0.5)]).forward(X, logits=True)


def test_functions_refuse_arguments_that_they_have_not():
    with pytest.raises(ValueError, match="unknown argument of tanh 'axis'"):
        minidl.activations.tanh(X, axis=0)


@pytest.mark.parametrize("seed", [2**64, -1])
def test_seeds_have_64_bits(seed):
    for make in (
        minidl.utils.set_random_seed,
        lambda s: Dropout(0.5, seed=s),
        minidl.initializers.HeNormal,
    ):
        with pytest.raises(ValueError, match="seed: expected"):
            make(seed)


def test_masked_entries_are_refused():
    x = np.ma.masked_array(X, mask=np.zeros_like(X))
    x[3, 2] = np.ma.masked
    with pytest.raises(TypeError, match="received masked entries"):
        compiled(Flatten(), Dense(3, "softmax")).fit(x, Y, verbose=0)

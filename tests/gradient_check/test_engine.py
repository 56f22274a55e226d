"""Every activation, layer, loss and penalty of the engine has right gradients, on each executor."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import activations, layers, losses, regularizers
from minidl.gradient_check import check_layer, check_loss, check_penalty, gradcheck
from minidl.layers import Layer
from minidl.models import Network
from minidl.testing import layers as any_layer
from tests import registered

# Every class that the modules offer, with arguments that are not the defaults.
LAYERS = {
    "Activation": lambda: layers.Activation("tanh"),
    "ActivityRegularization": lambda: layers.ActivityRegularization(0.2, 0.3),
    "AlphaDropout": lambda: layers.AlphaDropout(0.4),
    "BatchNormalization": lambda: layers.BatchNormalization(epsilon=0.01),
    "Dense": lambda: layers.Dense(3, "tanh", kernel_regularizer="l2", bias_regularizer="l1"),
    "Dropout": lambda: layers.Dropout(0.4),
    "ELU": lambda: layers.ELU(0.7),
    "Flatten": lambda: layers.Flatten(),
    "GaussianDropout": lambda: layers.GaussianDropout(0.3),
    "GaussianNoise": lambda: layers.GaussianNoise(0.3),
    "Identity": lambda: layers.Identity(),
    "Input": lambda: layers.Input((2, 3)),
    "InputLayer": lambda: layers.InputLayer((2, 3)),
    "LayerNormalization": lambda: layers.LayerNormalization(epsilon=0.01),
    "LeakyReLU": lambda: layers.LeakyReLU(0.1),
    "Normalization": lambda: layers.Normalization(mean=0.5, variance=2.0),
    "PReLU": lambda: layers.PReLU(alpha_regularizer="l2"),
    "ReLU": lambda: layers.ReLU(),
    "Reshape": lambda: layers.Reshape((2, -1)),
    "Rescaling": lambda: layers.Rescaling(1.5, 0.25),
    "Sigmoid": lambda: layers.Sigmoid(),
    "Softmax": lambda: layers.Softmax(),
    "Tanh": lambda: layers.Tanh(),
    "UnitNormalization": lambda: layers.UnitNormalization(),
}
# Of flat rows, whose last axis is the only one.
FLAT = {"Dense", "BatchNormalization", "LayerNormalization", "Softmax", "UnitNormalization"}
PENALTIES = {
    "L1": regularizers.L1(0.3),
    "L1L2": regularizers.L1L2(0.3, 0.2),
    "L2": regularizers.L2(0.2),
    "Lp": regularizers.Lp(1.7, 0.2),
}
LOSSES = {"CategoricalCrossentropy", "SparseCategoricalCrossentropy", "BinaryCrossentropy",
          "MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
          "MeanSquaredLogarithmicError", "Huber", "LogCosh", "Poisson", "KLDivergence",
          "CosineSimilarity", "Hinge", "SquaredHinge", "CategoricalHinge",
          "BinaryFocalCrossentropy", "CategoricalFocalCrossentropy"}  # fmt: skip


def classes(module: object, base: type) -> set[str]:
    """The classes of a module that are usable: those of other files, and bases, are not."""
    return {
        value.__name__
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, base) and value is not base
    }


def test_nothing_is_left_out():
    assert set(LAYERS) == classes(layers, Layer)
    assert set(PENALTIES) == classes(regularizers, regularizers.Regularizer)
    assert classes(losses, losses.Loss) == LOSSES


@pytest.mark.parametrize("name", sorted(registered.ACTIVATIONS))
@pytest.mark.usefixtures("executor")
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_activations(name, rows, inputs, seed):
    assert gradcheck(name, shape=(inputs,), rows=rows, seed=seed).max_error < 1e-6
    function = getattr(activations, name)
    assert gradcheck(function, shape=2 if function.rowwise else (inputs, 2))


@pytest.mark.parametrize("name", sorted(set(LAYERS) - {"Input", "InputLayer"}))
@pytest.mark.usefixtures("executor")
def test_layers(name):
    for seed in range(3):
        layer = LAYERS[name]()
        result = gradcheck(layer, shape=(4,), rows=1 + seed, seed=seed)
        modes = {check.mode for check in result.checks}
        assert modes == {"training", "inference"}
        assert len(result.checks) >= 2 * (len(layer.tensors) + 1)
    if name not in FLAT:
        gradcheck(LAYERS[name](), shape=(2, 3))


@pytest.mark.parametrize("penalty", ["l1", "l2", "l1_l2"])
@pytest.mark.usefixtures("executor")
def test_penalties_on_outputs(penalty):
    for made in (
        layers.Dense(3, "tanh", activity_regularizer=penalty),
        layers.BatchNormalization(activity_regularizer=penalty),
        layers.Dropout(0.4, activity_regularizer=penalty),
        layers.Softmax(activity_regularizer=penalty),
    ):
        gradcheck(made, shape=(4,))


@given(any_layer(), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_random_layers(layer, rows, inputs, seed):
    check_layer(layer, (inputs,), rows, seed=seed)


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.usefixtures("executor")
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_losses(name, from_logits, rows, units, seed):
    kind = getattr(losses, name)
    loss = kind(from_logits=True) if from_logits and kind.activation else kind()
    result = gradcheck(loss, rows=rows, units=units, seed=seed)
    assert [check.mode for check in result.checks] == ["plain", "weighted"]


@pytest.mark.parametrize("name", sorted(PENALTIES))
@pytest.mark.usefixtures("executor")
@given(st.integers(1, 4), st.integers(0, 99))
def test_penalties(name, size, seed):
    assert gradcheck(PENALTIES[name], shape=(size, 2), seed=seed).max_error < 1e-9


def test_names_do_for_losses_and_penalties_too():
    assert check_loss("mse").subject == "MeanSquaredError"
    assert check_penalty("l2").subject == "L2"


def test_a_proximal_penalty_has_no_gradient_to_check():
    with pytest.raises(ValueError, match="expected a penalty with a gradient, received one that"):
        gradcheck(regularizers.L1(0.1, proximal=True))
    with pytest.raises(TypeError, match="expected a regularizer or its name, received None"):
        check_penalty(None)


def test_one_mode_alone():
    for training, mode in ((True, "training"), (False, "inference")):
        result = check_layer(layers.BatchNormalization(), (3,), training=training)
        assert {check.mode for check in result.checks} == {mode}


def test_a_layer_is_free_again_and_shows_its_shape():
    layer = layers.Dense(2, input_shape=(3,))
    result = check_layer(layer)
    assert layer.owner is None
    assert result.checks[0].shape == (3, 2)
    with pytest.raises(ValueError, match=r"^mine: expected the shape of one row, such as shape="):
        check_layer(layers.Dense(2, name="mine"))


def test_a_layer_is_checked_at_the_rows_it_is_given():
    x = np.abs(np.random.default_rng(0).normal(size=(2, 5)))
    result = check_layer(layers.Tanh(), x=x)
    assert result.checks[0].shape == (2, 5)


def test_a_layer_of_a_network_is_refused_and_stays_in_it():
    layer = layers.Dense(2)
    network = Network([layer])
    with pytest.raises(ValueError, match="is in a network already"):
        check_layer(layer, (3,))
    assert layer.owner is network


@pytest.mark.parametrize("subject", [3, None, "relo", layers.Dense, np.ones(3)], ids=str)
def test_another_kind_is_refused(subject):
    with pytest.raises(TypeError, match="gradcheck: expected a network, layer, loss, regularizer"):
        gradcheck(subject)

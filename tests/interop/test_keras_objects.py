"""Layers, losses, metrics and their parts in Keras's JSON, to minidl and back."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.interop.keras.decoding import BASES, class_of, decode
from minidl.interop.keras.encoding import encode, metric
from minidl.names.in_files import reading
from minidl.names.lookup import known
from minidl.names.register import entries, foreign
from tests.oracle import keras

# Arguments that a class needs, or that show more than the defaults do.
GIVEN: dict[str, dict[str, Any]] = {
    "Dense": {
        "units": 3,
        "activation": "gelu",
        "kernel_initializer": "he_normal",
        "bias_initializer": "ones",
        "kernel_regularizer": "L1L2",
        "bias_regularizer": "l2",
        "activity_regularizer": "l1",
        "kernel_constraint": "max_norm",
        "bias_constraint": "non_neg",
        "use_bias": True,
    },
    "Activation": {"activation": "swish"},
    "ReLU": {"max_value": 6.0, "negative_slope": 0.25, "threshold": 0.5},
    "LeakyReLU": {"negative_slope": 0.25},
    "ELU": {"alpha": 0.5},
    "PReLU": {"alpha_initializer": "ones", "alpha_regularizer": "l2"},
    "Dropout": {"rate": 0.25, "seed": 3},
    "AlphaDropout": {"rate": 0.25},
    "GaussianDropout": {"rate": 0.25},
    "GaussianNoise": {"stddev": 0.5, "seed": 3},
    "BatchNormalization": {"momentum": 0.5, "epsilon": 0.25, "scale": False},
    "LayerNormalization": {"epsilon": 0.25, "center": False, "gamma_constraint": "unit_norm"},
    "Normalization": {"mean": [1.0, 2.0], "variance": [0.5, 0.25], "invert": True},
    "ActivityRegularization": {"l1": 0.5, "l2": 0.25},
    "Rescaling": {"scale": 0.5, "offset": 0.25},
    "Reshape": {"target_shape": (3, 1)},
    "CategoricalCrossentropy": {"from_logits": True, "label_smoothing": 0.25},
    "BinaryCrossentropy": {"from_logits": True, "label_smoothing": 0.25},
    "SparseCategoricalCrossentropy": {"from_logits": True},
    "MeanSquaredError": {},
    "MinMaxNorm": {"min_value": 0.5, "max_value": 2.0, "rate": 0.75, "axis": 0},
    "L1": {"l1": 0.5},
    "L2": {"l2": 0.5},
    "L1L2": {"l1": 0.5, "l2": 0.25},
    "VarianceScaling": {"scale": 2.0, "mode": "fan_out", "distribution": "uniform", "seed": 5},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.5},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5, "num_thresholds": 50},
    "AUC": {"curve": "PR", "num_thresholds": 50},
    "FBetaScore": {"beta": 2.0, "average": "macro"},
    "TopKCategoricalAccuracy": {"k": 3},
    "ExponentialDecay": {"initial_learning_rate": 0.5, "decay_steps": 10, "decay_rate": 0.5},
    "InverseTimeDecay": {"initial_learning_rate": 0.5, "decay_steps": 10, "decay_rate": 0.5},
    "PolynomialDecay": {"initial_learning_rate": 0.5, "decay_steps": 10, "power": 2.0},
    "CosineDecay": {"initial_learning_rate": 0.5, "decay_steps": 10, "warmup_steps": 5},
    "CosineDecayRestarts": {"initial_learning_rate": 0.5, "first_decay_steps": 10},
    "PiecewiseConstantDecay": {"boundaries": [5], "values": [0.5, 0.25]},
    "SGD": {"learning_rate": 0.5, "momentum": 0.5, "nesterov": True, "weight_decay": 0.25},
    "Adam": {"learning_rate": 0.5, "use_ema": True, "ema_momentum": 0.5, "clipvalue": 2.0},
    "Ftrl": {"learning_rate_power": -0.25, "beta": 0.5, "gradient_accumulation_steps": 2},
}
# Classes of minidl alone, and of names that mean more than a class: see the tests below.
ASIDE = {
    "Lp", "ChosenAccuracy", "LossMetric", "MeanMetricWrapper", "Input", "InputLayer", "Sigmoid",
    "Tanh",
}  # fmt: skip


def both() -> Iterator[tuple[type, Any]]:
    """Classes of minidl, each with Keras's."""
    for entry in entries:
        for module, base in BASES.items():
            if entry.base is base and not foreign(entry.full) and isinstance(entry.thing, type):
                name = entry.thing.__name__
                if name not in ASIDE:
                    place = functools.reduce(getattr, module.split(".")[1:], keras)
                    yield entry.thing, getattr(place, name)


CASES = list(both())


def plain(config: Any) -> Any:
    """A configuration without what Keras counts, and with lists for tuples."""
    if isinstance(config, dict):
        return {k: plain(v) for k, v in config.items() if k not in ("name", "shared_object_id")}
    return [plain(each) for each in config] if isinstance(config, list | tuple) else config


@pytest.mark.parametrize(("own", "their"), CASES, ids=[own.__qualname__ for own, _ in CASES])
def test_there_and_back(own: type, their: Any) -> None:
    """Keras's object becomes one of minidl's, which becomes the same of Keras's again."""
    first = their(**GIVEN.get(own.__name__, {}))
    item = keras.saving.serialize_keras_object(first)
    with reading(None):
        made = decode(item)
    assert type(made) is own
    again = keras.saving.deserialize_keras_object(encode(made, "float64"))
    assert type(again) is their
    assert plain(again.get_config()) == plain(first.get_config())


def test_what_a_case_says_is_taken_and_not_the_default() -> None:
    assert {*GIVEN} <= {own.__name__ for own, _ in CASES}
    for own, their in CASES:
        for name, value in GIVEN.get(own.__name__, {}).items():
            config = plain(their(**GIVEN[own.__name__]).get_config())
            with reading(None):
                item = keras.saving.serialize_keras_object(their(**GIVEN[own.__name__]))
                found = getattr(decode(item), name, None)
            if isinstance(value, float | int) and name in config:
                assert found == config[name], (own, name)


@pytest.mark.parametrize("name", sorted(known(minidl.activations.ActivationFunction)))
def test_activations(name: str) -> None:
    """By name, and as functions; those of minidl alone are refused."""
    layer = minidl.layers.Activation(name)
    function = getattr(keras.activations, name, None)
    if function is None:
        with pytest.raises(ValueError, match=f"Keras has no activation of the name '{name}'"):
            encode(layer)
        return
    for given in (name, function):
        item = keras.saving.serialize_keras_object(keras.layers.Activation(given))
        assert decode(item).function is layer.function
    again = keras.saving.deserialize_keras_object(encode(layer))
    assert again.activation is function


def test_layers_that_keras_calls_otherwise() -> None:
    for layer, name in ((minidl.layers.Sigmoid(), "sigmoid"), (minidl.layers.Tanh(), "tanh")):
        assert keras.saving.deserialize_keras_object(encode(layer)).activation.__name__ == name


def test_a_layer_as_an_activation() -> None:
    their = keras.layers.Dense(3, activation=keras.layers.LeakyReLU(0.25))
    own = decode(keras.saving.serialize_keras_object(their))
    assert own.activation.negative_slope == 0.25
    again = keras.saving.deserialize_keras_object(encode(own))
    assert again.activation.negative_slope == 0.25


def test_metrics_by_name_and_by_loss() -> None:
    binary, mse = minidl.losses.BinaryCrossentropy(), minidl.losses.MeanSquaredError()
    for given, expected in (
        ("accuracy", "accuracy"),
        ("acc", "accuracy"),
        ("mae", "MeanAbsoluteE"),
    ):
        made = minidl.metrics.get(given, binary if given[0] == "a" else mse)
        found = metric(made)
        assert (found if isinstance(found, str) else found["class_name"]).startswith(expected)
    huber = minidl.metrics.get(minidl.losses.Huber(2.0), mse)
    again = keras.saving.deserialize_keras_object(metric(huber))
    # Keras's own get_config leaves delta out.
    np.testing.assert_allclose(again([[0.0]], [[3.0]]), 2.0 * (3.0 - 1.0))


def test_names_are_looked_up_and_modules_are_not_imported() -> None:
    for module, name in (("this", "s"), ("keras.layers", "Lambda"), ("builtins", "eval")):
        item = {"module": module, "class_name": name, "config": {}, "registered_name": None}
        with reading(None), pytest.raises(ValueError, match=r"no gradient here|unknown class"):
            class_of(item)
    assert "this" not in sys.modules

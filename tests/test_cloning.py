"""Configurations of models: as dictionaries, as JSON, and made models again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers, regularizers
from minidl.models import clone_model, model_from_json


class Doubled(layers.Dense):
    """A class of somebody else's."""


def model() -> Any:
    return minidl.Sequential(
        [
            layers.Input((4,)),
            Doubled(6, "relu", kernel_regularizer=regularizers.L2(0.1)),
            layers.Dropout(0.25),
            layers.Dense(3),
        ]
    )


def test_json_and_back() -> None:
    made = model()
    made.layers[2].trainable = False
    text = made.to_json(indent=1)
    assert json.loads(text)["config"] == made.get_config()
    other = model_from_json(text, custom_objects={"Doubled": Doubled})
    assert other.get_config() == made.get_config()
    assert isinstance(other.layers[0], Doubled)
    assert not other.layers[2].trainable
    for wrong in ("{}", '{"class": "Sequential", "config": {}}', "[1]"):
        with pytest.raises(ValueError, match="expected"):
            model_from_json(wrong)
    with pytest.raises(ValueError, match="unknown class in the file"):
        model_from_json(text)
    # Nothing of minidl's is meant by a name with a package, however near it is.
    near = text.replace("Doubled", "Denser")
    hint = r"(; did you mean '\w+>\w+'\?)?"  # of another test's
    with pytest.raises(ValueError, match=rf"'[a-z_]+>Denser'{hint} \(of your own\?"):
        model_from_json(near)


def test_configurations_of_layers_and_of_models_not_built() -> None:
    made = minidl.Sequential([layers.Dense(3), layers.Dense(2)])
    assert made.get_config()["input_shape"] is None
    again = minidl.Sequential.from_config(made.get_config())
    assert not again.built
    dense = layers.Dense(3, "relu")
    dense.trainable = False
    other = layers.Dense.from_config(dense.get_config())
    assert other.get_config() == dense.get_config()
    assert not other.trainable


def test_a_clone_has_weights_and_penalties_of_its_own() -> None:
    made = model()
    clone = clone_model(made)
    assert [layer.name for layer in clone.layers] == [layer.name for layer in made.layers]
    assert not np.array_equal(clone.get_weights()[0], made.get_weights()[0])
    clone.set_weights(made.get_weights())
    np.testing.assert_array_equal(clone.predict(np.ones((2, 4))), made.predict(np.ones((2, 4))))
    made.layers[0].kernel_regularizer.l2 = 0.5
    assert clone.layers[0].kernel_regularizer.l2 == 0.1
    wider = clone_model(
        made, clone_function=lambda layer: layers.Dense(7) if layer.tensors else layers.ReLU()
    )
    assert [layer.output_shape for layer in wider.layers if wider.build() is None] == [(7,)] * 3

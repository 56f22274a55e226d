"""Networks that Hypothesis draws, through files of Keras: read by minidl and by Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import event, given, settings

import minidl
from minidl.model.cloning import clone
from minidl.testing.strategies import NetworkCase, networks
from tests.interop import keras_models

# TensorFlow keeps the slope of LeakyReLU, and constants of GELU, in float32, whatever the tensors
# are; through five layers that is some ten roundings of 6e-8.
RTOL = 1e-5
# What only minidl has; see test_keras_files.py.
OWN = ("Keras has no regularizer", "Keras has no activation")


def sequential(case: NetworkCase) -> Any:
    model = clone(minidl.Sequential, case.network)
    model.set_weights(case.network.get_weights())
    model.compile("adam", case.loss)
    return model


def as_keras(layer: dict[str, Any]) -> dict[str, Any]:
    """A layer's configuration; Keras has no layers Sigmoid and Tanh, and the functions."""
    if layer["class"] not in ("Sigmoid", "Tanh"):
        return layer
    config = {**layer["config"], "activation": layer["class"].lower()}
    return {"class": "Activation", "config": config}


@settings(max_examples=10)
@given(case=networks())
def test_random_networks(case: NetworkCase, tmp_path_factory: Any) -> None:
    path: Path = tmp_path_factory.mktemp("random") / "a.keras"
    model = sequential(case)
    try:
        model.save(path)
    except ValueError as error:
        refusals = [part for part in str(error).split("; ") if not any(o in part for o in OWN)]
        assert refusals == []
        event("refused")
        return
    event("written")
    own, their = minidl.load_model(path), keras_models.load(path)
    expected = model.predict(case.x)
    np.testing.assert_array_equal(own.predict(case.x), expected)
    np.testing.assert_allclose(their(case.x), expected, rtol=RTOL, atol=RTOL)
    before, after = minidl.saving.describe(model), minidl.saving.describe(own)
    assert after["loss"] == before["loss"]
    assert after["layers"] == [as_keras(each) for each in before["layers"]]

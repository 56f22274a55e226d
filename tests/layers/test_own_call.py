"""Layers of somebody else's with a ``call`` of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import layers

X = np.random.default_rng(3).normal(size=(64, 4))


class MonteCarlo(layers.Dropout):
    def call(self, inputs: Any, training: bool = False) -> Any:
        return super().call(inputs, training=True)


class Quiet(layers.Dropout):
    def call(self, inputs: Any) -> Any:
        return super().call(inputs, training=False)


class Product(layers.Dense):
    def call(self, inputs: Any) -> Any:
        return 2 * super().call(inputs)


class Changed(layers.ReLU):
    def call(self, inputs: Any) -> Any:
        return super().call(inputs + 1)


class Alone(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs * 2


class Scale(layers.Layer):
    """A call with the backward pass that belongs to it."""

    def call(self, inputs: Any) -> Any:
        return inputs * 2

    def backward(self, dy: Any) -> Any:
        return dy * 2


def model(*middle: Any) -> Any:
    minidl.utils.set_random_seed(1)
    made = minidl.Sequential(
        [layers.Input((4,)), layers.Dense(16, "relu"), *middle, layers.Dense(1)], dtype="float64"
    )
    made.compile(minidl.optimizers.SGD(0.05), "mse")
    return made


@pytest.mark.parametrize("executor", ["python", "blocks", "compiled"])
def test_a_call_that_changes_the_mode(executor: str) -> None:
    """Trains as the layer that it derives from; in inference it draws, anew in each pass."""
    minidl.backend.use("numpy", executor=executor)
    found = {}
    for kind in (MonteCarlo, layers.Dropout, Quiet, layers.Flatten):
        made = model(kind(*(() if kind is layers.Flatten else (0.5,))))
        made.fit(X, X[:, 0], batch_size=8, epochs=4, verbose=0)
        found[kind] = made
    for one, other in ((MonteCarlo, layers.Dropout), (Quiet, layers.Flatten)):
        for a, b in zip(found[one].get_weights(), found[other].get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    samples = [found[MonteCarlo].predict(X) for _ in range(2)] + [found[MonteCarlo](X)]
    assert not np.array_equal(samples[0], samples[1])
    assert not np.array_equal(samples[0], samples[2])
    np.testing.assert_array_equal(found[Quiet].predict(X), found[Quiet].predict(X))


def test_a_call_with_a_backward_of_its_own() -> None:
    made, same = model(Scale()), model(layers.Rescaling(2.0))
    for each in (made, same):
        each.fit(X, X[:, 0], verbose=0)
    for a, b in zip(made.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("layer", [Product(3), Changed(), Alone()], ids=repr)
def test_a_call_that_computes_needs_a_backward(layer: Any) -> None:
    for made in (model(layer), minidl.Sequential([layers.Input((4,)), type(layer)(
        *([3] if isinstance(layer, Product) else [])
    )])):  # fmt: skip
        with pytest.raises(TypeError, match=r"\.call computes something.*defines forward\(x"):
            made.predict(X)

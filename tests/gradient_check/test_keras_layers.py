"""Gradients of Keras's layers on TensorFlow, with planted mistakes."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.gradient_check import (
    GradientDtypeError,
    GradientError,
    GradientShapeError,
    KinkError,
    gradcheck,
)
from tests.oracle import keras, tf

X = np.random.default_rng(0).normal(size=(3, 4))


def names(result):
    return [check.label for check in result.checks]


class Scale(keras.layers.Layer):
    """y = scale · x, with a gradient of one's own."""

    def __init__(self, dscale, **options):
        super().__init__(dtype="float64", **options)
        self.dscale = dscale

    def build(self, shape):
        self.scale = self.add_weight(shape=shape[-1:], initializer="ones", name="scale")

    def call(self, x):
        dscale = self.dscale

        @tf.custom_gradient
        def scaled(x, scale):
            return x * scale, lambda dy: (dy * scale, dscale(dy, x))

        return scaled(x, tf.convert_to_tensor(self.scale))


def test_a_layer_is_right():
    found = gradcheck(Scale(lambda dy, x: tf.reduce_sum(dy * x, axis=0), name="own"), X)
    assert names(found)[:2] == ["training: own/scale", "training: input 0"]
    assert found.max_error < 1e-10


class Idle(keras.layers.Layer):
    """y = 2 x, with a weight that does nothing."""

    def build(self, shape):
        self.idle = self.add_weight(shape=(2,), name="idle")

    def call(self, x):
        return 2 * x


def test_a_weight_that_does_nothing_has_a_gradient_of_0():
    assert "training: own/idle" in names(gradcheck(Idle(dtype="float64", name="own"), X))


def test_a_wrong_layer_is_found():
    with pytest.raises(GradientError, match="own/scale") as error:
        gradcheck(Scale(lambda dy, x: tf.reduce_mean(dy * x, axis=0), name="own"), X)
    assert {failure.check.name for failure in error.value.failures} == {"own/scale"}
    with pytest.raises(GradientShapeError, match="gradient of own/scale: expected shape"):
        gradcheck(Scale(lambda dy, x: dy * x, name="own"), X)


@pytest.mark.thorough
def test_a_model_is_checked_in_both_modes_and_left_as_it_was():
    model = keras.Sequential(
        [
            keras.layers.Dense(4, "tanh", dtype="float64"),
            keras.layers.BatchNormalization(dtype="float64"),
            keras.layers.Dropout(0.4, dtype="float64"),
        ]
    )
    model.dtype_policy = "float64"
    model.build((None, 4))
    before = [keras.ops.convert_to_numpy(v) for v in model.variables]
    found = gradcheck(model, X)
    assert len([name for name in names(found) if name.startswith("training")]) == 6
    after = [keras.ops.convert_to_numpy(v) for v in model.variables]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_kink_is_named_and_another_precision_refused():
    with pytest.raises(KinkError, match=r"input 0\[0, 1\] = 0, slope 0 to the left"):
        gradcheck(keras.layers.ReLU(dtype="float64"), np.array([[1.0, 0.0]]))
    with pytest.raises(GradientDtypeError, match='expected a layer of dtype "float64"'):
        gradcheck(keras.layers.Dense(2, dtype="float32"), X)

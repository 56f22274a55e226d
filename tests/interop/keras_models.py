"""Keras's side of the tests of its files: models made, trained, written and read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.oracle import keras, tf

L = keras.layers


def trained_alike(optimizer: Any) -> Any:
    """A model of everything that a training moves: weights, statistics, tensors in other models."""
    inner = keras.Sequential([L.Input((6,)), L.Dense(5, use_bias=False)], name="inner")
    model = keras.Sequential(
        [
            L.Input((4,)),
            L.Dense(6, "tanh", kernel_regularizer="l2", kernel_constraint=keras.constraints.MaxNorm(2.0)),
            L.BatchNormalization(momentum=0.9),
            inner,
            L.PReLU(),
            L.Dense(3, activation="softmax", bias_regularizer=keras.regularizers.L1(0.25)),
        ]
    )
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.125)
    model.compile(optimizer, loss, metrics=["accuracy"])
    return model


def trainer(model: Any, x: np.ndarray, y: np.ndarray) -> Callable[[int], Any]:
    """A function that makes so many training steps, on the batches of x and y, (B, N, ...), in turn.

    One graph with a loop takes a tenth of the time of steps one by one.
    """
    x, y, variables = tf.constant(x), tf.constant(y), model.trainable_variables
    model.optimizer.build(variables)  # a graph can make no variables

    def step(k: Any) -> Any:
        batch = k % len(x)
        with tf.GradientTape() as tape:
            predictions = model(x[batch], training=True)
            value = model.compute_loss(x[batch], y[batch], predictions)
        gradients = tape.gradient(value, [each.value for each in variables])
        model.optimizer.apply(gradients, variables)
        return (k + 1,)

    @tf.function(autograph=False)
    def loop(count: Any) -> Any:
        return tf.while_loop(lambda k: k < count, step, (0,))

    return lambda count: loop(tf.constant(count))


def load(path: Any) -> Any:
    """The model in a file, without anything of one's own."""
    return keras.models.load_model(path)


def tensors(model: Any) -> list[np.ndarray]:
    """Weights by layer, trainable or not, then the optimizer's state."""
    own = [w for layer in model.layers for w in layer.get_weights()]
    return [*own, *(each.numpy() for each in model.optimizer.variables)]

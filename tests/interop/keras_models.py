"""Keras's side of the tests of its files: models made, trained, written and read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import minidl
from tests.oracle import keras, set_dtype, tf

L = keras.layers


def trained_alike(optimizer: Any) -> Any:
    """A model of everything that a training moves: weights, statistics, tensors in other models."""
    inner = keras.Sequential([L.Input((6,)), L.Dense(5, use_bias=False)], name="inner")
    model = keras.Sequential(
        [
            L.Input((4,)),
            L.Dense(
                6, "tanh", kernel_regularizer="l2", kernel_constraint=keras.constraints.MaxNorm(2.0)
            ),
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
    """A function that makes so many training steps.

    x and y, (B, N, ...), are the rows and targets of B batches, which are taken in turn. One
    graph with a loop takes a tenth of the time of steps one by one.
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


def functional() -> Any:
    """A model in the functional form, with models of both forms in it, compiled in many words."""
    inputs = L.Input((2, 3), name="pixels")
    x = L.Flatten()(L.Rescaling(0.5, 0.25)(inputs))
    x = L.Dense(5, activation=keras.activations.tanh)(L.Dropout(0.25)(x))
    first = keras.Sequential([L.Input((5,)), L.Dense(4), L.Dense(4, activation=L.ELU(0.5))])
    middle = L.Input((4,))
    second = keras.Model(middle, L.BatchNormalization()(L.Dense(4)(middle)))
    x = L.GaussianNoise(0.1)(second(first(x)), training=False)
    model = keras.Model(inputs, L.Dense(2, name="last")(L.UnitNormalization()(x)))
    model.compile(
        "rmsprop",
        keras.losses.mean_squared_error,
        metrics=["mae", keras.losses.mean_squared_error, keras.losses.MeanAbsoluteError()],
        weighted_metrics=[keras.metrics.RootMeanSquaredError()],
        loss_weights=0.5,
    )
    return model


def frozen() -> Any:
    """A model of which one layer does not train, with an optimizer's state after two steps."""
    model = keras.Sequential([L.Input((4,)), L.Dense(5), L.Dense(3, activation="softmax")])
    model.layers[0].trainable = False
    model.compile(keras.optimizers.SGD(0.125, momentum=0.5), "categorical_crossentropy")
    return model


def normalized(x: np.ndarray, given: dict[str, float]) -> Any:
    """A model of one mean and one variance for all features, given or those of x."""
    layer = L.Normalization(axis=None, **given)
    if not given:
        layer.adapt(x)
    return keras.Sequential([L.Input(x.shape[1:]), layer])


def lacking() -> Any:
    """A model with four layers that minidl lacks."""
    return keras.Sequential(
        [
            L.Input((4, 4, 1)),
            L.Conv2D(2, 2, name="edges"),
            L.Lambda(lambda x: x + 1, name="plus"),
            L.Flatten(),
            L.Dense(3),
            L.Dropout(0.5, noise_shape=(None, 3), name="dropped"),
            Doubled(name="doubled"),
        ]
    )


@keras.saving.register_keras_serializable("tests")
class Doubled(L.Layer):
    """A layer of somebody's own."""

    def call(self, x: Any) -> Any:
        return x * 2


def doubled() -> Any:
    """A model with a layer of somebody's own."""
    return keras.Sequential([L.Input((3,)), L.Dense(2), Doubled()])


def branched() -> Any:
    """A model of layers that minidl has, with two ways through it."""
    inputs = L.Input((3,))
    x = L.Dense(3, name="left")(inputs)
    L.Dense(3, name="right")(inputs)
    y = L.Dense(3, name="other")(inputs)
    return keras.Model(inputs, [x, y])


def twice() -> Any:
    """A model of one layer that is called twice."""
    inputs, layer = L.Input((3,)), L.Dense(3, name="again")
    return keras.Model(inputs, layer(layer(inputs)))


def half() -> Any:
    """A model that computes in float16."""
    return keras.Sequential([L.Input((3,)), L.Dense(2, dtype="mixed_float16")])


def unbuilt() -> Any:
    """A model of unknown input shape."""
    return keras.Sequential([L.Dense(2)])


def single() -> Any:
    """A model in float32, beside the float64 of the others."""
    return keras.Sequential([L.Input((3,), dtype="float32"), L.Dense(2, dtype="float32")])


def shared() -> Any:
    """A model with one Dense for each of two rows within a row."""
    return keras.Sequential([L.Input((2, 3)), L.Dense(2, name="words")])


def with_foreign_arguments() -> Any:
    """Layers that minidl has, with a regularizer and a function that it lacks."""
    regularizer = keras.regularizers.OrthogonalRegularizer()
    return keras.Sequential(
        [
            L.Input((3,)),
            L.Dense(2, kernel_regularizer=regularizer, name="square"),
            L.Dense(2, activation=lambda x: x, name="own"),
        ]
    )


def with_own_loss() -> Any:
    """A model compiled with a loss of somebody's own."""
    model = keras.Sequential([L.Input((3,)), L.Dense(2)])
    model.compile("adam", lambda y, p: keras.ops.mean(y - p, -1))
    return model


def mine(y: Any, p: Any) -> Any:
    """A metric of somebody's own."""
    return keras.ops.mean(keras.ops.cast(y, p.dtype) - p, -1)


def with_own_metrics() -> Any:
    """A model that has trained for a step, with metrics that minidl has, and others."""
    model = keras.Sequential([L.Input((3,)), L.Dense(2)])
    others = [mine, keras.metrics.MeanIoU(2, name="overlap")]
    model.compile("adam", "mse", metrics=["mae", *others], weighted_metrics=["mse", mine])
    model.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
    return model


def digits() -> Any:
    """The model of docs/do/bring_your_keras_model.md, trained for ten epochs on minidl's digits."""
    (x, y), _ = minidl.datasets.digits.load_data()
    keras.utils.set_random_seed(0)
    set_dtype("float32")
    model = keras.Sequential(
        [
            L.Input((8, 8)),
            L.Flatten(),
            L.Rescaling(1 / 255),
            L.Dense(32, activation="relu"),
            L.Dropout(0.2),
            L.Dense(10, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x, y, epochs=10, verbose=0)
    return model


if __name__ == "__main__":
    digits().save(sys.argv[1])

"""Keras, on TensorFlow or on JAX: ``compile`` and one long ``fit``, from NumPy arrays.

``jit_compile="auto"`` is Keras's own choice and compiles with XLA on both. Forty steps run
between two calls of callbacks (``steps_per_execution``). Measured, forty steps were nearly twice as
fast as one step on TensorFlow and a seventh faster on JAX; more steps were no faster. Losses are
taken from logits, which saves the softmax. Rows are float32, scaled before, and dense.
"""

from __future__ import annotations

from typing import Any

import keras

from benchmarks.train.data import Rows
from benchmarks.train.gate import Gate
from benchmarks.train.jobs import Job, Optimizer

STEPS_PER_EXECUTION = 40
EPOCHS = 10**6  # the gate ends the training


class Turns(keras.callbacks.Callback):
    """Waits at the gate before each epoch."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self.gate = gate

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.gate.wait()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        assert logs is not None
        self.gate.done(logs["loss"], logs["accuracy"])


def build(job: Job) -> Any:
    """The job's network, compiled."""
    layers, regularizers = keras.layers, keras.regularizers
    model = keras.Sequential([keras.Input((job.inputs,))])
    for layer in job.hidden:
        penalty = regularizers.L1L2(layer.l1, layer.l2) if layer.l1 or layer.l2 else None
        before = layer.normalized == "before"
        activation = None if before else layer.activation
        model.add(layers.Dense(layer.units, activation, kernel_regularizer=penalty))
        if layer.normalized:
            model.add(layers.BatchNormalization())
        if before:
            model.add(layers.Activation(layer.activation))
        if layer.dropout:
            model.add(layers.Dropout(layer.dropout))
    penalty = regularizers.L2(job.output_l2) if job.output_l2 else None
    model.add(layers.Dense(job.outputs, kernel_regularizer=penalty))
    if job.outputs > 1:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        accuracy = keras.metrics.SparseCategoricalAccuracy("accuracy")
    else:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        accuracy = keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)  # of the logit
    model.compile(
        optimizer(job.optimizer),
        loss,
        metrics=[accuracy],
        jit_compile="auto",
        steps_per_execution=min(STEPS_PER_EXECUTION, len(job.batches)),
    )
    return model


def optimizer(chosen: Optimizer) -> Any:
    """The job's optimizer; all other constants are Keras's defaults."""
    rate = chosen.learning_rate
    if chosen.name == "sgd":
        return keras.optimizers.SGD(rate, chosen.momentum, nesterov=True)
    return {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}[chosen.name](rate)


def train(job: Job, rows: Rows, gate: Gate) -> None:
    """Train epochs as the gate asks."""
    model = build(job)
    x, y = rows.dense, rows.targets
    gate.ready(sum(int(keras.ops.size(weight)) for weight in model.trainable_weights))
    model.fit(x, y, batch_size=job.batch, epochs=EPOCHS, verbose=0, callbacks=[Turns(gate)])

"""minidl, as a user writes: ``compile`` and ``fit``.

Pixels stay uint8 in memory and are scaled in the network; reviews are CSR rows where the job
says so, and dense otherwise. The executor is minidl's own choice.
"""

from __future__ import annotations

from typing import Any

import minidl
from benchmarks.train.data import Rows
from benchmarks.train.gate import Gate
from benchmarks.train.jobs import IMAGES, Job, Optimizer
from benchmarks.train.peers import GPU, device, tf32
from minidl.callbacks import LambdaCallback
from minidl.layers import Activation, BatchNormalization, Dense, Dropout, Rescaling

EPOCHS = 10**6  # the gate ends the training


def build(job: Job) -> minidl.Sequential:
    """The job's network, compiled and built."""
    layers: list[Any] = [minidl.Input((job.inputs,))]
    if job.data == IMAGES:
        layers.append(Rescaling(1 / 255))
    for layer in job.hidden:
        penalty = minidl.regularizers.L1L2(layer.l1, layer.l2) if layer.l1 or layer.l2 else None
        before = layer.normalized == "before"
        activation = None if before else layer.activation
        layers.append(Dense(layer.units, activation, kernel_regularizer=penalty))
        if layer.normalized:
            layers.append(BatchNormalization())
        if before:
            layers.append(Activation(layer.activation))
        if layer.dropout:
            layers.append(Dropout(layer.dropout))
    penalty = minidl.regularizers.L2(job.output_l2) if job.output_l2 else None
    output = "softmax" if job.outputs > 1 else "sigmoid"
    layers.append(Dense(job.outputs, output, kernel_regularizer=penalty))
    model = minidl.Sequential(layers)
    loss = "sparse_categorical_crossentropy" if job.outputs > 1 else "binary_crossentropy"
    model.compile(optimizer(job.optimizer), loss, metrics=["accuracy"])
    model.build()
    return model


def optimizer(chosen: Optimizer) -> minidl.optimizers.Optimizer:
    """The job's optimizer; all other constants are minidl's defaults, the same as Keras's."""
    if chosen.name == "sgd":
        return minidl.optimizers.SGD(chosen.learning_rate, chosen.momentum, nesterov=True)
    kinds = {"adam": minidl.optimizers.Adam, "rmsprop": minidl.optimizers.RMSprop}
    return kinds[chosen.name](chosen.learning_rate)


def train(job: Job, rows: Rows, gate: Gate) -> None:
    """Train epochs as the gate asks."""
    if device() == GPU:
        minidl.backend.use("cupy", tf32=tf32())
    model = build(job)
    x = rows.csr if job.sparse else rows.pixels if job.data == IMAGES else rows.dense
    turns = LambdaCallback(
        on_epoch_begin=lambda epoch, logs: gate.wait(),
        on_epoch_end=lambda epoch, logs: gate.done(logs["loss"], logs["accuracy"]),
    )
    gate.ready(model.theta.size, executor=minidl.backend.executor)
    y = rows.labels
    model.fit(x, y, batch_size=job.batch, epochs=EPOCHS, callbacks=turns, verbose=0)

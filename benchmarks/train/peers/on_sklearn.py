"""scikit-learn: ``MLPClassifier.partial_fit``, an epoch a call.

``warm_start`` would begin each call with a new optimizer, so Adam would forget its averages every
epoch. Training is in float32, like the rows. scikit-learn computes no accuracy in training, so
scikit-learn has less work. ``alpha`` stands for alpha / 2 · Σ w² for each row of a batch, hence
2 · l2 · batch here. Jobs that scikit-learn cannot express are left out.
"""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.train.data import Rows
from benchmarks.train.gate import Gate
from benchmarks.train.jobs import Job

ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}


def train(job: Job, rows: Rows, gate: Gate) -> None:
    """Train epochs as the gate asks."""
    chosen = job.optimizer
    model = MLPClassifier(
        [layer.units for layer in job.hidden],
        activation=ACTIVATIONS[job.hidden[0].activation],
        solver=chosen.name,
        alpha=2 * job.output_l2 * job.batch,
        batch_size=job.batch,
        learning_rate_init=chosen.learning_rate,
        momentum=chosen.momentum,
        epsilon=1e-7,
    )
    # Reviews as CSR rows, the fastest form.
    x = rows.csr if job.sparse else rows.dense
    classes = np.arange(max(2, job.outputs))
    gate.ready(job.parameters)
    while True:
        gate.wait()
        model.partial_fit(x, rows.labels, classes=classes)
        gate.done(model.loss_, None)

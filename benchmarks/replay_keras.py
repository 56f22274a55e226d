"""The tutorials' experiments on Keras, beside minidl.

    python -m benchmarks.replay_keras 004 basic --seeds 3

Runs the networks of ``examples/replays`` on minidl and on Keras 3 with TensorFlow, from the same
data. If both engines miss a published number, then data or versions cause the difference, not the
engine. With ``--out docs/replays`` Keras's numbers enter the table there.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND="tensorflow")

import keras
import tensorflow as tf

from examples.replays import catalogue, report, results, running
from examples.replays.results import Record, Store
from examples.replays.session import Data, Session
from minidl import checks
from minidl.callbacks import History


class KerasSession(Session):
    """A run on Keras. Rows are dense."""

    keras = keras

    def set_seed(self) -> None:
        # Keras takes the seeds of weights and masks from here. keras.utils.set_random_seed would
        # seed TensorFlow too, whose data set then comes in one and the same order every epoch.
        random.seed(self.seed)

    def rows(self, x: Any) -> Any:
        return x.toarray() if hasattr(x, "toarray") else x

    def labels(self, y: Any) -> Any:
        return y.reshape(-1, 1)

    def published_loop(
        self, model: Any, optimizer: Any, train: Data, test: Data, epochs: int, batch_size: int
    ) -> History:
        """Train as in the base class, with ``tf.GradientTape``."""
        optimizer.build(model.trainable_variables)

        def loss(images: Any, labels: Any) -> Any:
            outputs = model(images, training=True)
            return tf.reduce_mean(keras.losses.categorical_crossentropy(labels, outputs))

        @tf.function
        def accuracy(images: Any, labels: Any) -> Any:
            found = tf.argmax(model(images, training=False), 1)
            return tf.reduce_mean(tf.cast(found == tf.argmax(labels, 1), tf.float32))

        @tf.function
        def step(images: Any, labels: Any) -> tuple[Any, Any]:
            with tf.GradientTape() as tape:
                value = loss(images, labels)
            gradients = tape.gradient(value, model.trainable_variables)
            optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
            return loss(images, labels), accuracy(images, labels)

        generator = np.random.default_rng(self.seed)
        history = History()
        epochs = self.epochs(epochs)
        (x, y), (x_test, y_test) = train, test
        with self._bar(epochs) as bar:
            for epoch in range(epochs):
                order = generator.permutation(len(x))
                parts = [order[k : k + batch_size] for k in range(0, len(x), batch_size)]
                values = [[float(v) for v in step(x[rows], y[rows])] for rows in parts]
                shares = [
                    float(accuracy(x_test[k : k + batch_size], y_test[k : k + batch_size]))
                    for k in range(0, len(x_test), batch_size)
                ]
                means = [*np.mean(values, axis=0), np.mean(shares)]
                names = ("loss", "accuracy", "val_accuracy")
                history.on_epoch_end(epoch, dict(zip(names, map(float, means), strict=True)))
                bar.update()
        return history


def main() -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(description="Run the tutorials' experiments on Keras too.")
    parser.add_argument("tutorial", help="000 … 004, or all")
    parser.add_argument("names", nargs="*", help="experiments of the tutorial; default, all")
    parser.add_argument("--epochs", type=int, help="instead of the tutorial's")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--corrected", action="store_true", help="the tutorial's slip mended")
    parser.add_argument("--out", type=Path, help="folder whose table shall show Keras's numbers")
    options = parser.parse_args()
    options.quick, options.backend = False, "numpy"
    try:
        # Experiments without epochs have nothing to compare.
        chosen = [e for e in catalogue.find(options.tutorial, options.names) if e.epochs]
        checks.integer("--seeds", options.seeds, 1)
        if options.epochs is not None:
            checks.integer("--epochs", options.epochs, 1)
    except ValueError as error:
        parser.error(str(error))
    stores = [Store(options.out), Store(options.out, running.KERAS)] if options.out else []
    command = shlex.join(["python", "-m", "benchmarks.replay_keras", *sys.argv[1:]])
    for experiment in chosen:
        corrected = options.corrected and bool(experiment.correction)
        ours, _ = running.replay(experiment, corrected, options, command)
        options.backend = "tensorflow"
        theirs, _ = running.replay(experiment, corrected, options, command, KerasSession)
        options.backend = "numpy"
        print(f"\n{beside(ours, theirs)}\n", flush=True)
        if stores:
            stores[1].add(theirs)
            running.write_tables(stores[0], stores[1].records)
    return 0


def beside(ours: Record, theirs: Record) -> str:
    """minidl's numbers and Keras's, each with a verdict on the band."""
    spread = len(ours.seeds) > 1
    head = "".join(f"{name:>12}" for name in ("published", "band", "minidl", "Keras"))
    lines = [f"{report.heading(ours)}; Keras {theirs.seconds:.1f} s", f"{'':<32}{head}"]
    for mine, other in zip(results.rows(ours), results.rows(theirs), strict=True):
        quantity, digits = mine.quantity, mine.quantity.digits
        cells = [report.number(quantity.published, digits), report.band(quantity)]
        cells += [report.number(row.measured, digits) for row in (mine, other)]
        line = f"  {quantity.name:<30}" + "".join(f"{cell:>12}" for cell in cells)
        if spread:
            found = (report.number(row.spread, digits) for row in (mine, other))
            line += f"  spread {' and '.join(found)}"
        if mine.within is not None:
            line += f"  within: {report.verdict(mine)}, Keras {report.verdict(other)}"
        lines.append(line)
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

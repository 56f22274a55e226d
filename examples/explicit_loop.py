"""The training loop written out, without compile and fit.

    python examples/explicit_loop.py

Trains 784-256-128-10 (ReLU, softmax, Adam, batches of 100) on Fashion-MNIST. A step is
forward, loss, backward, penalties, update; an epoch is a pass over the shuffled batches.
Printed are the averages of each epoch: training loss, training accuracy, test accuracy.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import minidl
from minidl import checks, datasets
from minidl.layers import Dense, Flatten

Data = tuple[np.ndarray, np.ndarray]


def main() -> int:
    """Run the example; the exit status."""
    options = parse_arguments()
    try:
        minidl.backend.use(options.backend)
        splits = getattr(datasets, options.dataset).load_data()
    except (minidl.backend.BackendUnavailableError, datasets.DataFileError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    train, test = (prepare(images, labels) for images, labels in splits)

    minidl.utils.set_random_seed(options.seed)
    random = np.random.default_rng(options.seed)
    model = build(train[0].shape[1:], options.l2)
    model.summary()
    rate = options.learning_rate
    if options.decay:
        # Half the rate every ten epochs. A step of the schedule is one update.
        steps = -(-len(train[0]) // options.batch_size)
        rate = minidl.optimizers.schedules.ExponentialDecay(rate, 10 * steps, 0.5, staircase=True)
    optimizer = minidl.optimizers.Adam(learning_rate=rate)
    # Softmax and cross-entropy together have the gradient p - t at the logits, also where p is 0 or
    # 1 to rounding.
    loss = minidl.losses.CategoricalCrossentropy().joined_to(model)
    try:
        for epoch in range(options.epochs):
            averages = run_epoch(model, loss, optimizer, train, test, options.batch_size, random)
            values = ", ".join(f"{name} {value:.4f}" for name, value in averages.items())
            print(f"epoch {epoch + 1}: {values}", flush=True)
    except KeyboardInterrupt:
        print("\nInterrupted.")
        return 130
    return 0


def prepare(images: np.ndarray, labels: np.ndarray) -> Data:
    """Pixels 0 … 255 as float32 in 0 … 1, class numbers as one-hot rows."""
    return images.astype(np.float32) / 255, minidl.utils.to_categorical(labels, 10)


def build(shape: tuple[int, ...], l2: float = 0.0) -> minidl.Sequential:
    """The network, with l2 · Σ w² on each kernel."""

    def penalty() -> minidl.regularizers.Regularizer | None:
        return minidl.regularizers.l2(l2) if l2 else None

    return minidl.Sequential(
        [
            minidl.Input(shape=shape),
            Flatten(),
            Dense(256, activation="relu", kernel_regularizer=penalty()),
            Dense(128, activation="relu", kernel_regularizer=penalty()),
            Dense(10, activation="softmax", kernel_regularizer=penalty()),
        ]
    )


def step(model: Any, loss: Any, optimizer: Any, images: Any, labels: Any) -> tuple[Any, Any]:
    """One step; the batch's loss, penalties included, and accuracy, both before the update.

    ``minidl.train_step`` is what ``fit`` calls, too: seven lines, to be read in ``minidl/step.py``.
    """
    value, penalty, predictions = minidl.train_step(model, loss, optimizer, images, labels)
    return value + penalty, accuracy(predictions, labels)


def accuracy(outputs: Any, labels: Any) -> Any:
    """Share of rows whose largest output is the label's; 0-d."""
    return np.mean(np.argmax(outputs, axis=1) == np.argmax(labels, axis=1))


def batches(
    model: Any,
    images: np.ndarray,
    labels: np.ndarray,
    size: int,
    random: np.random.Generator | None = None,
) -> Iterator[tuple[Any, Any]]:
    """The rows in batches where the model computes, in a new order if there is a ``random``."""
    order = np.arange(len(images)) if random is None else random.permutation(len(images))
    for start in range(0, len(images), size):
        rows = order[start : start + size]
        yield model.backend.to_device(images[rows]), model.backend.to_device(labels[rows])


def run_epoch(
    model: Any,
    loss: Any,
    optimizer: Any,
    train: Data,
    test: Data,
    batch_size: int,
    random: np.random.Generator,
    step: Callable[..., tuple[Any, Any]] = step,
) -> dict[str, float]:
    """One pass over the training data, a step a batch; the averages over the batches."""
    # Sums of 0-d arrays stay on the device: nothing waits for a value before the epoch's end.
    total_loss = train_accuracy = test_accuracy = 0.0
    count = test_count = 0
    for images, labels in batches(model, *train, batch_size, random):
        value, right = step(model, loss, optimizer, images, labels)
        total_loss = total_loss + value
        train_accuracy = train_accuracy + right
        count += 1
    for images, labels in batches(model, *test, batch_size):
        test_accuracy = test_accuracy + accuracy(model.forward(images), labels)
        test_count += 1
    return {
        "loss": float(total_loss) / count,
        "train accuracy": float(train_accuracy) / count,
        "test accuracy": float(test_accuracy) / test_count,
    }


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Train a network with the loop written out.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--epochs", type=int, default=5, help="passes over the data")
    parser.add_argument("--batch-size", type=int, default=100, help="rows a step")
    parser.add_argument("--learning-rate", type=float, default=0.001, help="of Adam")
    parser.add_argument("--decay", action="store_true", help="halve the rate every ten epochs")
    parser.add_argument("--l2", type=float, default=0.0, help="penalty on the kernels")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random")
    known = "fashion_mnist", "digits"
    parser.add_argument("--dataset", choices=known, default=known[0], help="images")
    backend = os.environ.get("MINIDL_BACKEND") or "numpy"
    parser.add_argument("--backend", choices=("numpy", "cupy"), default=backend, help="CPU or GPU")
    options = parser.parse_args()
    try:
        checks.integer("--epochs", options.epochs, 1)
        checks.integer("--batch-size", options.batch_size, 1)
        checks.real("--learning-rate", options.learning_rate, 0)
        checks.real("--l2", options.l2, 0)
        checks.seed(options.seed)
    except ValueError as error:
        parser.error(str(error))
    return options


if __name__ == "__main__":
    sys.exit(main())

"""Dropout on Fashion-MNIST: one network with dropout and one without, side by side.

    python examples/fmnist_dropout.py

Trains 784-256-10 (ReLU, Adam, batches of 512) twice from the same weights on the same
batches, once with half of the hidden units dropped at each step. Prints losses and
accuracies, and writes curves, predictions, first-layer weights, history.csv and both models.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tqdm import tqdm

import minidl
from minidl import checks, datasets
from minidl.callbacks import Callback, History
from minidl.layers import Dense, Dropout, Flatten, Rescaling

VALIDATION = 0.1


def main() -> int:
    """Run the example; the exit status."""
    options = parse_arguments()
    try:
        minidl.backend.use(options.backend)
        data = load(options.dataset, options.data_dir)
        options.out.mkdir(parents=True, exist_ok=True)
    # DataNotFoundError and an --out that cannot be made are OSErrors.
    except (minidl.backend.BackendUnavailableError, datasets.DataFileError, OSError) as error:
        print(error, file=sys.stderr)
        return 1

    (x_train, y_train), (x_test, y_test) = data.splits
    kept = len(x_train) - int(len(x_train) * VALIDATION)
    train, validation = (x_train[:kept], y_train[:kept]), (x_train[kept:], y_train[kept:])
    print(
        f"{data.name}: {kept:,} images to train on, {len(x_train) - kept:,} for validation, "
        f"{len(x_test):,} for test; backend {minidl.backend.current().name}, formulas by "
        f"{minidl.backend.executor}"
    )

    runs: dict[str, History] = {}
    rows, interrupted = [], False
    for name, rate in (("without dropout", 0.0), (f"dropout {options.rate:g}", options.rate)):
        # The same seed for both: the same initial weights and the same order of images.
        minidl.utils.set_random_seed(options.seed)
        model = build(x_train.shape[1:], len(data.class_names), rate)
        progress = EpochBar(name)
        try:
            model.fit(
                *train,
                batch_size=options.batch_size,
                epochs=options.epochs,
                validation_data=validation,
                callbacks=progress,
                verbose=0,
            )
        except KeyboardInterrupt:
            interrupted = True
        if model.history is None or not model.history.epoch:
            break
        runs[name] = model.history
        scores = {
            part: model.evaluate(*arrays, verbose=0)
            for part, arrays in (
                ("train", train),
                ("validation", validation),
                ("test", (x_test, y_test)),
            )
        }
        rows.append((name, scores, progress.seconds / len(model.history.epoch)))
        stem = name.replace(" ", "-")
        model.save(options.out / f"{stem}.npz")
        if not options.no_plots:
            draw(model, data, x_test, y_test, options.out, stem)
        if interrupted:
            break
    if interrupted:
        print("\nInterrupted; what follows is from the epochs that were finished.")
    if not runs:
        print("No epoch was finished: nothing to show.")
        return 130
    print_table(rows)
    write_history(runs, options.out / "history.csv")
    if not options.no_plots:
        minidl.plotting.plot_history(runs).savefig(options.out / "curves.png", dpi=130)
    print(f"Written to {options.out}: {', '.join(sorted(p.name for p in options.out.iterdir()))}")
    return 130 if interrupted else 0


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Train one network with and without dropout, and compare.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--epochs", type=int, default=30, help="of each training")
    parser.add_argument("--rate", type=float, default=0.5, help="share of hidden units dropped")
    parser.add_argument("--batch-size", type=int, default=512, help="rows a step")
    parser.add_argument("--seed", type=int, default=0, help="of all that is random")
    backend = os.environ.get("MINIDL_BACKEND") or "numpy"
    parser.add_argument("--backend", choices=("numpy", "cupy"), default=backend, help="CPU or GPU")
    known = "auto", "fashion_mnist", "digits"
    parser.add_argument("--dataset", choices=known, default=known[0], help="auto: what is there")
    parser.add_argument("--data-dir", type=Path, help="folder with the Fashion-MNIST files")
    parser.add_argument("--out", type=Path, default=Path("outputs/fmnist_dropout"), help="folder")
    parser.add_argument("--no-plots", action="store_true", help="write no pictures")
    options = parser.parse_args()
    try:
        checks.integer("--epochs", options.epochs, 1)
        checks.real("--rate", options.rate, 0, 1)
        checks.integer("--batch-size", options.batch_size, 1)
        checks.seed(options.seed)
    except ValueError as error:
        parser.error(str(error))
    return options


def load(name: str, folder: Path | None) -> SimpleNamespace:
    """The data set asked for; with "auto", the digits where Fashion-MNIST cannot be had."""
    if name != "digits":
        try:
            splits = datasets.fashion_mnist.load_data(folder)
            return SimpleNamespace(
                name="Fashion-MNIST", splits=splits, class_names=datasets.fashion_mnist.CLASS_NAMES
            )
        except datasets.DataNotFoundError as error:
            if name == "fashion_mnist":
                raise
            print(f"{error}\n\nGoing on with scikit-learn's handwritten digits instead.\n")
    return SimpleNamespace(
        name="digits",
        splits=datasets.digits.load_data(),
        class_names=[str(digit) for digit in range(10)],
    )


def build(shape: tuple[int, ...], classes: int, rate: float) -> minidl.Sequential:
    """The network: 256 ReLU units between the pixels, 0 … 255, and the classes."""
    model = minidl.Sequential(
        [
            minidl.Input(shape=shape),
            Flatten(),
            Rescaling(1 / 255),
            Dense(256, activation="relu"),
            Dropout(rate),
            Dense(classes, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class EpochBar(Callback):
    """A progress bar over the epochs of one run, with their seconds."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seconds = 0.0

    def on_train_begin(self, logs: Any) -> None:
        self.bar = tqdm(total=self.params["epochs"], desc=f"{self.name:<16}", unit="epoch")

    def on_epoch_begin(self, epoch: int, logs: Any) -> None:
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.seconds += time.perf_counter() - self.start
        self.bar.set_postfix(loss=f"{logs['loss']:.4f}", val_loss=f"{logs['val_loss']:.4f}")
        self.bar.update()

    def on_train_end(self, logs: Any) -> None:
        self.bar.close()


def print_table(rows: list[tuple[str, dict[str, Any], float]]) -> None:
    """Losses and accuracies in inference, after the last epoch."""
    parts = ("train", "validation", "test")
    print(f"\n{'':<16}" + "".join(f"{part:>18}" for part in parts) + f"{'gap':>18}{'':>11}")
    print(f"{'':<16}" + f"{'loss':>10}{'acc.':>8}" * 4 + f"{'s/epoch':>11}")
    for name, scores, seconds in rows:
        values = [scores[part] for part in parts]
        # The generalisation gap: the test loss less the training loss.
        values.append(
            [scores["test"][0] - scores["train"][0], scores["train"][1] - scores["test"][1]]
        )
        cells = "".join(f"{loss:>10.4f}{accuracy:>8.4f}" for loss, accuracy in values)
        print(f"{name:<16}{cells}{seconds:>11.2f}")
    print()


def write_history(runs: dict[str, History], path: Path) -> None:
    """Every run's values at each epoch, a line each."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        names = list(next(iter(runs.values())).history)
        writer.writerow(["run", "epoch", *names])
        for run, history in runs.items():
            for k, epoch in enumerate(history.epoch):
                writer.writerow([run, epoch + 1, *(history.history[name][k] for name in names)])


def draw(
    model: minidl.Sequential, data: SimpleNamespace, x: Any, y: Any, out: Path, stem: str
) -> None:
    """Predictions for the first test images, and the first layer's weights."""
    plotting = minidl.plotting
    figure = plotting.plot_predictions(x[:15], model.predict(x[:15]), y[:15], data.class_names)
    figure.savefig(out / f"{stem}-predictions.png", dpi=110)
    kernel = model.get_weights()[0]
    figure = plotting.plot_weights(kernel, x.shape[1:])
    figure.savefig(out / f"{stem}-weights.png", dpi=80)


if __name__ == "__main__":
    sys.exit(main())

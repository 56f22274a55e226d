"""The error of a numeric slope against h, which explains the choice of the gradient check.

    python -m benchmarks.gradient_check_step

The gradient check uses h = 2⁻⁹ and one Richardson step. Derivatives are taken along random unit
vectors, of sigmoid (random weights on the outputs) and of softmax cross-entropy from logits, 8 × 10
entries, float64. The methods are the central difference D(h), one Richardson step
(4 D(h) - D(2h)) / 3, and two steps. The error is the largest over the directions, relative to the
root mean square of the gradient. The benchmark prints the table, writes
``benchmarks/results/gradient_check_step.json`` and draws
``docs/images/gradient_check_step.png``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.artist import Artist

from benchmarks.machine import describe
from minidl import activations, losses
from minidl.gradient_check.directions import random_direction, rms
from minidl.gradient_check.slopes import STEP
from minidl.plotting import style

RESULTS = Path(__file__).parent / "results"
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "gradient_check_step.png"
METHODS = ("plain", "one step", "two steps")
LABELS = ("plain difference", "one extrapolation", "two extrapolations")
SHAPE = (8, 10)

#: terms of a sum at x, and the gradient of the sum
Case = tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Measure the error of numeric slopes.")
    parser.add_argument("--directions", type=int, default=200)
    parser.add_argument("--smallest", type=int, default=27, help="steps go down to 2 to minus this")
    options = parser.parse_args()

    steps = [2.0**-k for k in range(1, options.smallest + 1)]
    table = {
        name: curve(make, steps, options.directions)
        for name, make in (("sigmoid", sigmoid), ("softmax cross-entropy", crossentropy))
    }
    for name, errors in table.items():
        print(f"{name:<22}" + "".join(f"{method:>12}" for method in METHODS))
        for k, step in enumerate(steps):
            row = "".join(f"{errors[method][k]:>12.1e}" for method in METHODS)
            print(f"  2^-{k + 1:<3} = {step:<12.2e}{row}{'   <- used' * (step == STEP)}")
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "gradient_check_step.json"
    result = {"machine": describe(), "steps": steps, "largest relative error": table}
    path.write_text(json.dumps(result, indent=2) + "\n")
    draw(table, steps)
    print(f"written to {path} and {PICTURE}")


def sigmoid(x: np.ndarray, random: np.random.Generator) -> Case:
    """Outputs with random weights."""
    dy, dx = random.normal(size=SHAPE), np.empty(SHAPE)
    function = activations.sigmoid
    function.backward(dy, function(x), out=dx)
    return lambda x: dy * function(x), dx


def crossentropy(x: np.ndarray, random: np.random.Generator) -> Case:
    """A cross-entropy for each row, from logits."""
    labels = random.integers(0, SHAPE[1], SHAPE[0])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    loss.forward(x, labels)
    gradient = loss.backward() * len(x)
    return lambda x: losses.sparse_categorical_crossentropy(labels, x, True), gradient


def curve(
    make: Callable[[np.ndarray, np.random.Generator], Case], steps: list[float], directions: int
) -> dict[str, list[float]]:
    """For each method, the largest error at each step."""
    random = np.random.default_rng(0)
    errors = np.zeros((len(METHODS), len(steps)))
    for _ in range(directions):
        x = 2 * random.normal(size=SHAPE)
        terms, gradient = make(x, random)
        u = random_direction(random, SHAPE)
        right = float(np.sum(gradient * u))
        for k, step in enumerate(steps):
            apart = np.abs(np.array(slopes(terms, x, u, step)) - right) / rms(gradient)
            errors[:, k] = np.maximum(errors[:, k], apart)
    return {method: row.tolist() for method, row in zip(METHODS, errors, strict=True)}


def slopes(
    terms: Callable[[np.ndarray], np.ndarray], x: np.ndarray, u: np.ndarray, h: float
) -> tuple[float, float, float]:
    """The slope along u by each method."""
    one, two, four = (
        float(np.sum(terms(x + k * h * u) - terms(x - k * h * u))) / (2 * k * h) for k in (1, 2, 4)
    )
    fine, coarse = (4 * one - two) / 3, (4 * two - four) / 3
    return one, fine, (16 * fine - coarse) / 15


def draw(table: dict[str, dict[str, list[float]]], steps: list[float]) -> None:
    """Both functions side by side."""
    figure = style.figure(9, 3.6)
    axes = figure.subplots(1, len(table), sharey=True)
    handles: list[Artist] = []
    for axis, (name, errors) in zip(axes, table.items(), strict=True):
        style.frame(axis)
        looks = zip(METHODS, LABELS, style.COLOURS, style.MARKERS, strict=False)
        handles = [
            axis.loglog(
                steps, errors[method], label=label, base=10, color=colour, marker=marker,
                markersize=4, markevery=(place, len(METHODS)),
            )[0]
            for place, (method, label, colour, marker) in enumerate(looks)
        ]  # fmt: skip
        handles.append(axis.axvline(STEP, color="0.4", linestyle=":", label="the step in use"))
        axis.set(title=name, xlabel="step h")
    axes[0].set_ylabel("largest relative error")
    style.legend(figure, handles)
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()

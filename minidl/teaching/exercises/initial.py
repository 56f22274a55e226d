"""The grade of random initial weights: their shape, mean, limit and deviation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# Of 24,000 numbers or more the deviation is known to half a percent.
SIZES = ((150, 200), (400, 60), (60, 400))
PRECISION = 0.03

# Deviations of other formulas, by the number of inputs and of outputs.
KNOWN: dict[str, tuple[Callable[[int, int], float], str]] = {
    "limit taken for the deviation": (
        lambda i, o: float(np.sqrt(6 / (i + o))),
        "√(6 / (inputs + outputs)) is the limit of a uniform distribution, and here its deviation.",
    ),
    "He's": (
        lambda i, o: float(np.sqrt(2 / i)),
        "√(6 / inputs) is He's limit, for ReLU: Glorot's has inputs + outputs.",
    ),
    "LeCun's": (
        lambda i, o: float(np.sqrt(1 / i)),
        "√(3 / inputs) is LeCun's limit: Glorot's is √(6 / (inputs + outputs)).",
    ),
    "outputs only": (
        lambda i, o: float(np.sqrt(2 / o)),
        "inputs is missing under the root: the limit has inputs + outputs.",
    ),
    "deviation for the limit": (
        lambda i, o: float(np.sqrt(2 / (i + o) / 3)),
        "√(2 / (inputs + outputs)) is the deviation, and here the limit, √3 times as large as it.",
    ),
    "root forgotten": (
        lambda i, o: 6 / (i + o) / np.sqrt(3),
        "The limit is the root of 6 / (inputs + outputs).",
    ),
    "half the range": (
        lambda i, o: float(np.sqrt(2 / (i + o)) / 2),
        "The numbers go over half of the range: from -limit to limit, not from 0.",
    ),
    "neither scaled": (lambda i, o: 1.0, "The numbers are standard normal, whatever the sizes."),
    "uniform in ±1": (
        lambda i, o: float(np.sqrt(1 / 3)),
        "The numbers are uniform in ±1, whatever the sizes.",
    ),
    "uniform in 0 … 1": (
        lambda i, o: float(np.sqrt(1 / 12)),
        "The numbers are uniform in 0 … 1, whatever the sizes.",
    ),
}


def glorot_uniform(function: Callable[..., Any]) -> tuple[str, str]:
    """The name of the problem with a student's function, or "", and a sentence."""
    measured = []
    for inputs, outputs in SIZES:
        try:
            W = np.asarray(function(inputs, outputs, np.random.default_rng(1)))
            again = np.asarray(function(inputs, outputs, np.random.default_rng(1)))
        except Exception as error:  # any exception becomes a sentence
            return "exception", f"for {inputs} inputs it raised {type(error).__name__}: {error}."
        if W.shape != (inputs, outputs) or W.dtype.kind != "f":
            what = f"{W.dtype} of shape {W.shape}"
            return (
                "shape",
                f"expected real numbers of shape ({inputs}, {outputs}), received {what}.",
            )
        if not np.array_equal(W, again):
            text = "the same rng gives other numbers the second time: draw from rng alone."
            return "not deterministic", text
        measured.append((inputs, outputs, W))
    scales = [W.std() / np.sqrt(2 / (i + o)) for i, o, W in measured]
    means = [abs(W.mean()) / max(W.std(), 1e-300) for i, o, W in measured]
    if max(means) > PRECISION:
        return "mean", f"the mean is {measured[0][2].mean():.3g}, expected about 0."
    if max(abs(scale - 1) for scale in scales) > PRECISION:
        return _deviation(measured)
    beyond = [bool(np.any(abs(W) > np.sqrt(6 / (i + o)))) for i, o, W in measured]
    if any(beyond):
        text = "the deviation is right, but numbers lie beyond the limit: the distribution is to be"
        return "not uniform", f"{text} uniform."
    off = max(abs(scale - 1) for scale in scales)
    return (
        "",
        f"correct. Mean, deviation and limit are Glorot's; the deviation is off by {off:.1%}.",
    )


def _deviation(measured: list[tuple[int, int, Any]]) -> tuple[str, str]:
    for name, (formula, why) in KNOWN.items():
        if all(abs(W.std() / formula(i, o) - 1) < PRECISION for i, o, W in measured):
            return name, f"wrong by a known mistake, {name}. {why}"
    inputs, outputs, W = measured[0]
    wanted = np.sqrt(2 / (inputs + outputs))
    text = f"the deviation is {W.std():.3g} for {inputs} inputs and {outputs} outputs, expected"
    return "deviation", f"{text} {wanted:.3g}."

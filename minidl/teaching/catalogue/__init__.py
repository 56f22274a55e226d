"""The kernels that can be diagnosed, and the table of known mistakes.

A mistake is one row of four texts: the kernels, the name of the mistake, the wrong formula, and
the mistake in a sentence. In a formula for ``every`` backward, ``gradient`` stands for each
output, and ``vector`` for each output of one axis.
"""

from __future__ import annotations

import re

from minidl.teaching.catalogue import (
    activations,
    gated,
    habits,
    layernorm,
    layers,
    losses,
    rare,
    stages,
    steps,
)
from minidl.teaching.catalogue.kernels import ALL
from minidl.teaching.kernel import Kernel, Mistake

# fmt: off
MISTAKES = [
    *layers.MISTAKES, *activations.MISTAKES, *gated.MISTAKES, *rare.MISTAKES,
    *losses.MISTAKES, *layernorm.MISTAKES, *stages.MISTAKES, *steps.MISTAKES,
    *habits.MISTAKES,
    ("every", "wrong sign", "gradient = -gradient",
     "Every entry has the right size and the other sign, so that a step of descent climbs."),
    ("every", "left out", "gradient = zeros_like(gradient)",
     "All entries are 0, those of an array that was made and never filled."),
    ("every", "axis kept", "vector = vector[None, :]",
     "The values are right in a shape of (1, O): the sum over the rows kept its axis."),
]
# fmt: on


def rows_of(kernel: str) -> list[tuple[str, str, str]]:
    """The rows of the table for one kernel, or for "every": name, wrong formula, sentence."""
    return [(name, text, why) for kernels, name, text, why in MISTAKES if kernel in kernels.split()]


def _with_mistakes(kernel: Kernel) -> Kernel:
    rows = rows_of(kernel.name)
    gradients = kernel.outputs if kernel.function.endswith("_backward") else {}
    for output, axes in gradients.items():
        stands = r"\b(gradient|vector)\b" if len(axes) == 1 else r"\bgradient\b"
        common = ((name, re.sub(stands, output, text), why) for name, text, why in rows_of("every"))
        rows += [row for row in common if "vector" not in row[1]]
    kernel.mistakes = [Mistake(*row) for row in rows]
    return kernel


KERNELS: dict[str, Kernel] = {
    kernel.name: _with_mistakes(kernel) for kernel in (*ALL, *stages.KERNELS, *steps.KERNELS)
}

"""The exercises' files: signature, shapes and formulas are the engine's, the body is a hole."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from minidl.backend import use
from minidl.teaching.catalogue import KERNELS
from minidl.teaching.exercises.course import EXERCISES, Exercise
from minidl.teaching.kernel import AXES, Kernel
from minidl.teaching.verdict import listed

WIDTH = 88

# Sizes by which an axis is known in a shape.
SIZES = dict(zip(AXES, (11, 13, 17, 19), strict=True))

ABOUT = {
    "dy": "the gradient of the loss at y",
    "x": "the input",
    "y": "the forward's output",
    "t": "the targets",
    "W": "the weights",
    "dW": "the gradient of the loss at W",
    "p": "probabilities",
    "mask": "True where the element stayed",
    "x_hat": "x̂, the normalized input",
    "mean": "the mean of the batch",
    "variance": "the variance of the batch",
    "theta": "the parameters",
    "grad": "the gradient at theta",
    "velocity": "what the steps before have gathered; 0 at first",
    "m": "the running mean of grad; 0 at first",
    "v": "the running mean of grad²; 0 at first",
    "step": "the number of this step, from 1",
    "f": "a function of an array, which gives a number",
    "gradient": "a function of theta, x and t, which gives the gradient at theta",
}

GLOROT = '''def glorot_uniform(inputs, outputs, rng):
    """Return W, (inputs, outputs).

    Args:
        inputs, outputs: numbers of units.
        rng: a numpy.random.Generator.
    """
    raise NotImplementedError("glorot_uniform is not written yet")
'''

README = """# Exercises

Each file has a function with a hole for your lines, in NumPy. Check one exercise, or all:

    minidl exercises check sigmoid
    minidl exercises check
    minidl exercises check --watch

The answer is a sentence: right, and how exactly; or the mistake. Axes are N rows, I inputs, O
outputs (units) and K classes. A function may leave out an argument that follows from the rest.
`backward(dout, cache)`, as in Stanford's CS231n, is understood, too: write the forward that returns
`(out, cache)` into the same file, under the backward's name with `_forward` at the end.

`minidl exercises check` names the next exercise in the order of the course, docs/learn. By parts:

"""


def text_of(exercise: Exercise) -> str:
    """The file of an exercise."""
    functions = [_function(KERNELS[kernel]) for kernel in exercise.kernels] or [GLOROT]
    return "\n\n".join([f'"""{_head(exercise)}\n"""\n\nimport numpy as np\n', *functions])


def write(folder: Path) -> list[str]:
    """Write the files that are not there yet; the names of the exercises written.

    Raises:
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {exercise.name: text_of(exercise) for exercise in EXERCISES.values()}
    new = [name for name in texts if not (folder / f"{name}.py").exists()]
    for name in new:
        (folder / f"{name}.py").write_text(texts[name], encoding="utf-8")
    if not (folder / "README.md").exists():
        (folder / "README.md").write_text(README + _order(), encoding="utf-8")
    return new


def _order() -> str:
    parts: dict[str, list[str]] = {}
    for exercise in EXERCISES.values():
        parts.setdefault(exercise.part, []).append(f"`{exercise.name}`")
    lines = [f"- {part}: {', '.join(names)}" for part, names in parts.items()]
    return "\n".join(textwrap.fill(line, 96, subsequent_indent="  ") for line in lines) + "\n"


def _head(exercise: Exercise) -> str:
    paragraphs = [f"{exercise.name}: an exercise.", exercise.task]
    told = [_told(forward) for forward in exercise.forwards]
    if told:
        backward = exercise.part != "optimizers"
        paragraphs += ["Forward:" if backward else "The step, where ← stands for the new value:"]
    wrapped = [textwrap.fill(paragraph, WIDTH) for paragraph in paragraphs]
    check = f"Check: minidl exercises check {exercise.name}"
    return "\n\n".join([*wrapped, *(textwrap.indent(text, "    ") for text in told), check])


def _told(function: Callable[..., Any]) -> str:
    """A docstring of the engine without the arguments, which only the engine's function has."""
    return (inspect.getdoc(function) or "").partition("\n\nArgs:")[0]


def _function(kernel: Kernel) -> str:
    lines = [f"Return {listed(f'{o}, {_axes(axes)}' for o, axes in kernel.outputs.items())}."]
    lines += ["", "Args:", *(f"    {line}" for line in _arguments(kernel))]
    further = [name for name in kernel.extras if name not in kernel.signature]
    if further:
        lines += ["", f"You may add to the arguments, by name: {', '.join(further)}."]
    wrapped = "\n".join(
        textwrap.fill(line, WIDTH - 4, subsequent_indent="        ") if line else ""
        for line in lines
    )
    body = f'"""{wrapped}\n"""\nraise NotImplementedError("{kernel.function} is not written yet")'
    head = f"def {kernel.function}({', '.join(kernel.signature)}):"
    return f"{head}\n{textwrap.indent(body, '    ')}\n"


def _arguments(kernel: Kernel) -> list[str]:
    """A line for each argument: the shape, found from a draw, and a few words."""
    with use("numpy", executor="python"):
        drawn = kernel.draw(np.random.default_rng(0), {a: SIZES[a] for a in kernel.letters})
        shapes = {name: _shape(drawn[name]) for name in kernel.signature}
    about = {**ABOUT, "y": "the predictions"} if "t" in kernel.signature else ABOUT
    return [
        f"{name}: {', '.join(filter(None, (shape, about.get(name))))}."
        for name, shape in shapes.items()
    ]


def _shape(value: Any) -> str:
    if callable(value):
        return ""
    letters = {size: axis for axis, size in SIZES.items()}
    return _axes([letters[n] for n in np.shape(value)]) if np.ndim(value) else "a number"


def _axes(axes: Any) -> str:
    return f"({', '.join(axes)}{',' * (len(axes) == 1)})"

"""Lines and files of the book, the door and the accelerator: ``python -m tests.house``.

The book is what computes a network. A first reader reads the files of which the five tutorials run
a function (``tests/tutorials``). The rest of the book is what they leave alone, and what computes
nothing itself: it lists or looks up names, puts layers in a row, checks what a user passes, hands
over batches, or makes sure that a training can be interrupted, repeated and watched. The
cross-entropies of probabilities stand in the rest, too: a step by hand takes them where ``fit``
takes those of logits. So does what no tutorial asks an optimizer for: to clip, decay, gather or
average.

Of all lines, code is what is left without blank lines, comments, docstrings and imports.
"""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1] / "minidl"

#: In the order of docs/understand/reading.md, which says what each is about.
READ_FIRST = [
    # A step.
    "step", "kernels/__init__", "kernels/dense", "kernels/sums", "parameters", "layers/base",
    "layers/dense", "network/stack", "network/passes",
    # Between the products.
    "kernels/activations", "activations/functions", "layers/activation", "layers/flatten",
    "kernels/dropout", "layers/drawing", "layers/dropout", "kernels/batchnorm", "layers/affine",
    "layers/batchnorm", "initializers/scaled",
    # What is minimised.
    "kernels/losses", "losses/base", "losses/crossentropies",
    "kernels/penalties", "regularizers/norms", "network/penalties",
    # What moves the weights.
    "kernels/updates", "optimizers/base", "optimizers/sgd", "optimizers/rmsprop",
    "optimizers/adam", "optimizers/learning_rate", "optimizers/schedule", "optimizers/exponential",
    # Through the data.
    "metrics/base", "metrics/accuracies", "metrics/loss_metrics", "model/compiling",
    "training/objective", "data/batches", "training/loop", "model/sequential", "model/evaluation",
]  # fmt: skip
PARTS = {
    "book, read first": READ_FIRST,
    "book, the rest": [
        "activations", "callbacks", "checks", "constraints", "data", "initializers", "kernels",
        "layers", "losses", "metrics", "model/arguments", "model/feeding", "model/inference",
        "model/on_batch", "names", "network", "optimizers", "regularizers", "seeds", "training",
    ],
    "door": ["backend"],
    "accelerator": ["accelerator"],
    "about the book": ["gradient_check", "testing", "teaching"],
}  # fmt: skip
BESIDE = "beside the book"

_NO_CODE = (
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENCODING, tokenize.ENDMARKER,
)  # fmt: skip


class Count(NamedTuple):
    """Files, all lines, and lines of code."""

    files: int = 0
    lines: int = 0
    code: int = 0


def part_of(path: Path) -> str:
    """Name of the part in which a file stands: a file that is named, or else its folder."""
    full = path.relative_to(ROOT).with_suffix("").as_posix()
    for name in (full, full.partition("/")[0]):
        for part, names in PARTS.items():
            if name in names:
                return part
    return BESIDE


def code_lines(source: str) -> int:
    """Lines that are neither blank nor a comment, a docstring or an import."""
    found: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            found.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.Import | ast.ImportFrom) or text:
            found.difference_update(range(node.lineno, (node.end_lineno or 0) + 1))
    return len(found)


def count() -> dict[str, Count]:
    """Files and lines of each part."""
    found = dict.fromkeys([*PARTS, BESIDE], Count())
    for path in ROOT.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        files, lines, code = found[part_of(path)]
        more = Count(files + 1, lines + len(source.splitlines()), code + code_lines(source))
        found[part_of(path)] = more
    return found


def longest() -> list[tuple[int, str]]:
    """Lines of the files with more than 300, most first."""
    sizes = [(len(p.read_text(encoding="utf-8").splitlines()), p) for p in ROOT.rglob("*.py")]
    return sorted(((n, str(p.relative_to(ROOT))) for n, p in sizes if n > 300), reverse=True)


if __name__ == "__main__":
    for part, (files, lines, code) in count().items():
        print(f"{part:<18}{files:>4} files {lines:>6} lines {code:>6} of code")
    for lines, name in longest():
        print(f"more than 300 lines: {name}, {lines}")

"""Lines and files of the book, the door and the accelerator: ``python -m tests.house``.

The book is what computes a network; the five tutorials need the part that a first reader reads.
Blank lines, comments and docstrings count.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1] / "minidl"

READ_FIRST = [
    "kernels", "layers", "losses", "metrics", "optimizers", "activations", "initializers",
    "regularizers", "penalties", "parameters", "stack", "network", "step", "objective",
    "loop", "compiling", "inference", "training", "arguments", "data", "batches",
]  # fmt: skip
BOOK = [
    "callbacks", "checks", "custom", "lookup", "register", "seeds", "models", "whole_step", "undo",
    "moved", "beside", "weights",
    # Of the folders above what the tutorials do not need.
    "kernels/distances", "kernels/margins", "kernels/reductions",
    "losses/distances", "losses/hinges", "losses/focal", "losses/further",
    "losses/own", "losses/reductions",
    "kernels/constraints", "kernels/layernorm", "kernels/noise", "kernels/normalization",
    "kernels/prelu", "kernels/unitnorm", "layers/alpha_dropout", "layers/answers",
    "layers/elsewhere", "layers/layernorm", "layers/noise", "layers/normalization",
    "layers/passing", "layers/prelu", "layers/unitnorm", "activities", "constraints",
    "kernels/adaptive", "kernels/averaging", "kernels/counts", "kernels/erfc", "kernels/gated",
    "kernels/focal", "kernels/piecewise", "kernels/smooth",
    "initializers/constants", "metrics/at_least", "metrics/confusion", "metrics/curves",
    "metrics/distances", "metrics/scores", "metrics/thresholds", "optimizers/accumulation",
    "optimizers/adadelta", "optimizers/adagrad", "optimizers/adamax", "optimizers/answers",
    "optimizers/averages", "optimizers/configuration", "optimizers/ftrl", "optimizers/lion",
    "optimizers/variables", "optimizers/count", "optimizers/decaying", "optimizers/applying",
    "optimizers/cosine", "metrics/weights", "layers/arguments",
    "layers/interface", "layers/own_call", "metrics/means", "metrics/results", "metrics/rows",
]  # fmt: skip
PARTS = {
    "book, read first": READ_FIRST,
    "book, the rest": BOOK,
    "door": ["backend"],
    "accelerator": ["accelerator"],
    "about the book": ["gradient_check", "testing", "teaching"],
}
BESIDE = "beside the book"


def part_of(path: Path) -> str:
    """Name of the part in which a file stands."""
    full = path.relative_to(ROOT).with_suffix("").as_posix()
    for name in (full, full.partition("/")[0]):
        for part, names in PARTS.items():
            if name in names:
                return part
    return BESIDE


def count() -> dict[str, tuple[int, int]]:
    """Files and lines of each part."""
    found = dict.fromkeys([*PARTS, BESIDE], (0, 0))
    for path in ROOT.rglob("*.py"):
        files, lines = found[part_of(path)]
        more = len(path.read_text(encoding="utf-8").splitlines())
        found[part_of(path)] = files + 1, lines + more
    return found


def longest() -> list[tuple[int, str]]:
    """Lines of the files with more than 300, most first."""
    sizes = [(len(p.read_text(encoding="utf-8").splitlines()), p) for p in ROOT.rglob("*.py")]
    return sorted(((n, str(p.relative_to(ROOT))) for n, p in sizes if n > 300), reverse=True)


if __name__ == "__main__":
    for part, (files, lines) in count().items():
        print(f"{part:<18}{files:>4} files {lines:>6} lines")
    for lines, name in longest():
        print(f"more than 300 lines: {name}, {lines}")

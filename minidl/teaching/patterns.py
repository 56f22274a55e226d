"""Findings about a wrong output that no known formula explains.

The output may be a multiple of something known, or right but for a row or a column. Else the
finding shows the first wrong entries, and a pattern in the ratios to the right values.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from minidl.teaching.compare import TOLERANCE, Trial, agreement, distance, expected
from minidl.teaching.verdict import Explanation, Finding

# The number of trials that have to show a factor or a place.
ENOUGH = 3
POWERS = range(-3, 4)
# The largest relative error of an output that is called imprecise.
NEARLY = 0.01
# The index of entries, rows and columns by name.
ENDS = {"first": 0, "last": -1, "second": 1, "third": 2, "last but one": -2}


def malformed(trials: Sequence[Trial], output: str) -> Finding | None:
    """No array of floating-point numbers, or another shape."""
    for trial in trials:
        result, right = trial.results[output], trial.right[output]
        if isinstance(result, Finding):
            return result
        if result.shape != right.shape:
            same = result.size == right.size
            same = same and np.all(agreement(result.reshape(right.shape), right))
            hint = ", though its values are right" if same else ""
            text = f"of shape {result.shape}, expected {right.shape}, for {trial}{hint}."
            return Finding(("shape",), text)
    return None


def factor(trials: Sequence[Trial], output: str, explanation: Explanation) -> str | None:
    """The factor between an explanation and the output: a constant, or times sizes of axes."""
    ratios = []
    for trial in trials:
        result = trial.results[output]
        base = expected(trial.right, output, explanation, result)
        if base is None or base.shape != result.shape:
            return None
        if np.any(np.isfinite(result) & ~np.isfinite(base)):
            return None
        counts = np.isfinite(base) & ~trial.right["kink"]
        base, result = base[counts], result[counts]
        size = float(np.sum(base * base))
        ratio = float(np.sum(base * result)) / size if size > TOLERANCE else 0.0
        if not np.all(agreement(result, ratio * base)):
            return None
        if size > TOLERANCE:
            ratios.append((trial.sizes, ratio))
    if len(ratios) < ENOUGH:
        return None
    letters = trials[0].right.kernel.letters
    every = itertools.product(POWERS, repeat=len(letters))
    for powers in sorted(every, key=lambda powers: sum(map(abs, powers))):
        constants = [r / np.prod([float(s[a]) ** k for a, k in zip(letters, powers, strict=True)])
                     for s, r in ratios]  # fmt: skip
        constant = float(np.median(constants))
        if constant and np.allclose(constants, constant, rtol=10 * TOLERANCE, atol=0):
            if not any(powers) and abs(abs(constant) - 1) < 10 * TOLERANCE:
                return None  # imprecise, but no multiple
            return _product(constant, dict(zip(letters, powers, strict=True)))
    return None


def _product(constant: float, powers: dict[str, int]) -> str:
    """``2 · N / O²``."""
    above, below = (
        [a + ("", "²", "³")[abs(k) - 1] for a, k in powers.items() if k * sign > 0]
        for sign in (1, -1)
    )
    number = [f"{constant:.6g}"] if abs(constant - 1) > 1e-6 or not above else []
    return " · ".join(number + above) + (f" / {' / '.join(below)}" if below else "")


def place(trials: Sequence[Trial], output: str) -> Finding | None:
    """A row, column, entry, border or kink: the only place where an output is wrong."""
    wrong = [_wrong(trial, output) for trial in trials]
    if sum(bool(w.any()) for w in wrong) < ENOUGH:
        return None
    regions = [
        {**_regions(w.shape), "the kink, at exactly 0": t.right["kink"]}
        for t, w in zip(trials, wrong, strict=True)
    ]
    for name in regions[0]:
        masks = [region[name] for region in regions]
        if all(not np.any(w & ~m) for w, m in zip(wrong, masks, strict=True)):
            results = (trial.results[output] for trial in trials)
            values = np.concatenate([r[w] for r, w in zip(results, wrong, strict=True)])
            common = "" if np.any(np.isfinite(values)) else ", where it is not finite"
            common = common if np.any(values) else ", where it is 0"
            return Finding(("wrong in one place",), f"right but for {name}{common}.")
    return None


def _wrong(trial: Trial, output: str) -> Any:
    return ~agreement(trial.results[output], trial.right[output])


def _regions(shape: tuple[int, ...]) -> dict[str, Any]:
    """Masks of an array's regions by name, small regions first; a missing region is empty."""
    lines = [
        {name: np.arange(n) == (k if k >= 0 else n + k) for name, k in ENDS.items()} for n in shape
    ]
    if len(lines) == 1:
        return {f"the {name} entry": mask for name, mask in lines[0].items()}
    every = np.ones(shape, dtype=bool)
    rows = {name: mask[:, None] & every for name, mask in lines[0].items()}
    columns = {name: mask & every for name, mask in lines[1].items()}
    return {
        **{
            f"one entry, in the {row} row and the {column} column": rows[row] & columns[column]
            for row, column in itertools.product(ENDS, repeat=2)
        },
        **{f"the {name} row": mask for name, mask in rows.items()},
        **{f"the {name} column": mask for name, mask in columns.items()},
        "the diagonal": np.eye(*shape, dtype=bool),
        "the border: the first and last rows and columns": (
            rows["first"] | rows["last"] | columns["first"] | columns["last"]
        ),
    }


def not_finite(trials: Sequence[Trial], output: str) -> Finding | None:
    """NaN or infinity where the right value is a number; all right values are."""
    for trial in trials:
        result = trial.results[output]
        bad = np.argwhere(~np.isfinite(result))
        if len(bad):
            entry = f"{output}[{', '.join(map(str, bad[0]))}] is {result[tuple(bad[0])]}"
            text = f"not finite in {len(bad)} of {result.size} entries for {trial}: {entry}."
            return Finding(("not finite",), text)
    return None


def imprecise(trials: Sequence[Trial], output: str) -> Finding | None:
    """An output that is nearly right."""
    error = max(float(np.max(distance(t.results[output], t.right[output]))) for t in trials)
    why = "float16, a coarse difference, or a constant that does not belong there"
    text = f"right to a relative error of {error:.1e} only, more than float32 rounds: {why}."
    return Finding(("imprecise",), text) if error <= NEARLY else None


def unknown(trials: Sequence[Trial], output: str) -> Finding:
    """The first wrong entries of an output, and a pattern in the ratios to the right values."""
    wrong = [trial for trial in trials if np.any(_wrong(trial, output))]
    result, right = wrong[0].results[output], wrong[0].right[output]
    entries = "; ".join(
        f"{output}[{', '.join(map(str, index))}] is {result[tuple(index)]:.6g}, expected "
        f"{right[tuple(index)] + 0.0:.6g}"
        for index in np.argwhere(_wrong(wrong[0], output))[:3]
    )
    every = len(wrong) == len(trials)
    where = "all inputs" if every else f"{len(wrong)} of {len(trials)} inputs"
    text = f"wrong in a way that is not known, on {where}; first for {wrong[0]}: {entries}"
    return Finding(("unknown",), f"{text}; {_pattern(trials, output)}.")


def _pattern(trials: Sequence[Trial], output: str) -> str:
    """The ratios to the right values: equal in an input, row or column, or only signs wrong."""
    pairs = [(t.results[output], t.right[output]) for t in trials]
    one_factor: dict[Any, str] = {None: "in each input", 1: "each row", 0: "each column"}
    for axis, what in one_factor.items():
        several = axis is None or pairs[0][1].ndim == 2
        if several and all(_proportional(result, right, axis) for result, right in pairs):
            return f"{what} by a factor of its own"
    if all(np.all(agreement(np.abs(result), np.abs(right))) for result, right in pairs):
        return "the sizes are right and only signs are wrong"
    return "the ratios to the right values follow no pattern"


def _proportional(result: Any, right: Any, axis: int | None) -> bool:
    """True if a result is a multiple of the right result, along ``axis`` or altogether."""
    size = np.sum(right * right, axis=axis, keepdims=True)
    ratio = np.sum(result * right, axis=axis, keepdims=True) / np.where(size > 0, size, 1)
    return bool(np.all(agreement(result, ratio * right)))

"""What can be said of a wrong output that no known formula explains.

Whether it is a multiple of something known, or right but for a row or a column; and if nothing
of the kind, where it is wrong first and what the ratios to the right values look like.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl.testing.diagnosis.calling import Malformed
from minidl.testing.diagnosis.compare import (
    TOLERANCE,
    Explanation,
    agreement,
    distance,
    expected,
    kinks,
)
from minidl.testing.diagnosis.trials import Trial

# A factor has to be seen in so many trials before it is believed.
ENOUGH = 3
POWERS = range(-3, 4)
# Up to this relative error an output is called imprecise and not wrong.
NEARLY = 0.01
PLACES = {0: "first", -1: "last", 1: "second", 2: "third", -2: "last but one"}


class Fit(NamedTuple):
    """A pattern in a wrong output: its name, and what is to be said after "dx is"."""

    name: str
    text: str


def malformed(trials: Sequence[Trial], output: str) -> Fit | None:
    """No array of floating-point numbers, or one of another shape."""
    for trial in trials:
        result = trial.results[output]
        if isinstance(result, Malformed):
            return Fit(result.name, result.text)
    for trial in trials:
        result, right = trial.results[output], trial.right[output]
        if result.shape != right.shape:
            same = result.size == right.size and np.all(
                agreement(result.reshape(right.shape), right)
            )
            hint = ", though its values are right" if same else ""
            return Fit(
                "shape", f"of shape {result.shape}, expected {right.shape}, for {trial}{hint}"
            )
    return None


def factor(trials: Sequence[Trial], output: str, explanation: Explanation) -> Fit | None:
    """A constant, or a constant times sizes of axes, by which an explanation is off."""
    ratios = _ratios(trials, output, explanation)
    if ratios is None or len(ratios) < ENOUGH:
        return None
    letters = trials[0].right.kernel.letters
    for powers in sorted(itertools.product(POWERS, repeat=len(letters)), key=_length):
        constants = [
            ratio / np.prod([float(sizes[a]) ** k for a, k in zip(letters, powers, strict=True)])
            for sizes, ratio in ratios
        ]
        constant = float(np.median(constants))
        if constant and np.allclose(constants, constant, rtol=10 * TOLERANCE, atol=0):
            text = _product(constant, dict(zip(letters, powers, strict=True)))
            return Fit(f"factor {text}", text)
    return None


def _length(powers: tuple[int, ...]) -> int:
    return sum(map(abs, powers))


def _product(constant: float, powers: dict[str, int]) -> str:
    """``2 · N / O²``."""
    above, below = (
        [a + ("", "²", "³")[abs(k) - 1] for a, k in powers.items() if k * sign > 0]
        for sign in (1, -1)
    )
    number = [f"{constant:.6g}"] if abs(constant - 1) > 1e-6 or not above else []
    return " · ".join(number + above) + (f" / {' / '.join(below)}" if below else "")


def _ratios(
    trials: Sequence[Trial], output: str, explanation: Explanation
) -> list[tuple[dict[str, int], float]] | None:
    """The factor in each trial that has one; None where the output is no multiple."""
    ratios = []
    for trial in trials:
        result = trial.results[output]
        base = expected(trial.right, output, explanation, result)
        if base is None or base.shape != result.shape:
            return None
        finite = np.isfinite(base)
        if np.any(np.isfinite(result) & ~finite):
            return None
        counts = finite & ~kinks(trial)
        base, result = base[counts], result[counts]
        size = float(np.sum(base * base))
        ratio = float(np.sum(base * result)) / size if size > TOLERANCE else 0.0
        if not np.all(agreement(result, ratio * base)):
            return None
        if size > TOLERANCE:
            ratios.append((trial.sizes, ratio))
    return ratios


def place(trials: Sequence[Trial], output: str) -> Fit | None:
    """The row, column, entry or border outside of which an output is right everywhere."""
    wrong = [_wrong(trial, output) for trial in trials]
    if sum(bool(w.any()) for w in wrong) < ENOUGH:
        return None
    for name, region in _places(wrong[0].ndim):
        regions = [region(w.shape) for w in wrong]
        inside = all(not np.any(w & ~r) for w, r in zip(wrong, regions, strict=True))
        if inside and any(not r.all() for r in regions):
            values = [t.results[output][w] for t, w in zip(trials, wrong, strict=True)]
            return Fit("wrong in one place", f"right but for {name}{_all(np.concatenate(values))}")
    if all(not np.any(w & ~kinks(t)) for t, w in zip(trials, wrong, strict=True)):
        return Fit("wrong in one place", "right but at the kink, at exactly 0")
    return None


def _all(values: Any) -> str:
    """What wrong values have in common."""
    if not np.any(values):
        return ", where it is 0"
    return "" if np.any(np.isfinite(values)) else ", where it is not finite"


def _wrong(trial: Trial, output: str) -> Any:
    return ~agreement(trial.results[output], trial.right[output])


def _places(dimensions: int) -> Iterator[tuple[str, Any]]:
    """Regions of an array, the small ones first: a name, and the mask for a shape."""
    if dimensions == 1:
        for index, name in PLACES.items():
            yield f"the {name} entry", _Band({0: index})
        return
    for (row, row_name), (column, column_name) in itertools.product(PLACES.items(), repeat=2):
        yield (
            f"one entry, in the {row_name} row and the {column_name} column",
            _Band({0: row, 1: column}),
        )
    for axis, what in ((0, "row"), (1, "column")):
        for index, name in PLACES.items():
            yield f"the {name} {what}", _Band({axis: index})
    yield "the diagonal", _diagonal
    yield "the border: the first and last rows and columns", _border


class _Band(NamedTuple):
    """The mask of the entries with given indices along given axes; none if they do not exist."""

    indices: dict[int, int]

    def __call__(self, shape: tuple[int, ...]) -> Any:
        mask = np.zeros(shape, dtype=bool)
        if all(-shape[axis] <= index < shape[axis] for axis, index in self.indices.items()):
            mask[tuple(self.indices.get(axis, slice(None)) for axis in range(len(shape)))] = True
        return mask


def _diagonal(shape: tuple[int, ...]) -> Any:
    return np.eye(*shape, dtype=bool)


def _border(shape: tuple[int, ...]) -> Any:
    mask = np.ones(shape, dtype=bool)
    mask[1:-1, 1:-1] = False
    return mask


def not_finite(trials: Sequence[Trial], output: str) -> Fit | None:
    """NaN or infinity where the right value is a number, as all of them are."""
    for trial in trials:
        result = trial.results[output]
        bad = np.argwhere(~np.isfinite(result))
        if len(bad):
            entry = ", ".join(map(str, bad[0]))
            return Fit(
                "not finite",
                f"not finite in {len(bad)} of {result.size} entries for {trial}: "
                f"{output}[{entry}] is {result[tuple(bad[0])]}",
            )
    return None


def imprecise(trials: Sequence[Trial], output: str) -> Fit | None:
    """An output that is nearly right."""
    error = max(float(np.max(distance(t.results[output], t.right[output]))) for t in trials)
    if error > NEARLY:
        return None
    return Fit(
        "imprecise",
        f"right to a relative error of {error:.1e} only, more than float32 rounds: float16, a "
        "numeric derivative, or a constant that does not belong there",
    )


def unknown(trials: Sequence[Trial], output: str) -> Fit:
    """Where an output is wrong first, and what its ratios to the right values look like."""
    wrong = [_wrong(trial, output) for trial in trials]
    first = next(k for k, w in enumerate(wrong) if w.any())
    trial = trials[first]
    result, right = trial.results[output], trial.right[output]
    entries = [
        f"{output}[{', '.join(map(str, index))}] is {result[tuple(index)]:.6g}, expected "
        f"{right[tuple(index)] + 0.0:.6g}"
        for index in np.argwhere(wrong[first])[:3]
    ]
    share = sum(bool(w.any()) for w in wrong)
    where = "all inputs" if share == len(trials) else f"{share} of {len(trials)} inputs"
    return Fit(
        "unknown",
        f"wrong in a way that is not known, on {where}; first for {trial}: {'; '.join(entries)}"
        f"; {_pattern(trials, output)}",
    )


def _pattern(trials: Sequence[Trial], output: str) -> str:
    """The ratios to the right values: one for each input, row or column, or only signs wrong."""
    pairs = [(t.results[output], t.right[output]) for t in trials]
    if all(_proportional(result, right, None) for result, right in pairs):
        return "in each input by a factor of its own"
    if pairs[0][1].ndim == 2:
        for axis, what in ((1, "row"), (0, "column")):
            if all(_proportional(result, right, axis) for result, right in pairs):
                return f"each {what} by a factor of its own"
    if all(np.all(agreement(np.abs(result), np.abs(right))) for result, right in pairs):
        return "the sizes are right and only signs are wrong"
    return "the ratios to the right values follow no pattern"


def _proportional(result: Any, right: Any, axis: int | None) -> bool:
    """Whether a result is a multiple of the right one, along ``axis`` or altogether."""
    keep = axis is not None
    size = np.sum(right * right, axis=axis, keepdims=keep)
    ratio = np.sum(result * right, axis=axis, keepdims=keep) / np.where(size > 0, size, 1)
    return bool(np.all(agreement(result, ratio * right)))

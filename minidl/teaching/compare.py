"""Finding the wrong formulas that explain a student's results."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from minidl.teaching.kernel import Evaluation, Kernel, Mistake
from minidl.teaching.verdict import Explanation, Finding, listed

# Relative to the largest entry of the output, or to 1, the size of the inputs. Float32 rounds to
# 6e-8; a few dozen operations and a division by a small deviation enlarge this a hundredfold. Two
# formulas of the catalogue are further apart than a hundred tolerances.
TOLERANCE = 1e-5

SIZES = (3, 4, 5, 6, 7)


class Trial(NamedTuple):
    """An input, and the outputs of the backward by name, or the exception in words."""

    sizes: dict[str, int]
    right: Evaluation
    results: Any

    def __str__(self) -> str:
        return listed(f"{axis} = {size}" for axis, size in self.sizes.items())


def telling(letters: Sequence[str], rng: np.random.Generator) -> list[dict[str, int]]:
    """The sizes of the axes on which every backward is tried.

    Sizes differ, where a transposed product does not fit; sizes are equal, where such a product
    fits; and sizes are 1, where sums and means hide.
    """
    found = [different(letters, rng) for _ in range(5)]
    found += [dict.fromkeys(letters, size) for size in (3, 4)]
    if len(letters) > 2:
        for one, other in itertools.combinations(letters, 2):
            drawn = different(letters, rng)
            found.append({**drawn, one: drawn[other]})
    found += [{**different(letters, rng), axis: 1} for axis in letters]
    return [*found, dict.fromkeys(letters, 1)]


def different(letters: Sequence[str], rng: np.random.Generator) -> dict[str, int]:
    """Sizes that all differ."""
    chosen = rng.choice(SIZES, len(letters), replace=False)
    return {axis: int(size) for axis, size in zip(letters, chosen, strict=True)}


def distance(result: Any, expected: Any) -> Any:
    """Distances of two arrays' entries, relative to the largest entry or to 1.

    Entries that are not finite have the distance 0 from each other, and infinity from a number.
    """
    finite = np.isfinite(expected)
    scale = max(1.0, float(np.max(np.abs(expected), where=finite, initial=0)))
    with np.errstate(invalid="ignore"):
        apart = np.where(np.isfinite(result), np.abs(result - expected) / scale, np.inf)
    return np.where(finite, apart, np.where(np.isfinite(result), np.inf, 0))


def agreement(result: Any, expected: Any) -> Any:
    """True where two arrays of equal shape agree."""
    return distance(result, expected) <= TOLERANCE


def expected(inputs: Evaluation, output: str, explanation: Explanation, returned: Any) -> Any:
    """The output under an explanation; None where NumPy refuses the wrong formula."""
    try:
        evaluation = inputs.under(explanation, returned) if explanation else inputs
        return np.asarray(evaluation[output], dtype=np.float64)
    except (ValueError, IndexError, TypeError, ZeroDivisionError):  # does not fit, 1 / 0
        return None


def matching(
    explanations: Iterable[Explanation], output: str, trials: Sequence[Trial]
) -> list[Explanation]:
    """The explanations that give, in every trial, the output that the student returned."""
    return [e for e in explanations if all(_holds(e, output, trial) for trial in trials)]


def _holds(explanation: Explanation, output: str, trial: Trial) -> bool:
    result = trial.results[output]
    if isinstance(result, Finding):
        return False
    wanted = expected(trial.right, output, explanation, result)
    if wanted is None or wanted.shape != result.shape:
        return False
    # A formula that is wrong beside a kink may give anything at the kink: students write < or <=.
    beside = bool(explanation) and not any(mistake.at_kink for mistake in explanation)
    return bool(np.all(agreement(result, wanted) | (beside and trial.right["kink"])))


def right_beside_kinks(output: str, trials: Sequence[Trial]) -> bool:
    """True if an output is right but where the input lies at a kink."""
    pairs = ((trial, trial.results[output], trial.right[output]) for trial in trials)
    return all(
        not isinstance(result, Finding)
        and result.shape == right.shape
        and bool(np.all(agreement(result, right) | trial.right["kink"]))
        for trial, result, right in pairs
    )


def candidates(kernel: Kernel, output: str, elsewhere: Iterable[Mistake]) -> list[Mistake]:
    """The mistakes that can be behind an output.

    A mistake in another output counts only if found there: ``elsewhere``.
    """
    needed, made = kernel.needed_for(output), list(elsewhere)
    others = set(kernel.outputs) - {output}
    return [
        m
        for m in kernel.mistakes
        if needed.intersection(m.targets)
        and (m in made or output in m.targets or others.isdisjoint(m.targets))
    ]


def known(kernel: Kernel, output: str, elsewhere: Iterable[Mistake]) -> Iterator[list[Explanation]]:
    """The known explanations of an output, the simplest first: one mistake, then two at once.

    Explanations that take something from the result come last, because these fit more easily.
    """
    mistakes = candidates(kernel, output, elsewhere)
    pairs = [pair for pair in itertools.combinations(mistakes, 2) if compose(*pair)]
    for fitting in (False, True):
        for group in ([(mistake,) for mistake in mistakes], pairs):
            yield [e for e in group if any(mistake.fits for mistake in e) is fitting]


def compose(one: Mistake, other: Mistake) -> bool:
    """True if two mistakes can be made at once, in different places or upon each other."""
    apart = set(one.targets).isdisjoint(other.targets)
    return one.name != other.name and (apart or one.changes or other.changes)

"""Findings in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from minidl.teaching.kernel import Kernel, Mistake

# Two calls may differ by so much: a matrix product may round otherwise where memory lies otherwise.
ROUNDING = 1e-9

# The mistakes that explain an output together; none for the right one.
Explanation = tuple[Mistake, ...]
RIGHT: Explanation = ()


class Finding(NamedTuple):
    """A sentence about one output: names of what is wrong, none if nothing is; what follows "is"."""

    names: tuple[str, ...]
    text: str


class Unusable(Exception):  # noqa: N818 - it becomes the diagnosis
    """A backward that cannot be compared: the problem's name, a sentence, the outputs that have it."""

    def __init__(self, problem: str, text: str, outputs: Iterable[str] = ()) -> None:
        super().__init__(text)
        self.problem, self.text, self.outputs = problem, text, outputs


@dataclass(frozen=True)
class Diagnosis:
    """What :func:`minidl.testing.diagnose` finds; ``str()`` of it is the sentence.

    Attributes:
        kernel: name of the kernel.
        correct: True if every output is right.
        outputs: for each output the names of what is wrong with it: ``()`` where it is right; two
            mistakes at once are one name, "A and B"; several names are mistakes that give the
            same numbers on every input. Empty where the outputs could not be compared.
        problem: what is wrong with the backward as a whole, or "": "signature", "exception",
            "outputs", "order", "in place", "not deterministic", "accumulated".
        error: the largest error of a right backward, relative to the largest entry of an output,
            or to 1 where that is smaller; 0 for a wrong one.
    """

    kernel: str
    correct: bool
    outputs: Mapping[str, tuple[str, ...]]
    problem: str = ""
    error: float = 0.0
    text: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.kernel}: {self.text}"


def correct(kernel: Kernel, error: float, inputs: int) -> Diagnosis:
    """All outputs are right."""
    agree = "agrees" if len(kernel.outputs) == 1 else "agree"
    coarse = ", as by float32 or by a small constant in the formula" if error > ROUNDING else ""
    text = (
        f"correct. {listed(kernel.outputs)} {agree} with the engine on {inputs} random inputs of "
        f"different, equal and single sizes; the largest relative error is {error:.1e}{coarse}."
    )
    return Diagnosis(kernel.name, True, dict.fromkeys(kernel.outputs, ()), "", error, text)


def wrong(kernel: Kernel, findings: Mapping[str, Finding]) -> Diagnosis:
    """Some outputs are wrong; those with the same finding share a sentence, the right ones too."""
    groups: dict[Finding, list[str]] = {}
    for output in kernel.outputs:
        groups.setdefault(findings[output], []).append(output)
    text = " ".join(
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} {finding.text}"
        for finding, names in sorted(groups.items(), key=lambda group: not group[0].names)
    )
    outputs = {output: findings[output].names for output in kernel.outputs}
    return Diagnosis(kernel.name, False, outputs, text=text)


def explained(explanations: Sequence[Explanation], output: str, kernel: Kernel) -> Finding:
    """What the known mistakes say of an output; several if they cannot be told apart."""
    if not explanations[0]:
        return Finding((), "right.")
    names = tuple(_labels(e, output, kernel) for e in explanations)
    formulas = [_formulas(e, output, kernel) for e in explanations]
    what = "two mistakes at once" if len(explanations[0]) > 1 else "a known mistake"
    if len(formulas) > 1:
        same = f"either {', or '.join(formulas)}, which give the same numbers on every input"
        return Finding(names, f"wrong by {what}: {same}.")
    return Finding(names, f"wrong by {what}, {formulas[0]}. {_reasons(explanations[0])}")


def multiple(factors: Mapping[Explanation, str], output: str, kernel: Kernel) -> Finding:
    """An output is a multiple of the right one, or of what a known mistake gives."""
    if RIGHT in factors:
        text = f"wrong by a factor: {factors[RIGHT]} times the right one."
        return Finding((f"factor {factors[RIGHT]}",), text)
    names = (f"{_labels(e, output, kernel)} and factor {f}" for e, f in factors.items())
    texts = (
        f"{_formulas(e, output, kernel)} and a factor of {factor}. {_reasons(e)}"
        for e, factor in factors.items()
    )
    return Finding(tuple(names), f"wrong by two mistakes at once, {' Or: '.join(texts)}")


def listed(names: Iterable[str]) -> str:
    """``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _label(mistake: Mistake, output: str, kernel: Kernel) -> str:
    """The name of a mistake, and the place if it was made in another output."""
    place = [name for name in mistake.targets if name in kernel.outputs]
    if not place or output in place or place[0] in mistake.name:
        return mistake.name
    return f"{mistake.name} in {place[0]}"


def _labels(explanation: Explanation, output: str, kernel: Kernel) -> str:
    return " and ".join(_label(mistake, output, kernel) for mistake in explanation)


def _formulas(explanation: Explanation, output: str, kernel: Kernel) -> str:
    return " and ".join(f"{_label(m, output, kernel)} ({m.text})" for m in explanation)


def _reasons(explanation: Explanation) -> str:
    return " ".join(mistake.why for mistake in explanation)

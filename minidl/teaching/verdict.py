"""Findings in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from minidl.teaching.kernel import Kernel, Mistake

# A matrix product may round otherwise where memory lies otherwise, but not by more than this.
ROUNDING = 1e-9

# The mistakes that explain an output together; none for the right one.
Explanation = tuple[Mistake, ...]
RIGHT: Explanation = ()


class Finding(NamedTuple):
    """A finding about one output: the names of what is wrong, and the sentence after "is"."""

    names: tuple[str, ...]
    text: str


class Unusable(Exception):  # noqa: N818 - it becomes the diagnosis
    """A backward that cannot be compared: the problem's name, a sentence, the outputs with it."""

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


def right(outputs: Sequence[str], inputs: int, error: float) -> str:
    """All outputs agree with the engine."""
    agree = "agrees" if len(outputs) == 1 else "agree"
    coarse = ", as by float32 or by a small constant in the formula" if error > ROUNDING else ""
    return (
        f"correct. {listed(outputs)} {agree} with the engine on {inputs} random inputs of "
        f"different, equal and single sizes; the largest relative error is {error:.1e}{coarse}."
    )


def sentences(findings: Mapping[str, Finding]) -> str:
    """What is found about each output; those with the same finding share a sentence."""
    groups: dict[Finding, list[str]] = {}
    for output, finding in findings.items():
        groups.setdefault(finding, []).append(output)
    return " ".join(
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} {finding.text}"
        for finding, names in sorted(groups.items(), key=lambda group: not group[0].names)
    )


def explained(explanations: Sequence[Explanation], output: str, kernel: Kernel) -> Finding:
    """What the known mistakes say of an output; several if they cannot be told apart."""
    if not explanations[0]:
        return Finding((), "right.")
    what = "two mistakes at once" if len(explanations[0]) > 1 else "a known mistake"
    names, formulas, reasons = zip(*(_told(e, output, kernel) for e in explanations), strict=True)
    if len(formulas) > 1:
        same = f"either {', or '.join(formulas)}, which give the same numbers on every input"
        return Finding(names, f"wrong by {what}: {same}.")
    return Finding(names, f"wrong by {what}, {formulas[0]}. {reasons[0]}")


def multiple(factors: Mapping[Explanation, str], output: str, kernel: Kernel) -> Finding:
    """An output is a multiple of the right one, or of what a known mistake gives."""
    if RIGHT in factors:
        text = f"wrong by a factor: {factors[RIGHT]} times the right one."
        return Finding((f"factor {factors[RIGHT]}",), text)
    told = [(*_told(e, output, kernel), factor) for e, factor in factors.items()]
    texts = [f"{formulas} and a factor of {factor}. {why}" for _, formulas, why, factor in told]
    return Finding(
        tuple(f"{names} and factor {factor}" for names, _, _, factor in told),
        f"wrong by two mistakes at once, {' Or: '.join(texts)}",
    )


def _told(explanation: Explanation, output: str, kernel: Kernel) -> tuple[str, str, str]:
    """The names of an explanation's mistakes, these with their formulas, and the reasons."""
    labels = []
    for mistake in explanation:
        place = [name for name in mistake.targets if name in kernel.outputs]
        elsewhere = place and output not in place and place[0] not in mistake.name
        labels.append(f"{mistake.name} in {place[0]}" if elsewhere else mistake.name)
    formulas = (f"{n} ({m.text})" for n, m in zip(labels, explanation, strict=True))
    return " and ".join(labels), " and ".join(formulas), " ".join(m.why for m in explanation)


def listed(names: Iterable[str]) -> str:
    """``a, b and c``."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last

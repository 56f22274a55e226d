"""Findings in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from minidl.teaching.kernel import Kernel, Mistake

# The most that two right results differ by, where memory lies otherwise and a product rounds so.
ROUNDING = 1e-9

# The mistakes that explain an output together; none for a right output.
Explanation = tuple[Mistake, ...]
RIGHT: Explanation = ()


class Finding(NamedTuple):
    """A finding about an output: the names of mistakes, and the sentence after "is"."""

    names: tuple[str, ...]
    text: str


class Unusable(Exception):  # noqa: N818 - it becomes the diagnosis
    """A backward that cannot be compared: the problem's name, a sentence, the spoilt outputs."""

    def __init__(self, problem: str, text: str, outputs: Iterable[str] = ()) -> None:
        super().__init__(text)
        self.problem, self.text, self.outputs = problem, text, outputs


@dataclass(frozen=True)
class Diagnosis:
    """A result of :func:`minidl.testing.diagnose`, whose ``str()`` is the sentence.

    Attributes:
        kernel: name of the kernel.
        correct: True if every output is right.
        outputs: for each output the names of mistakes, ``()`` for a right output; two mistakes at
            once have the name "A and B"; several names are mistakes that give the same numbers on
            every input. Empty where the outputs could not be compared.
        problem: the name of a problem with the backward as a whole, or "": "signature",
            "exception", "outputs", "order", "in place", "not deterministic", "accumulated",
            "forward".
        error: the largest error of a right backward, relative to the largest entry of an output or
            to 1; 0 for a wrong backward.
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
    """The sentence for outputs that all agree with the engine."""
    agree = "agrees" if len(outputs) == 1 else "agree"
    coarse = ", as by float32 or by a small constant in the formula" if error > ROUNDING else ""
    return (
        f"correct. {listed(outputs)} {agree} with the engine on {inputs} random inputs of "
        f"different, equal and single sizes; the largest relative error is {error:.1e}{coarse}."
    )


def sentences(findings: Mapping[str, Finding]) -> str:
    """Sentences about all outputs; outputs with the same finding share a sentence."""
    groups: dict[Finding, list[str]] = {}
    for output, finding in findings.items():
        groups.setdefault(finding, []).append(output)
    return " ".join(
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} {finding.text}"
        for finding, names in sorted(groups.items(), key=lambda group: not group[0].names)
    )


def explained(explanations: Sequence[Explanation], output: str, kernel: Kernel) -> Finding:
    """The finding about an output with known explanations, several if the numbers are the same."""
    if not explanations[0]:
        return Finding((), "right.")
    what = "two mistakes at once" if len(explanations[0]) > 1 else "a known mistake"
    names, formulas, reasons = zip(*(_told(e, output, kernel) for e in explanations), strict=True)
    if len(formulas) > 1:
        same = f"either {', or '.join(formulas)}, which give the same numbers on every input"
        return Finding(names, f"wrong by {what}: {same}.")
    return Finding(names, f"wrong by {what}, {formulas[0]}. {reasons[0]}")


def multiple(factors: Mapping[Explanation, str], output: str, kernel: Kernel) -> Finding:
    """The finding about a multiple of the right output, or of a known mistake's output."""
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
    """The names of an explanation's mistakes, the names with formulas, and the sentences."""
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

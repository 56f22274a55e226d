"""Findings of a check: for each tensor, and for each compared entry of a wrong tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

SAME = 1e-6  # relative; two modes that compute the same differ by less
SHOWN = 8  # limit for the printed wrong entries of a tensor, the worst first


class Kink(NamedTuple):
    """A kink: the place, such as "first (relu): input[3, 2] = 0", and the slopes on both sides."""

    place: str
    left: float
    right: float

    @classmethod
    def at(cls, what: str, index: Sequence[int], value: float, left: float, right: float) -> Kink:
        """The kink at an entry of the tensor ``what``."""
        # + 0.0 makes 0 of -0, here and below.
        return cls(f"{what}{[int(k) for k in index]} = {value + 0.0:.6g}", left, right)

    def __str__(self) -> str:
        left, right = self.left + 0.0, self.right + 0.0
        return f"{self.place}, slope {left:.6g} to the left, {right:.6g} to the right"


class TensorCheck(NamedTuple):
    """One tensor in one mode.

    Attributes:
        name: name of the tensor.
        mode: "training", "inference" or "".
        shape: shape of the tensor.
        error: the largest deviation along the directions, relative to the gradient or to a
            thousandth of the largest gradient of all, whichever is larger.
        resolution: the smallest deviation that the check would have found.
    """

    name: str
    mode: str
    shape: tuple[int, ...]
    error: float
    resolution: float

    @property
    def label(self) -> str:
        """The name, after the mode."""
        return f"{self.mode}: {self.name}" if self.mode else self.name


class Entry(NamedTuple):
    """One entry of a tensor: the backward's value, and the value from differences."""

    place: tuple[int, ...]
    analytic: float
    numeric: float
    wrong: bool

    @property
    def error(self) -> float:
        """The difference, relative to the larger of both values."""
        return _apart(self.analytic, self.numeric)


class Failure(NamedTuple):
    """A wrong tensor.

    Attributes:
        check: the tensor and its deviation.
        analytic, numeric: the slopes along the direction that showed the deviation.
        entries: the wrong entries found.
        looked_at: number of compared entries.
        hint: the common pattern of the wrong entries, or "".
    """

    check: TensorCheck
    analytic: float
    numeric: float
    entries: tuple[Entry, ...]
    looked_at: int
    hint: str

    def __str__(self) -> str:
        entries, name = self.entries, self.check.label
        lines = [
            f"{name} {self.check.shape}: {self._count()}; along a random direction analytic "
            f"{self.analytic:.9g}, numeric {self.numeric:.9g} (relative error "
            f"{_apart(self.analytic, self.numeric):.2g})"
        ]
        if self.hint:
            lines.append(f"  {self.hint}")
        if entries:
            lines.append(f"  {'entry':<14}{'analytic':>18}{'numeric':>18}{'relative error':>17}")
        for entry in sorted(entries, key=lambda e: -abs(e.analytic - e.numeric))[:SHOWN]:
            lines.append(
                f"  {list(entry.place)!s:<14}{entry.analytic:>18.9g}{entry.numeric:>18.9g}"
                f"{entry.error:>17.2g}"
            )
        if len(entries) > SHOWN:
            lines.append(f"  ... and {len(entries) - SHOWN} more")
        return "\n".join(lines)

    def like(self, other: Failure) -> bool:
        """True for the same tensor in another mode with the same numbers, or the same pattern."""
        if self.check.name != other.check.name or self.check.mode == other.check.mode:
            return False
        pairs = (self.analytic, other.analytic), (self.numeric, other.numeric)
        same = all(_apart(*pair) < SAME for pair in pairs)
        return same or (self.hint != "" and self.hint == other.hint)

    def _count(self) -> str:
        if not self.looked_at:
            return "wrong"
        size = math.prod(self.check.shape)
        if not self.entries:
            return f"wrong, though none of {self.looked_at:,} entries is by more than its rounding"
        part = "" if self.looked_at >= size else f" looked at, of {size:,}"
        return f"{len(self.entries):,} of {self.looked_at:,} entries{part} wrong"


def _apart(one: float, other: float) -> float:
    size = max(abs(one), abs(other))
    return abs(one - other) / size if size else 0.0


@dataclass(frozen=True)
class Result:
    """The checked gradients, and their agreement.

    Attributes:
        subject: name of the checked object.
        checks: a check for each tensor and mode.
        kinks: kinks near the point, avoided by narrower probes.
    """

    subject: str
    checks: tuple[TensorCheck, ...]
    kinks: tuple[str, ...] = ()

    @property
    def max_error(self) -> float:
        """The largest relative error of all tensors."""
        return max((check.error for check in self.checks), default=0.0)

    def __str__(self) -> str:
        width = max((len(check.label) for check in self.checks), default=0) + 2
        lines = [f"gradients of {self.subject}: right, largest relative error {self.max_error:.1e}"]
        lines += [
            f"  {check.label:<{width}}{check.shape!s:<14} error {check.error:.1e}, resolution "
            f"{check.resolution:.1e}"
            for check in self.checks
        ]
        lines += [f"  kink avoided: {text}" for text in self.kinks[:SHOWN]]
        if len(self.kinks) > SHOWN:
            lines.append(f"  ... and {len(self.kinks) - SHOWN} more kinks avoided")
        return "\n".join(lines)

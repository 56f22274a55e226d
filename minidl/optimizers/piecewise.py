"""A learning rate of several constants, one after the other."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from minidl import checks
from minidl.names.register import register
from minidl.optimizers.schedule import LearningRateSchedule


@register
class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] up to and including step boundaries[i], the last value after.

    Args:
        boundaries: strictly increasing steps.
        values: one more than boundaries.

    Raises:
        ValueError: the counts do not match or the boundaries do not increase.
    """

    boundaries: Any = checks.Attribute(lambda self, name, value: self._checked(name, value))
    values: Any = checks.Attribute(lambda self, name, value: self._checked(name, value))

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str | None = None
    ) -> None:
        self.name = name
        self.boundaries = boundaries
        self.values = values

    def _checked(self, name: str, given: Sequence[float]) -> Any:
        numbers = tuple(checks.real(name, number, 0) for number in given)
        both = {**vars(self), name: numbers}
        boundaries, values = both["boundaries"], both.get("values")
        if values is not None and len(values) != len(boundaries) + 1:
            raise ValueError(
                "PiecewiseConstantDecay: expected one more value than boundaries, received "
                f"{len(boundaries)} boundaries and {len(values)} values; to change the number of "
                "both, make a new schedule"
            )
        if any(a >= b for a, b in itertools.pairwise(boundaries)):
            raise ValueError(
                "PiecewiseConstantDecay: expected strictly increasing boundaries, received "
                f"{list(boundaries)}"
            )
        return numbers

    def _rate(self, step: float) -> float:
        passed = sum(step > boundary for boundary in self.boundaries)
        return float(self.values[passed])

"""Gradients gathered over several batches before an update."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.kernels import averaging


def _steps(optimizer: Any, name: str, value: Any) -> int | None:
    if getattr(optimizer, "gathered", 0):
        raise AttributeError(
            f"{name} cannot be set while gradients are gathered; expected another "
            f"{optimizer.gathered} of {optimizer.gradient_accumulation_steps} batches before"
        )
    return None if value is None else checks.integer(name, value, 2)


class GradientAccumulation:
    """The part of an optimizer that gathers gradients.

    Attributes:
        gradient_accumulation_steps: an update is made after so many batches, with the mean of
            their gradients; None for an update after each batch.
        batches: gradients received so far.
    """

    gradient_accumulation_steps: Any = checks.Attribute(_steps, then="_resize")
    batches: int
    state: dict[str, Any]

    @property
    def gathered(self) -> int:
        """Number of batches since the last update."""
        return self.batches % (vars(self).get("gradient_accumulation_steps") or 1)

    def _gather(self, grad: Any) -> bool:
        """Add a gradient; True if an update is due, with the mean in ``grad``."""
        steps = self.gradient_accumulation_steps
        total = self.state["gradient_sum"]
        averaging.add_gradient(total, grad, out=total)
        if self.gathered + 1 < steps:
            return False
        averaging.take_mean(total, steps, out=(grad, total))
        return True

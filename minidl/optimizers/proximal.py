"""The step size that a proximal penalty needs of an optimizer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minidl.parameters import Parameter

NO_STEP_SIZE = (
    "a proximal penalty needs a step size, which with momentum is learning_rate / (1 - momentum): "
    "expected a momentum below 1, received 1"
)
ONCE_A_BATCH = (
    "a proximal penalty takes a step after each batch: expected gradient_accumulation_steps of None"
)


class StepSize:
    """The part of an optimizer that says how long a step a proximal penalty takes after it."""

    gradient_accumulation_steps: Any
    momentum: Any
    #: reason why no proximal step can follow this optimizer's, whatever its arguments; or ""
    no_step_size = ""

    @property
    def without_step_size(self) -> str:
        """Reason why no penalty can take a proximal step after this optimizer's, or ""."""
        if self.no_step_size or self.momentum == 1:
            return self.no_step_size or NO_STEP_SIZE
        return ONCE_A_BATCH if self.gradient_accumulation_steps else ""

    def _check_step_size(self, tensors: Iterable[Parameter] | None) -> None:
        reason = self.without_step_size
        if reason and any(e.regularizer and e.regularizer.proximal for e in tensors or ()):
            raise ValueError(reason)

    def step_size(self, part: slice, out: Any) -> Any:
        """Factor of the gradient in the last update, as a constant since the start.

        For a constant the step size is learning_rate / (1 - momentum) where momentum gathers steps,
        and learning_rate over the coordinate's root where the optimizer divides by a root.

        Args:
            part: of the vector.
            out: of the part's size; may be overwritten.

        Returns:
            A number for all coordinates, or ``out`` with one for each.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define step_size(part, out) to go with a proximal penalty"
        )

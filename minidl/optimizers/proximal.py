"""The step size that a proximal penalty needs of an optimizer, or the reason why there is none."""

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


def reason_against(optimizer: Any) -> str:
    """Reason why no penalty can take a proximal step after the optimizer's, or ""."""
    if optimizer.no_step_size or optimizer.momentum == 1:
        return optimizer.no_step_size or NO_STEP_SIZE
    return ONCE_A_BATCH if optimizer.gradient_accumulation_steps else ""


def check(optimizer: Any, tensors: Iterable[Parameter] | None) -> None:
    """Raise for a penalty that needs a step size which the optimizer cannot give.

    Raises:
        ValueError: with the reason.
    """
    reason = reason_against(optimizer)
    if reason and any(e.regularizer and e.regularizer.proximal for e in tensors or ()):
        raise ValueError(reason)

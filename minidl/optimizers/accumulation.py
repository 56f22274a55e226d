"""Gradients gathered over several batches before an update."""

from __future__ import annotations

from typing import Any

from minidl import checks
from minidl.kernels import averaging


def checked(optimizer: Any, name: str, value: Any) -> int | None:
    """The check of ``gradient_accumulation_steps``: at least 2, or None."""
    steps = vars(optimizer).get(name)
    gathered = optimizer.batches % steps if steps else 0
    if gathered:
        raise AttributeError(
            f"{name} cannot be set while gradients are gathered; expected {steps - gathered} more "
            f"batches before, received {gathered} of {steps}"
        )
    return None if value is None else checks.integer(name, value, 2)


def gathers_last(optimizer: Any) -> bool:
    """True if an update is due with the next gradient."""
    return bool((optimizer.batches + 1) % optimizer.gradient_accumulation_steps == 0)


def gather(optimizer: Any, grad: Any) -> None:
    """Add ``grad`` to the sum."""
    total = optimizer.state["gradient_sum"]
    averaging.add_gradient(total, grad, out=total)


def take(optimizer: Any, grad: Any) -> None:
    """Add ``grad`` to the sum, write the mean to ``grad``, and begin a new sum."""
    gather(optimizer, grad)
    total = optimizer.state["gradient_sum"]
    averaging.take_mean(total, optimizer.gradient_accumulation_steps, out=(grad, total))

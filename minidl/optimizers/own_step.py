"""A look at the first step of a user's own optimizer."""

from __future__ import annotations

import warnings
from typing import Any

from minidl.backend.sparse import outside


def is_foreign(step: Any) -> bool:
    """True for a ``step`` that is not minidl's."""
    return not str(getattr(step, "__module__", "")).startswith("minidl.")


def look_at_step(optimizer: Any, theta: Any, grad: Any, learning_rate: float, t: int) -> bool:
    """Make a step; warn if ``theta`` should have moved and has not. False if no move is due."""
    before, moves = theta.copy(), bool(learning_rate) and bool(grad.any())
    optimizer.step(theta, grad, learning_rate, t)
    if moves and bool((theta == before).all()):
        warnings.warn(
            f"{type(optimizer).__name__}.step left theta as it was, though grad is not 0: expected "
            "theta to be moved in place, as theta -= learning_rate * grad or theta[...] = … "
            "do; theta = … names a new array, which nobody keeps",
            stacklevel=outside(),
        )
    return moves

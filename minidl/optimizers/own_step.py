"""A look at the first step of an optimizer of somebody else's."""

from __future__ import annotations

import warnings
from typing import Any

from minidl.backend.sparse import outside


class OwnStep:
    """An optimizer whose subclasses define ``step``, which has to move ``theta`` in place."""

    step: Any
    #: True until a step of somebody else's has been looked at.
    _doubted = False

    def _doubt(self) -> None:
        """Have the first step looked at, where the step is not minidl's."""
        self._doubted = not str(getattr(self.step, "__module__", "")).startswith("minidl.")

    def _step_in_doubt(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        """A step, with a warning if ``theta`` should have moved and has not."""
        before, moves = theta.copy(), bool(learning_rate) and bool(grad.any())
        self.step(theta, grad, learning_rate, t)
        self._doubted = not moves
        if moves and bool((theta == before).all()):
            warnings.warn(
                f"{type(self).__name__}.step left theta as it was, though grad is not 0: expected "
                "theta to be moved in place, as theta -= learning_rate * grad or theta[...] = … "
                "do; theta = … names a new array, which nobody keeps",
                stacklevel=outside(),
            )

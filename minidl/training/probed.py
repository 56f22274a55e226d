"""An optimizer that lets a probe look at the gradients before the update."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minidl.optimizers import Optimizer


class Probed:
    """An optimizer with a call of another function before the update.

    Args:
        optimizer: the wrapped optimizer, which is asked for all other attributes.
        probe: a function without arguments.
    """

    def __init__(self, optimizer: Optimizer, probe: Callable[[], None]) -> None:
        self._optimizer, self._probe = optimizer, probe

    def update(self, theta: Any, grad: Any) -> None:
        """Call the probe, then the optimizer's update."""
        self._probe()
        self._optimizer.update(theta, grad)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._optimizer, name)

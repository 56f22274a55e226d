"""Gradient descent, plain and with momentum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minidl import checks
from minidl.kernels import updates
from minidl.names.register import register
from minidl.optimizers.base import Optimizer


@register
class SGD(Optimizer):
    """Stochastic gradient descent; formulas in :mod:`minidl.kernels.updates`.

    Args:
        learning_rate: default 0.01.
        momentum: share of the last step that is kept, in [0, 1]; default 0, plain descent.
        nesterov: whether the gradient's step is looked ahead; default False.
        **options: the other arguments of :class:`Optimizer`, such as weight_decay.

    Examples:
        >>> theta = np.array([1.0])
        >>> SGD(0.5).update(theta, np.array([0.2]))
        >>> theta
        array([0.9])
    """

    momentum = checks.number(0, 1, ends="[]", then="_follow")
    nesterov = checks.flag()

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = momentum
        self.nesterov = nesterov

    @property
    def slots(self) -> Mapping[str, float]:
        return {"velocity": 0.0} if self.momentum else {}

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        ahead = self.momentum * self.accumulated_learning_rate + learning_rate
        self._step_size = ahead if self.nesterov else self.accumulated_learning_rate
        if not self.momentum:
            updates.sgd(theta, grad, learning_rate, out=theta)
            return
        velocity = self.state["velocity"]
        update = updates.nesterov if self.nesterov else updates.momentum
        update(theta, grad, velocity, learning_rate, self.momentum, out=(theta, velocity))

    def step_size(self, part: slice, out: Any) -> float:
        return self._step_size

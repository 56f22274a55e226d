"""RMSprop: steps divided by the root of a running mean square."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from minidl import checks
from minidl.kernels import adaptive, step_sizes, updates
from minidl.names.register import register
from minidl.optimizers.base import Optimizer

#: (centered, momentum) -> the formula.
UPDATES = {
    (False, False): updates.rmsprop,
    (False, True): adaptive.rmsprop_momentum,
    (True, False): adaptive.rmsprop_centered,
    (True, True): adaptive.rmsprop_centered_momentum,
}


@register
class RMSprop(Optimizer):
    """RMSprop; formulas in :mod:`minidl.kernels.updates`, centered :mod:`minidl.kernels.adaptive`.

    Args:
        learning_rate: default 0.001.
        rho: share of the running averages that a step keeps, in [0, 1); default 0.9.
        momentum: in [0, 1], default 0.
        epsilon: inside the root, > 0; default 1e-7.
        centered: whether the running mean is taken from the running square; default False.
        **options: the other arguments of :class:`Optimizer`, such as weight_decay.
    """

    rho = checks.number(0, 1)
    momentum = checks.number(0, 1, ends="[]", then="_follow")
    epsilon = checks.number(0, ends="()")
    centered = checks.flag(then="_follow")

    def __init__(
        self,
        learning_rate: float | Callable[[int], float] = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    @property
    def slots(self) -> Mapping[str, float]:
        wanted = {"v": True, "m": self.centered, "velocity": self.momentum}
        return {name: 0.0 for name, is_wanted in wanted.items() if is_wanted}

    def step(self, theta: Any, grad: Any, learning_rate: float, t: int) -> None:
        state = [self.state[name] for name in self.slots]
        momentum = (self.momentum,) if self.momentum else ()
        numbers = learning_rate, self.rho, *momentum, self.epsilon
        update = UPDATES[self.centered, bool(self.momentum)]
        update(theta, grad, *state, *numbers, out=(theta, *state))

    def step_size(self, part: slice, out: Any) -> Any:
        v, gain = self.state["v"][part], self.accumulated_learning_rate
        if self.centered:
            m = self.state["m"][part]
            return step_sizes.rmsprop_centered_step_size(v, m, gain, self.epsilon, out=out)
        return step_sizes.rmsprop_step_size(v, gain, self.epsilon, out=out)
